"""What a file is that does not hold the tensors it should: an archive, a web page, a pointer, a cut download."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from semsynth.errors import shortened

_HEAD = 4096
_MAX_MEMBERS, _MAX_LISTED_BYTES = 10_000, 1 << 30
"""Members of an archive that are looked at, and unpacked bytes that are passed on the way to them."""
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_OTHER_ARCHIVES = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "RAR"}
_PICTURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"RIFF": "WebP"}
_WEIGHTS = (".pth", ".pt", ".safetensors", ".npz", ".index", ".ckpt", ".npy")
_AGAIN = "copy or download it again"


def describe_file(path: Path) -> str | None:
    """A predicate and the next step for a file that is of another kind than expected.

    Args:
        path: a regular file.

    Returns:
        For example ``"is a Git LFS pointer: run 'git lfs pull' where it was cloned"``; None for a file of tensors, or
        one of no kind that is known here.
    """
    size = path.stat().st_size
    if not size:
        return f"is empty: {_AGAIN}"
    with path.open("rb") as file:
        head = file.read(_HEAD)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        return f"is a web page{_title(head)}: the download did not work; download the file itself in a browser"
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the file itself: run 'git lfs pull' where it was cloned"
    if head.startswith(b"MATLAB") or head[:4] == b"\x89HDF":
        return (
            "is a MATLAB or HDF5 file: give a .safetensors file, or a .pth of tensors by name (of VGG-19 torchvision's "
            "vgg19-dcbb9e9d.pth)"
        )
    for signature, kind in (_OTHER_ARCHIVES | _PICTURES).items():
        if head.startswith(signature):
            return f"is a {kind} archive: unpack it" if signature in _OTHER_ARCHIVES else f"is a {kind} picture"
    if head.startswith(b"PK"):
        return _zip(path, size)
    if head.startswith(_COMPRESSED) or head[257:262] == b"ustar":
        return _archive(list(_tar_members(path)))
    if head.startswith(b"\x93NUMPY"):
        return "is a NumPy array"
    return "is a text file" if _is_text(head) else None


def _zip(path: Path, size: int) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()[:_MAX_MEMBERS]
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError):
        return f"is cut off or damaged ({size:,} bytes): {_AGAIN}"
    if any(re.fullmatch(r"[^/]+/(code/.*|constants\.pkl)", name) for name in names):
        return "is a TorchScript archive, which holds code: save the module's state_dict() where it was made"
    if any(re.fullmatch(r"([^/]+/)?data\.pkl", name) for name in names):
        return None
    if names and all(name.endswith(".npy") for name in names):
        return "is a .npz of NumPy arrays"
    return _archive(names)


def _archive(names: list[str]) -> str:
    """An archive, by what lies in it; the likeliest file of weights comes first."""
    weights = [name for name in names if name.endswith(_WEIGHTS)]
    weights.sort(key=lambda name: not re.search(r"(latest_net_G|best_EMA)", name))
    if not weights:
        return "is an archive, and holds no file of weights that can be told by its name: unpack it and look"
    more = f" and {len(weights) - 1} more" if len(weights) > 1 else ""
    return f"is an archive: unpack it; the weights in it are {shortened(weights[0])}{more}"


def _tar_members(path: Path) -> Iterator[str]:
    """Names in a tar file, as far as the limits allow; nothing is unpacked."""
    try:
        with path.open("rb") as raw, tarfile.open(fileobj=cast("IO[bytes]", raw), mode="r|*") as archive:
            for number, member in enumerate(archive):
                if number == _MAX_MEMBERS or member.offset_data > _MAX_LISTED_BYTES:
                    return
                yield member.name
    except (tarfile.TarError, OSError, EOFError, ValueError):
        return


def _title(head: bytes) -> str:
    found = re.search(rb"<title[^>]*>([^<]{1,200})", head, re.IGNORECASE)
    return f" ('{shortened(found[1].decode('utf-8', 'replace'))}')" if found else ""


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        text = head[: error.start].decode("utf-8") if error.start > len(head) - 4 else "\0"
    return all(character.isprintable() or character in "\r\n\t" for character in text)

"""A zip file as the source of an import: read as the folder that it holds, within limits.

The folder is unpacked beside the dataset folder that is made, so that its files can be linked into it, and removed when
the import ends, whatever ends it. All entries are checked before the first one is unpacked.
"""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from semsynth.data.listing import is_clutter
from semsynth.data.splitting import SPLITS, split_named
from semsynth.errors import SemsynthError, shortened
from semsynth.files import explained, make_folder, opened
from semsynth.locks import FolderLock

MOST_ENTRIES = 1_000_000
"""Files and folders that a zip file may hold."""
FREE_BYTES, LARGEST_RATIO = 2**30, 50
"""A zip file may unpack to this many bytes, or to this many times its own size if that is more."""
_ENCRYPTED, _UTF8 = 0x1, 0x800
"""Bits of an entry's flags."""
_SPECIAL = frozenset(("", ".", ".."))
"""Parts of paths that are no names."""
_BLOCK = 2**20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, IndexError, RuntimeError, OverflowError)
"""What zipfile and its decompressors raise where a file is damaged."""


@dataclass(frozen=True)
class Source:
    """Where an import reads."""

    folder: Path
    unpacked: tuple[Path, Path] | None = None
    """Where a zip file was unpacked, and the zip file."""

    def shown(self, message: str) -> str:
        """``message`` with paths in the zip file in place of paths in the temporary folder."""
        return message if self.unpacked is None else message.replace(str(self.unpacked[0]), str(self.unpacked[1]))


@contextmanager
def opened_source(path: Path, out: Path) -> Iterator[Source]:
    """``path`` as a folder: itself, or what the zip file at ``path`` holds, as long as the context lasts.

    A single folder at the top of the zip file counts as its root, unless it is called after a split. Hidden files and
    what archivers leave behind are not unpacked. Every file gets the date of the zip file, so that an interrupted
    import resumes while the zip file stays as it is.

    Args:
        path: a folder or a zip file; what does not exist is passed on.
        out: the dataset folder that will be made; the temporary folder lies beside it.

    Raises:
        SemsynthError: ``path`` is a file of another kind, or a zip file that is damaged, encrypted, too large, or has
            entries that are links, lie outside it or share a name. Errors raised inside the context are passed on, with
            paths in the zip file.
    """
    if not path.is_file():
        yield Source(path)
        return
    beside = next(one for one in out.absolute().parents if one.is_dir())
    holder = beside / f".{out.name}.unpacked"
    folder = holder / "files"
    with FolderLock(holder, "unpacking a zip file into"):
        try:
            shutil.rmtree(folder, ignore_errors=True)  # of an import that was killed
            _unpack(path, make_folder(folder))
            source = Source(_root(folder), (folder, path))
            try:
                yield source
            except SemsynthError as error:
                raise SemsynthError(source.shown(str(error))) from error
        finally:
            shutil.rmtree(holder, ignore_errors=True)


def _root(folder: Path) -> Path:
    entries = list(folder.iterdir())
    if len(entries) == 1 and entries[0].is_dir() and split_named(entries[0].name) not in SPLITS:
        return entries[0]
    return folder


def _unpack(path: Path, folder: Path) -> None:
    """Unpack the zip file at ``path`` into an empty folder."""
    with opened(path) as file, _described(path), zipfile.ZipFile(file) as archive:
        entries = _checked(archive, path, shutil.disk_usage(folder).free)
        date = os.fstat(file.fileno()).st_mtime_ns
        for name, entry in entries.items():
            target = folder / name
            if entry.is_dir():
                make_folder(target)
                continue
            make_folder(target.parent)
            with archive.open(entry) as packed, explained(target), target.open("xb") as unpacked:
                while block := packed.read(_BLOCK):  # never more than the entry's size, which was checked
                    unpacked.write(block)
            os.utime(target, ns=(date, date))


@contextmanager
def _described(path: Path) -> Iterator[None]:
    """Say of what zipfile raises what is wrong with the file."""
    try:
        yield
    except NotImplementedError as error:
        raise SemsynthError(f"{path} is compressed in a way that is not read ({error}): unpack it yourself") from error
    except _DAMAGED as error:
        with path.open("rb") as file:
            is_zip = file.read(2) == b"PK" or path.suffix.lower() == ".zip"
        if is_zip:
            raise SemsynthError(
                f"{path} is cut off or damaged ({shortened(error)}): copy or download it again"
            ) from error
        raise SemsynthError(f"{path} is neither a folder nor a zip file: unpack it, or give the folder") from error


def _checked(archive: zipfile.ZipFile, path: Path, free: int) -> Mapping[str, zipfile.ZipInfo]:
    """The entries to unpack, by their paths in the folder.

    Raises:
        SemsynthError: one of them is not to be unpacked, or together they are too many or too large.
    """
    if len(archive.filelist) > MOST_ENTRIES:
        raise SemsynthError(f"{path} holds {len(archive.filelist):,} files: at most {MOST_ENTRIES:,} are unpacked")
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.filelist:
        parts = _parts(entry)
        if any(is_clutter(part) for part in parts if part not in _SPECIAL):
            continue
        if fault := _fault(entry, parts):
            raise SemsynthError(f"{path}, '{shortened(entry.filename)}': {fault}")
        name = "/".join(part for part in parts if part not in _SPECIAL)
        if name and not (entries.setdefault(name, entry).is_dir() and entry.is_dir()) and entries[name] is not entry:
            raise SemsynthError(f"{path} holds '{shortened(name)}' twice: unpack it yourself and keep one of them")
    for above in (name[:place] for name in entries for place, one in enumerate(name) if one == "/"):
        if above in entries and not entries[above].is_dir():
            raise SemsynthError(f"{path} holds '{shortened(above)}' as a file and as a folder: create it again")
    total, limit = sum(one.file_size for one in entries.values()), max(FREE_BYTES, LARGEST_RATIO * path.stat().st_size)
    if total > limit:
        raise SemsynthError(
            f"{path} unpacks to {total:,} bytes: at most {limit:,} are allowed for its size; unpack it yourself if "
            "you trust it"
        )
    if total > free:
        raise SemsynthError(f"{path} unpacks to {total:,} bytes, and {free:,} are free beside the dataset folder")
    return entries


def _parts(entry: zipfile.ZipInfo) -> list[str]:
    """The folders and name of an entry; those that Windows tools and macOS write against the standard are mended."""
    name = entry.filename
    if not entry.flag_bits & _UTF8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")  # macOS writes UTF-8 and does not say so
    return name.replace("\\", "/").split("/")


def _fault(entry: zipfile.ZipInfo, parts: list[str]) -> str:
    """Why an entry is not unpacked; empty if it is."""
    if ".." in parts or (parts[0] == "" and len(parts) > 1) or parts[0][1:2] == ":":
        return "it lies outside the zip file's own folder: unpack it yourself if you trust it"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "it is a link or a device, not a file: unpack it yourself if you trust it"
    if entry.flag_bits & _ENCRYPTED:
        return "it is encrypted: unpack it yourself with its password"
    return ""

"""Reading archives of ``torch.export`` without running anything from them.

``torch.export.load`` (2.13) unpickles example inputs, constants and weights that say so, evaluates expressions of sizes
with ``sympify``, runs guards through ``exec`` and looks operators up by any name below ``torch``: a file could make it
run whatever it wants. So an archive is read here first, as the ZIP file and the JSON that it is, and handed on only if
all that it holds is tensors as raw bytes and a graph of known operators: see
:mod:`semsynth.exporting.program_check`.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from semsynth.documents import parse_json
from semsynth.errors import SemsynthError, shortened
from semsynth.exporting.program_check import check_program
from semsynth.files import opened

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_MEMBERS = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)|\.format_version|"
    r"\.storage_alignment|models/model\.json|data/sample_inputs/model\.pt|"
    r"data/weights/(weight_\d+|model_weights_config\.json)|"
    r"data/constants/(tensor_\d+|model_constants_config\.json)|extra/semsynth\.\w+"
)
"""What an archive may hold, below its first folder."""
_LARGEST_TEXT = 2**26
"""Bytes of a member that is no tensor: graphs of the largest generators have some megabytes."""


def load_archive(path: Path) -> tuple[ExportedProgram, dict[str, str]]:
    """The program and the metadata of an archive.

    Raises:
        SemsynthError: no archive, a damaged one, or one that holds anything else than tensors and known operators.
    """
    checked = io.BytesIO()  # torch reads what was checked, not what it might make of a file with two meanings
    try:
        with opened(path) as file, zipfile.ZipFile(file) as archive, zipfile.ZipFile(checked, "w") as copy:
            entries = _copy_checked(archive, copy, path)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError) as error:
        reason = f"no torch.export archive, or damaged ({error})"
        raise SemsynthError(f"{path} is {reason}: export the model again") from error
    import torch

    checked.seek(0)
    try:
        return torch.export.load(checked), entries
    except Exception as error:  # torch raises many kinds on descriptions that do not fit together
        reason = shortened(error) or type(error).__name__
        raise SemsynthError(
            f"{path} cannot be read by torch {torch.__version__} ({reason}): export the model again with this version"
        ) from error


def _copy_checked(archive: zipfile.ZipFile, copy: zipfile.ZipFile, path: Path) -> dict[str, str]:
    """Copy all members and return the metadata, names and JSON."""
    entries: dict[str, str] = {}
    names = [info.filename for info in archive.infolist()]
    if len(set(names)) != len(names):
        raise _refused(path, "two members have one name")
    _check_sizes(archive, path)
    for info in archive.infolist():
        _, _, name = info.filename.partition("/")
        data = archive.read(info)
        if name.endswith(".json"):
            data = _checked_json(name, data, path)
        elif name.startswith("extra/"):
            entries[name.removeprefix("extra/")] = data.decode(errors="replace")
        copy.writestr(info.filename, data)
    return entries


def _check_sizes(archive: zipfile.ZipFile, path: Path) -> None:
    """Refuse members that are none of an export's, and what unpacks to more than it takes in the file.

    Exports are stored, not compressed, so no member is larger than the file. A size that a member only claims is found
    out when it is read.
    """
    for info in archive.infolist():
        _, _, name = info.filename.partition("/")
        if not _MEMBERS.fullmatch(name):
            raise _refused(path, f"it holds {shortened(info.filename)}")
        if name.startswith("data/sample_inputs/") and info.file_size:
            raise _refused(path, "its example inputs are pickled")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise _refused(path, f"{info.filename} is compressed")
        if not name.startswith(("data/weights/weight_", "data/constants/tensor_")) and info.file_size > _LARGEST_TEXT:
            raise _refused(path, f"{info.filename} has {info.file_size:,} bytes")
    if sum(info.file_size for info in archive.infolist()) > path.stat().st_size:
        raise _refused(path, "members overlap")


def _checked_json(name: str, text: bytes, path: Path) -> bytes:
    """The same without remarks on where nodes came from."""
    value = parse_json(text, f"{path}: {name}", "export the model again")
    try:
        return json.dumps(check_program(value)).encode()
    except ValueError as error:
        raise _refused(path, str(error)) from error


def _refused(path: Path, reason: str) -> SemsynthError:
    return SemsynthError(
        f"{path}: {reason}, which could run code and which archives of 'semsynth export' never have: export the model "
        "again, or get the file from somebody else"
    )

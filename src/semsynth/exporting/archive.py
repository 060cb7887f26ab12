"""Reading archives of ``torch.export`` without running anything from them.

``torch.export.load`` (2.13) unpickles example inputs, constants and weights that say so, evaluates expressions of sizes
with ``sympify``, runs guards through ``exec`` and looks operators up by any name below ``torch``: a file could make it
run whatever it wants. So an archive is read here first, as the ZIP file and the JSON that it is, and handed on only if
all that it holds is tensors as raw bytes and a graph of known operators.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from torch.export import ExportedProgram

_MEMBERS = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/(version|serialization_id)|\.format_version|"
    r"\.storage_alignment|models/model\.json|data/sample_inputs/model\.pt|"
    r"data/weights/(weight_\d+|model_weights_config\.json)|"
    r"data/constants/(tensor_\d+|model_constants_config\.json)|extra/semsynth\.\w+"
)
"""What an archive may hold, below its first folder."""
_OPERATOR = re.compile(
    r"torch\.ops\.aten\.(?!__)\w+\.(?!__)\w+|_operator\.(getitem|add|sub|mul|floordiv|mod|neg|eq|ne|lt|le|gt|ge|and_|or_)|"
    r"torch\.sym_(max|min|ite|not|int|float)|math\.(ceil|floor|trunc)"
)
_EXPRESSION = re.compile(
    r"('[su]\d+'|[su]\d+|\d+|[-+*/%(), ]|[<>=]=?|"
    r"(Integer|Rational|Symbol|positive|nonnegative|integer|True|False|"
    r"Add|Mul|Pow|Mod|PythonMod|FloorDiv|CleanDiv|CeilToInt|FloorToInt|IntTrueDiv|Max|Min|Eq|Ne|Lt|Le|Gt|Ge)\b)*"
)
"""Sizes: symbols, numbers, arithmetic. No dots, brackets, or other names and strings."""


def load_archive(path: Path) -> tuple[ExportedProgram, dict[str, str]]:
    """The program and the metadata of an archive.

    Raises:
        SemsynthError: no archive, a damaged one, or one that holds anything else than tensors and known operators.
    """
    checked = io.BytesIO()  # torch reads what was checked, not what it might make of a file with two meanings
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(checked, "w") as copy:
            entries = _copy_checked(archive, copy, path)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as error:
        reason = f"no torch.export archive, or damaged ({error})"
        raise SemsynthError(f"{path} is {reason}: export the model again") from error
    import torch

    checked.seek(0)
    try:
        return torch.export.load(checked), entries
    except (RuntimeError, AssertionError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise SemsynthError(
            f"{path} cannot be read by torch {torch.__version__} ({reason}): export the model again with this version"
        ) from error


def _copy_checked(archive: zipfile.ZipFile, copy: zipfile.ZipFile, path: Path) -> dict[str, str]:
    """Copy all members and return the metadata, names and JSON."""
    entries: dict[str, str] = {}
    names = [info.filename for info in archive.infolist()]
    if len(set(names)) != len(names):
        raise _refused(path, "two members have one name")
    for info in archive.infolist():
        _, _, name = info.filename.partition("/")
        if not _MEMBERS.fullmatch(name):
            raise _refused(path, f"it holds {info.filename}")
        if name.startswith("data/sample_inputs/") and info.file_size:
            raise _refused(path, "its example inputs are pickled")
        data = archive.read(info)
        if name.endswith(".json"):
            data = _checked_json(name, data, path)
        elif name.startswith("extra/"):
            entries[name.removeprefix("extra/")] = data.decode(errors="replace")
        copy.writestr(info.filename, data)
    return entries


def _checked_json(name: str, text: bytes, path: Path) -> bytes:
    """The same without remarks on where nodes came from."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise SemsynthError(f"{path}: {name} is not valid JSON ({error}): export the model again") from error
    for key, one in _pairs(value):
        if key == "use_pickle" and one is not False:
            raise _refused(path, "a tensor is pickled")
        if key == "target" and not (isinstance(one, str) and _OPERATOR.fullmatch(one)):
            raise _refused(path, f"its graph calls {one!r}")
        if key == "expr_str" and not (isinstance(one, str) and _EXPRESSION.fullmatch(one)):
            raise _refused(path, f"a size is {one!r}")
        if key in ("guards_code", "as_operator", "as_custom_obj", "as_graph") and one:
            raise _refused(path, f"it has {key}")
        if key == "range_constraints" and not all(_EXPRESSION.fullmatch(symbol) for symbol in one):
            raise _refused(path, "a range is of no symbol")
        if key == "metadata" and isinstance(one, dict):
            one.clear()
    return json.dumps(value).encode()


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key of every object inside ``value``, with what it stands for."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one.items()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def _refused(path: Path, reason: str) -> SemsynthError:
    return SemsynthError(
        f"{path}: {reason}, which could run code and which archives of 'semsynth export' never have: export the model "
        "again, or get the file from somebody else"
    )

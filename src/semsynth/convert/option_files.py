"""Files of official options: what training printed and saved (``opt.txt``, ``opt.pkl``), and JSON."""

from __future__ import annotations

import codecs
import io
import math
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semsynth.documents import checked, parse_json
from semsynth.errors import SemsynthError
from semsynth.files import read_bytes

MAX_BYTES = 1 << 20
"""Size of a file of options; official ones have about 4 kB."""

_LINE = re.compile(r"\s*([A-Za-z_]\w*)\s*:[ \t]*(.*?)\s*")
_DEFAULT = re.compile(r"(^|\s+)\[default:.*\]?\s*$")
_INTEGER, _NUMBER = (
    re.compile(r"[+-]?\d{1,18}"),
    re.compile(r"[+-]?(\d{1,18}\.?\d{0,30}|\.\d{1,30})([eE][+-]?\d{1,3})?"),
)
_WORDS: dict[str, Any] = {"True": True, "False": False, "None": None}


class _Namespace:
    """Stands for ``argparse.Namespace``: keeps what it is given and runs nothing."""


def read_option_file(path: Path) -> dict[str, Any]:
    """Read options from JSON, from ``opt.txt``, from its lines as a console shows them, or from ``opt.pkl``.

    Of a pickle only an ``argparse.Namespace`` of plain values is read; whatever else it names is refused before it
    could run. Texts that are numbers or ``True``, ``False`` and ``None`` become those, whatever the file.

    Returns:
        Official name -> value, without options that are None.

    Raises:
        SemsynthError: unreadable, too large, or a file without any option.
    """
    data = read_bytes(path, MAX_BYTES)
    if data[:1] == b"\x80":
        values: dict[str, Any] | None = _unpickled(data, path)
    else:
        text = _decoded(data)
        values = _parsed_json(text, path) if text.lstrip()[:1] in ("{", "[") else _parsed_lines(text)
        if values is None or (not values and text.lstrip()[:1] != "{"):
            raise SemsynthError(
                f"{path} holds no options: expected lines such as 'ngf: 64', or JSON as {{\"ngf\": 64}}"
            )
    named = {str(name): option_value(value) for name, value in (values or {}).items()}
    return {name: value for name, value in named.items() if value is not None}


def option_value(value: Any) -> Any:
    """A text that is a number, ``True``, ``False`` or ``None`` as that value; anything else as it is."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def _decoded(data: bytes) -> str:
    """Text in UTF-8 or, as PowerShell writes it, in UTF-16."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    if data[1:2] == b"\0" or data[:1] == b"\0":
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def _parsed_json(text: str, path: Path) -> dict[str, Any] | None:
    values = parse_json(text, str(path), 'write it as {"ngf": 64}')
    if isinstance(values, Mapping) and isinstance(values.get("opt"), Mapping):
        values = values["opt"]
    return dict(values) if isinstance(values, Mapping) else None


def _parsed_lines(text: str) -> dict[str, Any]:
    """Options in lines such as ``crop_size: 256 [default: 512]``, where the bracket is a comment."""
    values = {}
    for line in text.splitlines():
        if found := _LINE.fullmatch(_DEFAULT.sub("", line)):
            values[found[1]] = found[2]
    return values


class _OptionsOnly(pickle._Unpickler):  # in Python: the one in C reserves whatever memory a file asks for
    """Reads a namespace of plain values."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name stands for."""
        if (module, name) == ("argparse", "Namespace"):
            return _Namespace
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def _unpickled(data: bytes, path: Path) -> dict[str, Any]:
    try:
        found = _OptionsOnly(io.BytesIO(data)).load()
        values = found if isinstance(found, dict) else vars(found)
        return {str(name): value for name, value in checked(dict(values)).items()}
    except Exception as error:  # a damaged pickle raises almost anything
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise SemsynthError(
            f"{path} is a pickle that cannot be read safely ({reason}); nothing in it was run: give the opt.txt beside "
            "it, or the options as JSON"
        ) from error

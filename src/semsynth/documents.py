"""JSON, TOML, YAML and XML from outside, within limits.

A few bytes can ask for all of the memory or of the stack: aliases of YAML and entities of XML that multiply, brackets
in brackets, numbers of thousands of digits. Whatever may have been written by somebody else is parsed here, and what
is returned holds nothing that later steps could trip over.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from semsynth.errors import SemsynthError, shortened
from semsynth.files import read_bytes

MAX_BYTES = 2**24
"""Of a JSON or TOML file; lists of whole data sets have budgets of their own."""
MAX_YAML_BYTES = 2**18
"""Of a YAML file, whose parser is slow."""
MAX_DEPTH = 64
"""Lists and mappings in one another."""
MAX_BITS = 64
"""Of a whole number."""


def read_json(path: Path, limit: int = MAX_BYTES) -> Any:
    """Parse the JSON file at ``path``, of at most ``limit`` bytes.

    Raises:
        SemsynthError: the file is missing, unreadable, too large or no JSON, or :func:`checked` refuses what it holds.
    """
    return parse_json(read_bytes(path, limit), str(path))


def parse_json(data: bytes | str, source: str, way_out: str = "restore or re-create it") -> Any:
    """Parse JSON.

    Args:
        data: the text.
        source: what messages call it.
        way_out: the end of the message.

    Raises:
        SemsynthError: no JSON, or :func:`checked` refuses what it holds.
    """
    return _parsed(lambda: json.loads(data, object_pairs_hook=_unique), "JSON", source, way_out)


def step_of(line: bytes) -> float:
    """The ``step`` of one line of a log in JSON; infinity of a line that a crash cut short, or that has none."""
    try:
        step = parse_json(line, "a line")["step"]
    except (SemsynthError, KeyError, TypeError, IndexError):
        return math.inf
    return step if isinstance(step, int) else math.inf


def read_toml(path: Path, way_out: str) -> dict[str, Any]:
    """Parse the TOML file at ``path``.

    Args:
        path: the file.
        way_out: the end of the message about text that is no TOML.

    Raises:
        SemsynthError: the file is missing, unreadable, too large or no TOML, or :func:`checked` refuses what it holds.
    """
    data = read_bytes(path, MAX_BYTES)
    values: dict[str, Any] = _parsed(lambda: tomllib.loads(data.decode()), "TOML", str(path), way_out)
    return values


def read_yaml(path: Path) -> Any:
    """Parse the YAML file at ``path``: plain values, without aliases.

    Raises:
        SemsynthError: the file is missing, unreadable, too large or no YAML, or :func:`checked` refuses what it holds.
    """
    import yaml  # it takes a while, and few commands read YAML

    class _Loader(yaml.SafeLoader):  # type: ignore[misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise ValueError("aliases (*NAME) are not read: write the value out")
            return super().compose_node(parent, index)

    data = read_bytes(path, MAX_YAML_BYTES)
    return _parsed(lambda: yaml.load(data, _Loader), "YAML", str(path), "correct it")


def read_xml(path: Path, limit: int = MAX_BYTES) -> Element:
    """Parse the XML file at ``path``, of at most ``limit`` bytes, without document types and so without entities.

    Raises:
        SemsynthError: the file is missing, unreadable, too large or no XML, nests deeper than ``MAX_DEPTH``, or
        declares a
            document type.
    """
    data = read_bytes(path, limit)
    root: Element = _parsed(lambda: _xml(data), "XML", str(path), "restore or re-create it")
    return root


def _xml(data: bytes) -> Element:
    builder, parser, depth = TreeBuilder(), expat.ParserCreate(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"it nests deeper than {MAX_DEPTH} levels")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def refuse(*_: object) -> None:
        raise ValueError("it declares a document type, which can hold entities: remove <!DOCTYPE ...>")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.Parse(data, True)
    return builder.close()


def checked(value: Any) -> Any:
    """``value``, which holds plain values in lists and mappings.

    Raises:
        ValueError: it nests deeper than ``MAX_DEPTH``, or holds a whole number beyond ``MAX_BITS`` or text that is no
            Unicode (half of a surrogate pair).
    """
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if isinstance(one, dict):
            for key in one:
                _check_leaf(key)
            inner = list(one.values())
        elif isinstance(one, list | tuple | set):
            inner = list(one)
        else:
            _check_leaf(one)
            continue
        if depth > MAX_DEPTH:
            raise ValueError(f"it nests deeper than {MAX_DEPTH} levels")
        waiting += [(child, depth + 1) for child in inner]
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return found


def _check_leaf(value: Any) -> None:
    if isinstance(value, str):
        value.isascii() or value.encode()  # a UnicodeEncodeError is a ValueError
    elif isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ValueError(f"a whole number has more than {MAX_BITS} bits")


def _parsed(parse: Callable[[], Any], kind: str, source: str, way_out: str) -> Any:
    try:
        return checked(parse())
    except RecursionError as error:
        raise SemsynthError(f"{source} is not valid {kind} (it nests too deeply): {way_out}") from error
    except Exception as error:  # the parsers' own kinds, and PyYAML's constructors raise almost any
        reason = shortened(error) or type(error).__name__
        raise SemsynthError(f"{source} is not valid {kind} ({reason}): {way_out}") from error

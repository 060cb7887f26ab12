"""JSON, TOML and YAML from outside: read within limits, or one line that names the file."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsynth.documents import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_YAML_BYTES,
    parse_json,
    read_json,
    read_toml,
    read_xml,
    read_yaml,
)
from semsynth.errors import SemsynthError
from semsynth.files import write_json

READERS = {"json": read_json, "toml": lambda path: read_toml(path, "see the docs"), "yaml": read_yaml}


def test_json_round_trip_keeps_all_letters(tmp_path: Path) -> None:
    value = {"name": "Fassade – größer", "numbers": [1, 2.5, None, True]}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert "größer" in (tmp_path / "a.json").read_text("utf-8")


def test_toml_and_yaml_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('title = "ü"\n[[entries]]\nname = 3\n', "utf-8")
    assert READERS["toml"](tmp_path / "a.toml") == {"title": "ü", "entries": [{"name": 3}]}
    (tmp_path / "a.yaml").write_text("judgements: 5\nexposures: [1, 2.5]\n")
    assert read_yaml(tmp_path / "a.yaml") == {"judgements": 5, "exposures": [1, 2.5]}


def _multiplied(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


HOSTILE = [
    ("json", b""),
    ("json", b"{"),
    ("json", b"\xff\xfe\x00"),
    ("json", b"[" * 100_000),
    ("json", b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1)),
    ("json", b'{"a":' * 5000 + b"1" + b"}" * 5000),
    ("json", b'{"a": 1, "b": 2, "a": 1}'),
    ("json", b"9" * 5000),
    ("json", b"[18446744073709551616]"),
    ("json", b'"\\ud800"'),
    ("json", b'{"\\udfff": 1}'),
    ("toml", b"a = "),
    ("toml", b"\xff"),
    ("toml", b"a = " + b"[" * 100_000),
    ("toml", b"[" + b".".join([b"a"] * 5000) + b"]\n"),
    ("toml", b"a = 0x" + b"f" * 100),
    ("toml", b"a = " + b"9" * 5000),
    ("yaml", b"a: ["),
    ("yaml", b"\xff"),
    ("yaml", b"[" * 50_000),
    ("yaml", b"{a: " * 2000),
    ("yaml", b"a: 0x" + b"f" * 100),
    ("yaml", b"a: " + b"9" * 5000),
    ("yaml", b"a: 2026-99-99"),
    ("yaml", b"a: !!int ''"),
    ("yaml", b"a: !!bool maybe"),
    ("yaml", b"a: !!timestamp x"),
    ("yaml", b"a: !!python/object/apply:os.getcwd []"),
    ("yaml", b"? {a: 1}\n: 2"),
    ("yaml", b"a: &x 1\nb: *x"),
    ("yaml", _multiplied(9).encode()),
    ("yaml", b"\x00"),
]


@pytest.mark.parametrize(("kind", "content"), HOSTILE)
def test_hostile_text_is_refused_in_one_short_line(kind: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content)
    began = time.process_time()
    with pytest.raises(SemsynthError) as caught:
        READERS[kind](path)
    message = str(caught.value)
    assert message.startswith(f"{path} is not valid {kind.upper()} (")
    assert len(message) < len(str(path)) + 300
    assert "\n" not in message
    assert time.process_time() - began < 20  # linear readers need milliseconds, those that multiply do not end


@pytest.mark.parametrize(("kind", "limit"), [("json", MAX_BYTES), ("toml", MAX_BYTES), ("yaml", MAX_YAML_BYTES)])
def test_files_beyond_their_budget_are_not_read(kind: str, limit: int, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    with path.open("wb") as file:
        file.truncate(limit + 1)
    with pytest.raises(SemsynthError, match=rf"a\.{kind} has {limit + 1:,} bytes: .* {limit:,} at most"):
        READERS[kind](path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


@given(JSON)
def test_plain_values_come_back(value: Any) -> None:
    assert parse_json(json.dumps(value), "the value") == value


@given(st.binary(max_size=200))
def test_any_bytes_are_values_or_one_line(data: bytes) -> None:
    with suppress(SemsynthError):
        parse_json(data, "the data")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for read in READERS.values():
        with pytest.raises(SemsynthError, match=r"cannot read .*nothing"):
            read(tmp_path / "nothing")


def test_xml_is_read_without_document_types(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text('<?xml version="1.0" encoding="utf-8"?>\n<a b="ü &amp; 1"><c>text</c></a>', "utf-8")
    root = read_xml(path)
    assert (root.tag, root.attrib, root.findtext("c")) == ("a", {"b": "ü & 1"}, "text")
    bomb = '<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><a>&y;</a>'
    deep = "<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1)
    for text, message in (
        (bomb, "declares a document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "declares a document type"),
        ("<a>&y;</a>", "undefined entity"),
        (deep, f"nests deeper than {MAX_DEPTH} levels"),
        ("<a>", "no element found"),
        ("", "no element found"),
        ('<a b="1" b="2"/>', "duplicate attribute"),
    ):
        path.write_text(text)
        with pytest.raises(SemsynthError, match=rf"a\.xml is not valid XML .*{message}"):
            read_xml(path)
    path.write_bytes(b"<a>" + b" " * MAX_BYTES)
    with pytest.raises(SemsynthError, match="files of this kind have"):
        read_xml(path)

"""Files of official downloads."""

from __future__ import annotations

from pathlib import Path

import pytest

from semsynth.data.source_files import few, read_lines, required
from semsynth.errors import SemsynthError


def test_official_files(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    with pytest.raises(SemsynthError, match=r"list\.txt is missing: it comes with a\.zip"):
        required(path, "it comes with a.zip")
    path.write_text("\ufeffone \n\n  two\r\n")
    assert read_lines(path) == ["one", "two"]
    path.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(SemsynthError, match=r"list\.txt is no text file"):
        read_lines(path)
    assert few(["a", "b"]) == "a, b"
    assert few(list("abcdefg")) == "a, b, c, d, e and 2 more"

"""Names and sizes in the index of shards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsynth.data.shards.index import key_of, name_of, parse_size
from semsynth.errors import SemsynthError


@given(st.text(min_size=1))
def test_keys_hold_nothing_that_tar_or_webdataset_would_split(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:  # a lone surrogate is no text
        return
    key = key_of(name)
    assert name_of(key) == name
    assert key.isascii()
    assert not set(key) & set("./ \t\r\n\\")


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 500_000_000), ("2 GiB", 2**31), ("1.5kB", 1500), ("12", 12), ("7b", 7)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-5MB", "0GB", "5 furlongs", "5MBB"])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(SemsynthError, match="is no size: write it as 500MB"):
        parse_size(text)

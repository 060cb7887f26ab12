"""Databases that cannot be had."""

from __future__ import annotations

import pytest

from semsynth.errors import SemsynthError
from semsynth.study.database import Database


@pytest.mark.parametrize("url", ["mysql://localhost/x", "nonsense", "sqlite+nonsense:///x"])
def test_urls_that_are_no_database(url: str):
    with pytest.raises(SemsynthError, match=r"expected FILE\.sqlite, sqlite:///FILE or postgresql://"):
        Database(url)

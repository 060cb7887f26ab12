"""Measurements that are kept in files."""

from __future__ import annotations

from pathlib import Path

import pytest
from flags import evaluation_of

from semsynth.errors import SemsynthError


def test_a_damaged_measurement_is_named(flags: Path, tmp_path: Path) -> None:
    evaluation_of(flags).run(tmp_path)
    (tmp_path / "work" / "chunk_000001.npz").write_bytes(b"PK nothing")
    with pytest.raises(SemsynthError, match=r"chunk_000001\.npz is damaged"):
        evaluation_of(flags).run(tmp_path)

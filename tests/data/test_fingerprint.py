"""Fingerprints of dataset folders: equal for copies, different for every change that training would notice."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from semsynth.data import fingerprint as module
from semsynth.data.fingerprint import BLOCK, DataFingerprint, fingerprint
from semsynth.data.folder import DatasetFolder
from semsynth.data.toy import write_toy


def of(root: Path, split: str = "train", **what: bool) -> DataFingerprint:
    found = fingerprint(DatasetFolder(root, split, **what))
    assert found is not None
    return found


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    write_toy(tmp_path / "toy", 4, size=32)
    return tmp_path / "toy"


def test_copies_and_touched_files_are_the_same(toy: Path, tmp_path: Path) -> None:
    before = of(toy)
    shutil.copytree(toy, tmp_path / "copy")
    for path in (tmp_path / "copy").rglob("*"):
        os.utime(path, (1, 1))
    assert before.difference(of(tmp_path / "copy")) is None
    assert before == of(tmp_path / "copy")


def test_every_byte_at_either_end_and_in_the_middle_counts(toy: Path) -> None:
    """Of files too large to be read whole."""
    path = next((toy / "train" / "images").iterdir())
    size = 5 * BLOCK
    path.write_bytes(bytes(size))
    before = of(toy)
    for place in (0, BLOCK - 1, size // 2, size - BLOCK, size - 1):
        data = bytearray(size)
        data[place] = 1
        path.write_bytes(data)
        assert before.difference(of(toy)) == "some of its photos or label maps are others", place
    path.write_bytes(bytes(size + 1))
    assert before.difference(of(toy)) is not None
    path.write_bytes(bytes(size))
    assert before.difference(of(toy)) is None


def test_of_many_files_sizes_count_and_a_sample_of_the_content(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLED_FILES", 3)
    read: list[Path] = []
    parts = module._parts
    monkeypatch.setattr(module, "_parts", lambda path, size: (read.append(path), parts(path, size))[1])
    before = of(toy)
    assert len(read) == 3
    unread = next(path for path in (toy / "train" / "images").iterdir() if path not in read)
    unread.write_bytes(unread.read_bytes() + b"x")
    assert before.difference(of(toy)) is not None


def test_splits_and_kinds_are_told_apart(toy: Path) -> None:
    kinds = [of(toy), of(toy, instances=True), of(toy, images=False), of(toy, "val")]
    assert len({one.files for one in kinds}) == len(kinds)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from official_trees import numbers

from semsynth.classes import builtin
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.cityscapes import list_cityscapes
from semsynth.data.importers.pairs import import_listing
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError


def import_cityscapes(source: Path, out: Path, progress: Progress = silent) -> dict[str, int]:
    return import_listing(list_cityscapes(source), out, progress=progress)


def test_cityscapes(cityscapes: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    counts = import_cityscapes(cityscapes, tmp_path / "out", progress=lambda *step: steps.append(step))
    assert counts == {"train": 3, "val": 1}
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    folder = DatasetFolder(tmp_path / "out", "train", instances=True)
    assert folder.classes == builtin("cityscapes")
    assert folder.names == ("aachen_000000_000000", "aachen_000000_000001", "ulm_000000_000000")
    assert np.array_equal(folder[0].layout.labels, numbers(34))
    assert np.array_equal(folder[0].layout.instances, numbers(34_000, np.uint16))
    assert not (tmp_path / "out/test").exists()


def test_cityscapes_misses(cityscapes: Path, tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="gtFine/SPLIT"):
        import_cityscapes(tmp_path, tmp_path / "out")
    next((cityscapes / "leftImg8bit/train/ulm").iterdir()).unlink()
    with pytest.raises(SemsynthError, match="train: 1 label map has no partner in photos/: ulm_000000_000000"):
        import_cityscapes(cityscapes, tmp_path / "out")
    assert not (tmp_path / "out").exists()

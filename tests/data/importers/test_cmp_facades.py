"""CMP facades."""

from __future__ import annotations

from pathlib import Path

import pytest
from official_trees import cmp_facades, halves
from PIL import Image

from semsynth.classes import builtin
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.cmp_facades import list_cmp_facades
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError
from semsynth.images import save_png


def test_cmp_facades(tmp_path: Path) -> None:
    source, out = cmp_facades(tmp_path / "in"), tmp_path / "out"
    with Image.open(source / "base/cmp_b0001.png") as label:
        assert label.mode == "P"
    assert import_listing(list_cmp_facades(source), out) == {"train": 2, "val": 1}
    assert DatasetFolder(out, "train").names == ("cmp_b0001", "cmp_x0002")
    assert DatasetFolder(out, "val").names == ("cmp_b0010",)
    layout = DatasetFolder(out, "val")[0].layout
    assert layout.classes == builtin("cmp_facades")
    assert layout.labels.tolist() == [[0] * 4 + [11] * 4] * 6  # background and shop: the files' 1 and 12
    assert check_dataset(out).problems == ()


def test_cmp_facades_misses(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"neither base/cmp_b\*\.png nor extended/cmp_x\*\.png: .*tylecr1/facade"):
        list_cmp_facades(tmp_path)
    source = cmp_facades(tmp_path / "in")
    save_png(source / "base/cmp_b0001.png", halves(0, 13))
    with pytest.raises(SemsynthError, match=r"cmp_b0001\.png holds ids .*: 13 \(24 pixels\)"):
        import_listing(list_cmp_facades(source), tmp_path / "out")
    (source / "extended/cmp_x0002.png").unlink()
    with pytest.raises(SemsynthError, match="extended, train: 1 file in photos/ has no label map: cmp_x0002"):
        list_cmp_facades(source)

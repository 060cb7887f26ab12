"""LabelMeFacade."""

from __future__ import annotations

from pathlib import Path

import pytest
from official_trees import labelmefacade

from semsynth.classes import VOID, builtin
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.labelmefacade import list_labelmefacade
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError


def test_labelmefacade(tmp_path: Path) -> None:
    source, out = labelmefacade(tmp_path / "in"), tmp_path / "out"
    assert import_listing(list_labelmefacade(source), out) == {"train": 1, "val": 1}
    folder = DatasetFolder(out, "val")
    assert folder.names == ("05june05_static_street_boston__p1",)
    assert folder[0].layout.classes == builtin("labelmefacade")
    assert folder[0].layout.labels.tolist() == [[VOID] * 4 + [7] * 4] * 6
    assert check_dataset(out).problems == ()


def test_labelmefacade_misses(tmp_path: Path) -> None:
    source = labelmefacade(tmp_path / "in")
    (source / "train.txt").write_text("images/none.jpg\n")
    with pytest.raises(SemsynthError, match=r"train\.txt lists 1 pictures that are not in images/: none"):
        list_labelmefacade(source)
    (source / "train.txt").unlink()
    with pytest.raises(SemsynthError, match=r"train\.txt is missing: it comes with https://github\.com/cvjena"):
        list_labelmefacade(source)

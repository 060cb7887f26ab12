from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from official_trees import names, nyu_depth_v2, photo
from scipy.io import savemat

from semsynth.classes import VOID, builtin
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.nyu_depth_v2 import CROP, list_nyu_depth_v2
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError


def test_pictures_labels_and_instances(tmp_path: Path) -> None:
    source, out = nyu_depth_v2(tmp_path / "in"), tmp_path / "out"
    assert import_listing(list_nyu_depth_v2(source), out) == {"train": 3}
    folder = DatasetFolder(out, "train", instances=True)
    assert folder.names == ("0001", "0002", "0003")
    for seed, sample in enumerate(folder):
        assert np.array_equal(sample.image, photo(seed))  # PNG: without loss
    layout = folder[0].layout
    assert layout.classes == builtin("nyu_depth_v2_40")
    # label 5 -> 5 (chair), 894 -> 40 (other prop), 0 -> void
    assert layout.labels.tolist() == [[5] * 8] + [[VOID] * 4 + [40] * 4] * 5
    assert layout.instances is not None
    # two chairs, one prop
    assert layout.instances.tolist() == [[256] * 4 + [257] * 4] + [[255] * 4 + [258] * 4] * 5
    assert all("val" in problem for problem in check_dataset(out).problems)


def test_the_papers_division_and_the_data_sets(tmp_path: Path) -> None:
    papers = list_nyu_depth_v2(nyu_depth_v2(tmp_path / "all", count=1449, size=(2, 2)))
    assert len(names(papers, "train")) == 1200
    assert names(papers, "val") == [f"{number:04d}" for number in range(1201, 1450)]
    source = nyu_depth_v2(tmp_path / "in")
    own = list_nyu_depth_v2(source, splits=source / "splits.mat")
    assert (names(own, "train"), names(own, "val")) == (["0003"], ["0001", "0002"])
    savemat(source / "splits.mat", {"trainNdxs": np.array([[4]]), "testNdxs": np.array([[1]])})
    with pytest.raises(SemsynthError, match=r"splits\.mat names picture 4, and there are 3"):
        list_nyu_depth_v2(source, splits=source / "splits.mat")


def test_the_border_is_cut_off(tmp_path: Path) -> None:
    source = nyu_depth_v2(tmp_path / "in", count=1, size=(480, 640))
    import_listing(list_nyu_depth_v2(source, crop=True), tmp_path / "out")
    sample = DatasetFolder(tmp_path / "out", "train", instances=True)[0]
    assert sample.size == (427, 561)
    assert np.array_equal(sample.image, photo(0, (480, 640))[CROP])


def test_missing_and_wrong_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SemsynthError, match=r"nyu_depth_v2_labeled\.mat is missing: .*cs\.nyu\.edu"):
        list_nyu_depth_v2(tmp_path)
    source = nyu_depth_v2(tmp_path / "in")
    savemat(source / "classMapping40.mat", {"mapClass": np.array([[41]])})
    with pytest.raises(SemsynthError, match=r"mapClass holds 41 to 41, not 1 to 40"):
        list_nyu_depth_v2(source)
    savemat(source / "classMapping40.mat", {"other": np.array([[1]])})
    with pytest.raises(SemsynthError, match=r"classMapping40\.mat holds no vector mapClass"):
        list_nyu_depth_v2(source)
    (source / "classMapping40.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(SemsynthError, match=r"classMapping40\.mat holds no vector mapClass"):
        list_nyu_depth_v2(source)
    (source / "classMapping40.mat").unlink()
    with pytest.raises(SemsynthError, match=r"classMapping40\.mat is missing: it maps NYU's 894 labels .*`mapping`"):
        list_nyu_depth_v2(source)
    monkeypatch.setitem(sys.modules, "h5py", None)
    source = nyu_labels_only(tmp_path / "other")
    with pytest.raises(SemsynthError, match=r"pip install 'semsynth\[nyu\]'"):
        list_nyu_depth_v2(source)


def nyu_labels_only(root: Path) -> Path:
    """Files that a run without h5py gets as far as."""
    root.mkdir()
    (root / "nyu_depth_v2_labeled.mat").write_bytes(b"")
    savemat(root / "classMapping40.mat", {"mapClass": np.ones((1, 894))})
    return root


def test_damaged_data(tmp_path: Path) -> None:
    source = nyu_labels_only(tmp_path / "in")
    with pytest.raises(SemsynthError, match=r"labeled\.mat is damaged or no MATLAB 7\.3 file"):
        list_nyu_depth_v2(source)
    import h5py

    with h5py.File(source / "nyu_depth_v2_labeled.mat", "w") as file:
        file["images"] = np.zeros((1, 3, 2, 2), np.uint8)
    with pytest.raises(SemsynthError, match=r"labeled\.mat holds no labels, instances"):
        list_nyu_depth_v2(source)


def test_labels_that_the_mapping_does_not_know(tmp_path: Path) -> None:
    source = nyu_depth_v2(tmp_path / "in")
    savemat(source / "classMapping40.mat", {"mapClass": np.ones((1, 893))})
    with pytest.raises(SemsynthError, match=r"nyu_depth_v2_labeled\.mat holds ids .*: 894 \(20 pixels\)"):
        import_listing(list_nyu_depth_v2(source), tmp_path / "out")

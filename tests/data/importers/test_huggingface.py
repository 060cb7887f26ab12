from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from official_trees import halves, huggingface, photo, save_jpeg

from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.huggingface import list_huggingface
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError
from semsynth.images import save_png

CLASSES = ClassSet(name="one", classes=(ClassInfo(id=3, name="window", color=(0, 0, 128)),))


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import huggingface_hub.constants

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    source, out = huggingface(tmp_path / "in"), tmp_path / "out"
    listing = list_huggingface(str(source), CLASSES, void=0)
    assert import_listing(listing, out) == {"train": 2, "val": 1}
    folder = DatasetFolder(out, "train")
    assert folder.names == ("000000", "000001")
    assert folder[1].layout.labels.tolist() == [[VOID] * 4 + [3] * 4] * 6
    save_jpeg(tmp_path / "again.jpg", photo(1))
    assert (out / "train/images/000001.jpg").read_bytes() == (tmp_path / "again.jpg").read_bytes()
    assert check_dataset(out).problems == ()
    stamp = (out / "val/labels/000000.png").stat().st_mtime_ns
    assert import_listing(listing, out) == {"train": 2, "val": 1}
    assert (out / "val/labels/000000.png").stat().st_mtime_ns == stamp


def test_some_splits(tmp_path: Path) -> None:
    source = str(huggingface(tmp_path / "in"))
    pairs = list_huggingface(source, CLASSES, splits=["validation"]).pairs
    assert [(pair.split, pair.name) for pair in pairs] == [("val", "000000")]
    with pytest.raises(SemsynthError, match="in has no split 'test': it has train, validation"):
        list_huggingface(source, CLASSES, splits=["train", "test"])


def test_ids_that_are_no_class_name_the_row(tmp_path: Path) -> None:
    source = huggingface(tmp_path / "in")
    with pytest.raises(SemsynthError, match=r"in, train, row 0, annotation: ids outside the class set 'one': 0"):
        import_listing(list_huggingface(str(source), CLASSES), tmp_path / "out")
    with pytest.raises(SemsynthError, match="id 3 is a class of 'one'"):
        list_huggingface(str(source), CLASSES, void=3)


def test_what_save_to_disk_wrote_with_paths_for_pictures(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict, Image

    save_png(tmp_path / "a.png", photo())
    save_png(tmp_path / "b.png", halves(3, 3))
    rows = {"photo": [str(tmp_path / "a.png"), None], "mask": [str(tmp_path / "b.png")] * 2}
    data = Dataset.from_dict(rows).cast_column("photo", Image()).cast_column("mask", Image())
    DatasetDict({"test": data.select([0])}).save_to_disk(tmp_path / "saved")
    listing = list_huggingface(str(tmp_path / "saved"), CLASSES, image_column="photo")
    assert import_listing(listing, tmp_path / "out") == {"test": 1}
    assert np.array_equal(DatasetFolder(tmp_path / "out", "test")[0].image, photo())
    data.save_to_disk(tmp_path / "undivided")
    listing = list_huggingface(str(tmp_path / "undivided"), CLASSES, image_column="photo", mask_column="mask")
    with pytest.raises(SemsynthError, match="undivided, train, row 1: 'photo' is empty"):
        import_listing(listing, tmp_path / "other")


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    source = str(huggingface(tmp_path / "in"))
    with pytest.raises(SemsynthError, match=r"no column of pictures 'pixels' \(it has .*\): .*`image_column`"):
        list_huggingface(source, CLASSES, image_column="pixels")
    with pytest.raises(SemsynthError, match=r"no column of pictures 'scene' .*`mask_column`"):
        list_huggingface(source, CLASSES, mask_column="scene")


def test_which_column_is_the_mask(tmp_path: Path) -> None:
    from datasets import Dataset, Image

    save_png(tmp_path / "a.png", photo())
    data = Dataset.from_dict({name: [str(tmp_path / "a.png")] for name in ("image", "depth", "mask")})
    for name in ("image", "depth", "mask"):
        data = data.cast_column(name, Image())
    data.save_to_disk(tmp_path / "three")
    with pytest.raises(SemsynthError, match=r"which column holds the label maps\? It has depth, mask: name it"):
        list_huggingface(str(tmp_path / "three"), CLASSES)


def test_data_sets_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SemsynthError, match=f"there is no folder {tmp_path / 'none'}"):
        list_huggingface(str(tmp_path / "none"), CLASSES)
    (tmp_path / "empty").mkdir()
    for name in (str(tmp_path / "empty"), "nobody/nothing-at-all"):
        with pytest.raises(SemsynthError, match=f"cannot load the data set {name}: .*check the name or folder"):
            list_huggingface(name, CLASSES)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(SemsynthError, match=r"pip install 'semsynth\[huggingface\]'"):
        list_huggingface("nobody/nothing", CLASSES)

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from official_trees import coco_stuff, halves, numbers, photo

from semsynth.classes import VOID, builtin
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.coco_stuff import list_coco_stuff
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError
from semsynth.images import save_png


def test_stuff_with_painted_instances(tmp_path: Path) -> None:
    source, out = coco_stuff(tmp_path / "in"), tmp_path / "out"
    assert import_listing(list_coco_stuff(source), out) == {"train": 2, "val": 1}
    first, second = DatasetFolder(out, "train", instances=True)
    assert first.layout.classes == builtin("coco_stuff")
    assert first.layout.labels[0].tolist() == [0, 0, 0, 2, 2, 2, 156, VOID]
    assert first.layout.instances is not None
    # Two persons (256, 257) and a car (258); the lower person's polygon reaches over the car, where it does not count.
    assert (
        first.layout.instances.tolist()
        == [[256, 256, 256, 258, 258, 258, 156, 255]] * 3 + [[257, 257, 257, 258, 258, 258, 156, 255]] * 3
    )
    assert second.layout.instances is not None
    assert second.layout.instances[0].tolist() == [0, 0, 0, 2, 2, 2, 156, 255]  # no objects: one region per class
    label = "stuffthingmaps_trainval2017/train2017/000000000009.png"
    assert (out / "train/labels/000000000009.png").samefile(source / label)
    assert check_dataset(out).problems == ()


def test_which_instances_are_taken(tmp_path: Path) -> None:
    source = coco_stuff(tmp_path / "in")
    assert all(pair.instances is None for pair in list_coco_stuff(source, instances=False).pairs)
    only = list_coco_stuff(source, [source / "annotations/instances_val2017.json"]).pairs
    assert [pair.instances is not None for pair in only] == [False, False, True]
    for name in ("000000000009", "000000000025"):
        save_png(source / "instances/train2017" / f"{name}.png", halves(3, 4))
    train = [pair.instances for pair in list_coco_stuff(source).pairs if pair.split == "train"]
    assert all(isinstance(instances, Path) for instances in train)  # maps that are there already


def test_annotation_files_that_do_not_fit(tmp_path: Path) -> None:
    source = coco_stuff(tmp_path / "in")
    path = source / "annotations/instances_train2017.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"images": data["images"][:1]}))
    with pytest.raises(SemsynthError, match="train: the annotation file does not know 1 of 2 pictures: 000000000025"):
        list_coco_stuff(source)
    path.write_text(json.dumps({"pictures": []}))
    with pytest.raises(SemsynthError, match=r"instances_train2017\.json is not the annotation file .*'images'"):
        list_coco_stuff(source)
    path.write_text("{")
    with pytest.raises(SemsynthError, match=r"instances_train2017\.json is not valid JSON"):
        list_coco_stuff(source)
    data["images"][0]["height"] = 12
    path.write_text(json.dumps(data))
    with pytest.raises(SemsynthError, match=r"train2017\.json tells of a picture of 8x12, its label map is 8x6"):
        import_listing(list_coco_stuff(source), tmp_path / "out")


def test_pycocotools_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = coco_stuff(tmp_path / "in")
    monkeypatch.setitem(sys.modules, "pycocotools", None)
    with pytest.raises(SemsynthError, match=r"pip install 'semsynth\[coco\]' \(or do without: `instances=False`\)"):
        list_coco_stuff(source)
    assert import_listing(list_coco_stuff(source, instances=False), tmp_path / "out") == {"train": 2, "val": 1}


def import_coco_stuff(source: Path, out: Path) -> dict[str, int]:
    return import_listing(list_coco_stuff(source), out)


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    root = tmp_path / "coco"
    for split, count in (("train", 3), ("val", 1)):
        for index in range(count):
            name = f"{index:012d}"
            save_png(root / f"{split}_img" / f"{name}.png", photo(index))
            save_png(
                root / f"{split}_label" / f"{name}.png", np.where(numbers(9) == 0, 255, numbers(182)).astype(np.uint8)
            )
            save_png(root / f"{split}_inst" / f"{name}.png", numbers(200))
    return root


def test_coco_stuff_in_both_arrangements(coco: Path, tmp_path: Path) -> None:
    assert import_coco_stuff(coco, tmp_path / "a") == {"train": 3, "val": 1}
    first = DatasetFolder(tmp_path / "a", "train", instances=True)[0]
    assert first.layout.classes == builtin("coco_stuff")
    assert (first.layout.labels == VOID).any()
    downloads = tmp_path / "downloads"
    for split in ("train", "val"):
        shutil.copytree(coco / f"{split}_img", downloads / f"{split}2017")
        shutil.copytree(coco / f"{split}_label", downloads / f"stuffthingmaps_trainval2017/{split}2017")
    assert import_coco_stuff(downloads, tmp_path / "b") == {"train": 3, "val": 1}
    again = DatasetFolder(tmp_path / "b", "train")[0]
    assert np.array_equal(first.layout.labels, again.layout.labels)
    assert not (tmp_path / "b/train/instances").exists()


def test_coco_stuff_misses(coco: Path, tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="holds no pixel maps: looked for train_label"):
        import_coco_stuff(tmp_path, tmp_path / "out")

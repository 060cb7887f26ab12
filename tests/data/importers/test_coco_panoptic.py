from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from official_trees import coco_panoptic

from semsynth.classes import VOID, builtin
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.coco_panoptic import list_coco_panoptic
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError
from semsynth.images import save_png


def test_panoptic(tmp_path: Path) -> None:
    source, out = coco_panoptic(tmp_path / "in"), tmp_path / "out"
    assert import_listing(list_coco_panoptic(source), out) == {"train": 1, "val": 1}
    sample = DatasetFolder(out, "train", instances=True)[0]
    assert sample.layout.classes == builtin("coco_panoptic")
    assert sample.layout.labels[0].tolist() == [VOID, 1, 1, 1, 187, 187, 1, 1]
    assert sample.layout.instances is not None
    # things in the file's order; stuff and the crowd are regions of their class
    assert sample.layout.instances[0].tolist() == [255, 256, 257, 257, 187, 187, 1, 1]
    assert check_dataset(out).problems == ()


def test_panoptic_pngs_with_unknown_segments(tmp_path: Path) -> None:
    source = coco_panoptic(tmp_path / "in")
    save_png(source / "annotations/panoptic_val2017/000000000139.png", np.full((6, 8, 3), 7, np.uint8))
    with pytest.raises(SemsynthError, match=r"000000000139\.png holds ids .*: 460551 \(48 pixels\)"):
        import_listing(list_coco_panoptic(source), tmp_path / "out")


def test_panoptic_misses(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"unpack panoptic_annotations_trainval2017\.zip of https"):
        list_coco_panoptic(tmp_path)
    source = coco_panoptic(tmp_path / "in")
    (source / "annotations/panoptic_train2017").rename(source / "annotations/elsewhere")
    with pytest.raises(SemsynthError, match=r"no folder of its PNGs: unpack panoptic_train2017\.zip"):
        list_coco_panoptic(source)
    (source / "annotations/elsewhere").rename(source / "annotations/panoptic_train2017")
    (source / "train2017/000000000009.jpg").rename(source / "train2017/000000000010.jpg")
    with pytest.raises(SemsynthError, match="1 annotation has no partner in photos/: 000000000009"):
        list_coco_panoptic(source)


def test_panoptic_files_of_other_classes(tmp_path: Path) -> None:
    source = coco_panoptic(tmp_path / "in")
    path = source / "annotations/panoptic_train2017.json"
    data = json.loads(path.read_text())
    other = data | {"categories": [*data["categories"], {"id": 7000, "name": "x", "isthing": 0}]}
    path.write_text(json.dumps(other))
    with pytest.raises(SemsynthError, match=r"categories that COCO panoptic does not have: \[7000\]"):
        list_coco_panoptic(source)
    path.write_text(json.dumps(data | {"categories": data["categories"][:1]}))
    with pytest.raises(SemsynthError, match=r"000000000009\.png has segments of unknown categories \[187\]"):
        list_coco_panoptic(source)

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flags import CLASSES

from semsynth.classes import builtin
from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters.mappings import find_mapping, mapping_of, ready_mappings


def test_ready_mappings_count_as_the_published_models_do() -> None:
    counts = {name: len(mapping.outputs) for name, mapping in ready_mappings().items()}
    assert counts == {"cityscapes_19": 19, "ade20k": 150, "coco_stuff": 182, "coco_stuff_171": 171}
    coco = ready_mappings()["coco_stuff_171"]
    assert coco.outputs[:13] == (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13)  # no street sign
    assert coco.outputs[-1] == 181
    assert ready_mappings()["ade20k"].outputs[0] == 1


def test_a_mapping_is_found_by_the_networks_own_names(tmp_path: Path) -> None:
    names = {i: item.name for i, item in enumerate(builtin("cityscapes_19").classes)}
    assert find_mapping(None, tmp_path, names).class_set == "cityscapes_19"
    with pytest.raises(SemsynthError, match="has no mapping"):
        find_mapping(None, tmp_path, {i: f"LABEL_{i}" for i in range(19)})
    assert find_mapping("cityscapes_19", tmp_path, {i: f"LABEL_{i}" for i in range(19)}).class_set == "cityscapes_19"
    with pytest.raises(SemsynthError, match="20 outputs, its mapping cityscapes_19 19"):
        find_mapping("cityscapes_19", tmp_path, dict.fromkeys(range(20), ""))


def test_outputs_must_be_classes(tmp_path: Path) -> None:
    values = mapping_of(CLASSES).model_dump(mode="json") | {"outputs": [3, 4, 5, 99]}
    (tmp_path / "segmenter.json").write_text(json.dumps(values))
    with pytest.raises(SemsynthError, match=r"segmenter\.json.*99"):
        find_mapping(None, tmp_path, dict.fromkeys(range(4), ""))

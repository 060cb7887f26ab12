"""``semsynth.convert_checkpoint``: one function for the checkpoints of all official codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from official_spade import save_generator

import semsynth


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return save_generator(tmp_path)


def test_a_converted_model_loads_with_the_classes_that_were_named(checkpoint: Path, tmp_path: Path) -> None:
    classes = semsynth.ClassSet.model_validate(
        {"name": "mine", "classes": [{"id": i, "name": f"c{i}", "color": (i, i, i)} for i in range(3)]}
    )
    classes.save(tmp_path / "classes.json")
    for number, given in enumerate((classes, tmp_path / "classes.json")):
        out = tmp_path / f"model{number}"
        report = semsynth.convert_checkpoint("spade", checkpoint, out, options=tmp_path / "opt.json", classes=given)
        assert report.loaded == len(torch.load(checkpoint, weights_only=True))
        assert report.unused == ()
        assert semsynth.load(out, "cpu").classes == classes
    with pytest.raises(semsynth.SemsynthError, match=r"model0: there is a model already"):
        semsynth.convert_checkpoint("spade", checkpoint, tmp_path / "model0", options=tmp_path / "opt.json")


@pytest.mark.parametrize(
    ("system", "files", "message"),
    [
        ("gaugan", {}, "there is no converter for 'gaugan': choose spade, pix2pixhd, oasis, crn"),
        ("oasis", {"options": "opt.json", "encoder": "e.pth"}, "checkpoints of oasis have no encoder"),
        ("crn", {"options": "o", "clusters": "c"}, "checkpoints of crn have no options and no clusters"),
    ],
)
def test_files_that_a_system_does_not_have_are_refused(
    tmp_path: Path, system: Any, files: dict[str, str], message: str
) -> None:
    with pytest.raises(semsynth.SemsynthError, match=message):
        semsynth.convert_checkpoint(system, tmp_path / "c.pth", tmp_path / "out", **files)
    assert not (tmp_path / "out").exists()

"""The memory bank in the folder of the model that was trained with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import invoke
from sims_models import write_model

import semsynth
from semsynth.bank.memory import MemoryBank
from semsynth.bank.settings import CanvasSettings
from semsynth.errors import SemsynthError


def test_an_attached_bank_is_found_wherever_the_model_lies(scene_bank: MemoryBank, tmp_path: Path) -> None:
    named = CanvasSettings(bank=str(tmp_path / "gone"), sha256=scene_bank.checksum)
    model = write_model(tmp_path / "model", named)
    code, output = invoke("bank", "attach", scene_bank.folder, model)
    assert code == 0, output
    assert f"the model's bank is {model / 'bank'}" in output
    assert not semsynth.check_bank(model / "bank").problems
    moved = model.rename(tmp_path / "moved")
    layout = semsynth.Layout(scene_bank.labels(0), scene_bank.classes)
    assert semsynth.load(moved, "cpu")(layout).size == layout.labels.shape
    with pytest.raises(SemsynthError, match=r"moved/bank is there already: remove it first"):
        semsynth.attach_bank(moved, scene_bank.folder)


def test_what_cannot_be_attached(scene_bank: MemoryBank, tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", CanvasSettings(sha256="0" * 64))
    with pytest.raises(SemsynthError, match="is not the memory bank that the model was trained with"):
        semsynth.attach_bank(model, scene_bank.folder)
    with pytest.raises(SemsynthError, match="a model of 'spade', which uses no memory bank"):
        semsynth.attach_bank("facades", scene_bank.folder)
    damaged = shutil.copytree(scene_bank.folder, tmp_path / "damaged")
    next(iter(damaged.glob("photos-*"))).unlink()
    with pytest.raises(SemsynthError, match="is missing: restore it"):
        semsynth.attach_bank(model, damaged)
    assert not list(model.glob("*bank*"))

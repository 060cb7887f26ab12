"""A segmenter trained from scratch."""

from __future__ import annotations

from pathlib import Path

import pytest
from flags import CLASSES
from small_segmenters import SETTINGS, train

from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters.hugging_face import load_segmenter


def test_training_learns_and_its_folder_loads(flags: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"steps": 60, "validate_every": 30, "lr": 5e-3})
    lines = train(flags, tmp_path / "seg", settings=settings)
    assert lines[-1].loss < lines[0].loss
    segmenter = load_segmenter(tmp_path / "seg", device="cpu")
    assert segmenter.classes.classes == CLASSES.classes
    assert segmenter.card.data.startswith(f"{flags.name}: 12 photos of split train")
    best = max(line.mean_iou for line in lines)
    assert segmenter.card.scores["mean IoU, val at 32x32"] == best
    (tmp_path / "seg" / "model.safetensors").write_bytes(b"other")
    with pytest.raises(SemsynthError, match="damaged or belongs to another segmenter"):
        load_segmenter(tmp_path / "seg")


def test_training_ends_where_nothing_gets_better(flags: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"steps": 400, "validate_every": 1, "patience": 2, "lr": 1e-9})
    assert len(train(flags, tmp_path / "seg", settings=settings)) < 40

"""Segmenters trained from Python: stopped and resumed is uninterrupted, and what is wrong is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from flags import SIDE

import semsynth
from semsynth.evaluation.segmenters.training import Validation

SMALL = (
    *("hidden_sizes=[4,8,8,8]", "depths=[1,1,1,1]", "heads=[1,1,1,1]", "decoder_size=8", "batch_size=3"),
    *(f"augmentation.crop_size={SIDE}", "warmup=2", "validate_every=3", "precision=float32"),
)


def test_stopped_and_resumed_is_uninterrupted(flags: Path, tmp_path: Path) -> None:
    lines: list[Validation] = []
    given = {"steps": 6, "overrides": SMALL, "device": "cpu"}
    assert semsynth.train_segmenter(flags, tmp_path / "whole", note=lines.append, **given)
    assert [line.step for line in lines] == [3, 6]
    steps: list[int] = []
    complete = semsynth.train_segmenter(
        flags,
        tmp_path / "cut",
        stopped=lambda: len(steps) >= 3,
        progress=lambda done, _: steps.append(done),
        **given,
    )
    assert not complete
    assert semsynth.resume_segmenter(tmp_path / "cut", device="cpu")
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut"))
    assert one == other


def test_what_is_wrong_is_said_first(flags: Path, tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "note.txt").write_text("mine")
    with pytest.raises(semsynth.SemsynthError, match="used exists and is not an empty folder"):
        semsynth.train_segmenter(flags, tmp_path / "used")
    with pytest.raises(semsynth.SemsynthError, match="there is no key 'width'"):
        semsynth.train_segmenter(flags, tmp_path / "new", overrides=["width=3"])
    with pytest.raises(semsynth.SemsynthError, match="no segmenter was trained in"):
        semsynth.resume_segmenter(tmp_path / "new")
    assert not (tmp_path / "new").exists()

"""Scores from measurements of single images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from flags import SIDE, ChangedPhotos, evaluation_of

from semsynth.data.sample import Sample
from semsynth.evaluation.pictures import Picture


def test_a_small_sample_is_warned_about(flags: Path, tmp_path: Path) -> None:
    (warning,) = evaluation_of(flags).run(tmp_path).warnings
    assert "24 images are too few for the Fréchet distance" in warning
    assert "FID" not in warning


def test_worst_and_best_are_the_extremes(flags: Path, tmp_path: Path) -> None:
    def some_grey(sample: Sample) -> Picture:
        assert sample.image is not None
        return np.full_like(sample.image, 128) if sample.name in ("003", "011") else sample.image

    result = evaluation_of(flags, ChangedPhotos(some_grey)).run(tmp_path)
    assert {image.name for image in result.worst[:2]} == {"003", "011"}
    assert result.best[0].mean_iou >= result.best[-1].mean_iou > result.worst[0].mean_iou
    (shown,) = evaluation_of(flags, ChangedPhotos(some_grey)).illustrate(["003"])
    assert (shown.synthesis == 128).all()
    assert shown.errors.shape == shown.layout.shape == (SIDE, SIDE, 3)
    right = (shown.layout == shown.predicted).all(2) & (shown.layout.sum(2) > 0)
    assert (shown.errors[right] == 255).all()
    assert torch.tensor(shown.errors[~right].astype(int)).unique(dim=0).tolist() == [[150, 150, 150], [200, 30, 30]]

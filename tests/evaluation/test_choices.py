"""What an evaluation is made of, from the words of the command line."""

from __future__ import annotations

import torch

from semsynth.evaluation.choices import find_features


def test_features_run_on_the_device_that_is_there() -> None:
    features = find_features("random", None, device="auto")
    assert features is not None
    assert torch.isfinite(features.vectors(torch.zeros(1, 3, 64, 64))).all()

"""Features of objects from photographs of any size."""

from __future__ import annotations

import pytest
import torch

from semsynth.models.instance_encoder import InstanceEncoderConfig


@pytest.mark.parametrize("downsamplings", [0, 1, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 5), (16, 16), (17, 33)])
def test_photos_of_few_pixels(size: tuple[int, int], downsamplings: int) -> None:
    encoder = InstanceEncoderConfig(width=2, downsamplings=downsamplings).build().eval()
    with torch.no_grad():
        features = encoder.pixels(torch.rand(1, 3, *size))
    assert features.shape == (1, 3, *size)
    assert features.isfinite().all()

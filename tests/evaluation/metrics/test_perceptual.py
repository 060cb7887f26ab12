from __future__ import annotations

from pathlib import Path

import pytest
import torch
from backbone_weights import REAL
from torch import Tensor

from semsynth.evaluation.choices import find_features
from semsynth.evaluation.feature_sets import BackboneFeatures
from semsynth.evaluation.metrics.perceptual import mean_pairwise_distance, perceptual_distances
from semsynth.images import decode_image, to_tensor
from semsynth.models.backbones.stlpips import load_stlpips


def test_perceptual_distances_by_hand() -> None:
    one = torch.tensor([[[[1.0]], [[0.0]]], [[[3.0]], [[0.0]]]])
    other = torch.tensor([[[[0.0]], [[2.0]]], [[[5.0]], [[0.0]]]])
    assert perceptual_distances([one], [other]).tolist() == pytest.approx([2.0, 0.0])
    assert perceptual_distances([one, one], [other, other]).tolist() == pytest.approx([4.0, 0.0])
    assert mean_pairwise_distance([torch.cat([one[:1], other[:1], one[:1]])]) == pytest.approx(4 / 3)


@pytest.fixture(scope="module")
def photos(shared: Path) -> Tensor:
    folder = shared / "data" / "ade_landscapes" / "val" / "images"
    return torch.stack([to_tensor(decode_image(path))[:, :96, :96] for path in sorted(folder.iterdir())[:3]])


def test_diversity_in_stlpips_is_its_own_distance(shared: Path, photos: Tensor) -> None:
    path = shared / "weights" / REAL["stlpips_alex"]
    features = find_features("stlpips_alex", None, path)
    assert isinstance(features, BackboneFeatures)
    assert features.channel_weights is not None
    distance = load_stlpips(path)
    with torch.no_grad():
        expected = distance(photos[:2], photos[1:]).double()
    maps = features.maps(photos)
    found = perceptual_distances([m[:2] for m in maps], [m[1:] for m in maps], features.channel_weights)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    with torch.no_grad():
        third = distance(photos[:1], photos[2:]).double()
    mean = float(torch.cat([expected, third]).mean())
    assert mean_pairwise_distance(maps, features.channel_weights) == pytest.approx(mean, rel=1e-4)


def test_weights_of_channels_by_hand() -> None:
    one, other = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1), torch.tensor([0.0, 0, 2]).view(1, 3, 1, 1)
    assert perceptual_distances([one], [other]).item() == 2
    assert perceptual_distances([one], [other], [torch.tensor([0.25, 9.0, 3.0])]).item() == 3.25

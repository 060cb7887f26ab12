from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from backbone_weights import REAL, efficientnet_state, save_mobilenet
from safetensors.torch import save_file
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.evaluation.choices import find_features
from semsynth.evaluation.feature_sets import BackboneFeatures, equalise, layer_scales
from semsynth.evaluation.metrics.perceptual import mean_pairwise_distance, perceptual_distances
from semsynth.files import sha256
from semsynth.images import decode_image, to_tensor
from semsynth.models.backbones.stlpips import load_stlpips
from semsynth.models.vgg import VGG16, VGG19


def test_vectors_are_means_and_deviations_by_layer(tmp_path: Path) -> None:
    features = BackboneFeatures.load("mobilenet_v1", save_mobilenet(tmp_path))
    images = torch.rand(3, 3, 32, 48) * 2 - 1
    vectors, maps = features.vectors(images), features.maps(images)
    assert features.layers == tuple(2 * one.shape[1] for one in maps)
    assert vectors.shape == (3, sum(features.layers))
    first = maps[0].numpy()
    np.testing.assert_allclose(vectors[:, :8], first.mean((2, 3)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(vectors[:, 8:16], first.std((2, 3)), rtol=1e-4, atol=1e-6)
    assert features.fingerprint == sha256(tmp_path / "mobilenet.safetensors")


def test_layers_are_equalised_by_the_real_photos() -> None:
    real = np.array([[3.0, 4, 0.1], [5, 0, 0.1]], np.float32)  # mean squares 12.5 and 0.01
    scales = layer_scales(real, (2, 1))
    np.testing.assert_allclose(scales, [12.5**-0.5, 12.5**-0.5, 10], rtol=1e-6)
    synthetic = np.array([[1.0, 1, 1]], np.float32)
    equalise(synthetic, scales)
    np.testing.assert_allclose(synthetic[0], scales)
    equalise(real, scales)
    np.testing.assert_allclose([(real[:, :2] ** 2).mean(), (real[:, 2:] ** 2).mean()], 1, rtol=1e-6)
    assert layer_scales(np.zeros((2, 3), np.float32), (2, 1)).tolist() == [1, 1, 1]  # silent layers stay


def test_a_file_tells_which_network_it_holds(tmp_path: Path) -> None:
    assert find_features(str(save_mobilenet(tmp_path)), None).name == "mobilenet_v1"
    save_file(efficientnet_state(), tmp_path / "a.safetensors")
    assert find_features(str(tmp_path / "a.safetensors"), None).name == "efficientnet_lite0"
    note = {"input": "RGB 0..1"}
    save_file(VGG16([2] * 13).state_dict(), tmp_path / "b.safetensors", note)
    assert find_features(str(tmp_path / "b.safetensors"), None).name == "vgg16"
    save_file(VGG19([2] * 16).state_dict(), tmp_path / "c.safetensors", note)
    with pytest.raises(SemsynthError, match=r"c\.safetensors holds none of the networks"):
        find_features(str(tmp_path / "c.safetensors"), None)


def test_what_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    for name, weights, match in (
        ("stlpips_alex", None, "--feature-weights FILE"),
        ("mobilenet_v1", tmp_path / "absent.safetensors", "cannot read"),
        ("vgg16", save_mobilenet(tmp_path), "expected VGG-16"),
        ("clip", None, "there are no features 'clip': choose inception, segmenter"),
    ):
        with pytest.raises(SemsynthError, match=match) as caught:
            find_features(name, None, weights)
        assert "\n" not in str(caught.value)


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

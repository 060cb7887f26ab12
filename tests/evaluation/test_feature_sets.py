from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from backbone_weights import save_mobilenet

from semsynth.evaluation.feature_sets import BackboneFeatures, equalise, layer_scales
from semsynth.files import sha256


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

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

from semsynth.models.style_encoder import StyleEncoder, StyleEncoderConfig, reparameterize


def test_parameters_of_the_paper() -> None:
    encoder = StyleEncoder(StyleEncoderConfig())
    widths = [3, 64, 128, 256, 512, 512, 512]
    convolutions = sum(9 * a * b for a, b in pairwise(widths))
    linear = 2 * (512 * 4 * 4 * 256 + 256)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == convolutions + linear


@pytest.mark.parametrize(("size", "depth"), [(256, 6), (128, 5), (64, 4), (32, 3)])
def test_features_end_at_four_by_four(size: int, depth: int) -> None:
    encoder = StyleEncoder(StyleEncoderConfig(width=2, z_dim=7, size=size))
    assert encoder.depth == depth
    mu, logvar = encoder(torch.rand(3, 3, 40, 30))
    assert mu.shape == logvar.shape == (3, 7)


def test_photos_of_other_sizes_are_resized_bilinearly() -> None:
    encoder = StyleEncoder(StyleEncoderConfig(width=2, size=64)).eval()
    photo = torch.rand(1, 3, 50, 90)
    resized = F.interpolate(photo, (64, 64), mode="bilinear", align_corners=False)
    for a, b in zip(encoder(photo), encoder(resized), strict=True):
        assert torch.equal(a, b)


def test_a_convolution_has_a_bias_only_without_norm() -> None:
    for norm, expected in (("instance", False), ("batch", False), ("none", True)):
        encoder = StyleEncoder(StyleEncoderConfig(width=2, size=32, norm=norm))
        assert ("conv_0.bias" in dict(encoder.named_parameters())) is expected


def test_reparameterize() -> None:
    mu, logvar = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 2.0 * torch.log(torch.tensor(3.0))]])
    style = reparameterize(mu, logvar, torch.tensor([[0.5, -1.0]]))
    torch.testing.assert_close(style, torch.tensor([[1.5, -5.0]]))  # 1 + 1 * 0.5, -2 + 3 * (-1)
    drawn = reparameterize(mu.expand(20000, 2), logvar.expand(20000, 2))
    torch.testing.assert_close(drawn.mean(0), mu[0], atol=0.1, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.tensor([1.0, 3.0]), atol=0.1, rtol=0)

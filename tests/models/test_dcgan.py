"""DCGAN's networks on layouts."""

from __future__ import annotations

import pytest
import torch
from layouts import KINDS, layout_batch
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding
from semsynth.models.dcgan import (
    DCGANDiscriminator,
    DCGANDiscriminatorConfig,
    DCGANGenerator,
    DCGANGeneratorConfig,
)


@pytest.mark.parametrize("kind", KINDS)
def test_generator_is_strided_convolutions_there_and_back(kind):
    layout = layout_batch(kind, (32, 48))
    config = DCGANGeneratorConfig(encoding=layout.encoding, width=2, halvings=3, norm="batch")
    network = DCGANGenerator(config).double()
    x = F.leaky_relu(F.conv2d(layout.full.one_hot(torch.float64), network.first.weight, network.first.bias, 2, 2), 0.2)
    for conv, norm in zip(network.down, network.down_norms, strict=True):
        x = F.conv2d(x, conv.weight, None, 2, 2)
        x = F.leaky_relu(F.batch_norm(x, None, None, norm.weight, norm.bias, training=True), 0.2)
    assert x.shape[1:] == (8, 4, 6)
    for conv, norm in zip(network.up, network.up_norms, strict=True):
        x = F.conv_transpose2d(x, conv.weight, None, 2, 2, 1)
        x = F.relu(F.batch_norm(x, None, None, norm.weight, norm.bias, training=True))
    expected = F.conv_transpose2d(x, network.to_rgb.weight, network.to_rgb.bias, 2, 2, 1).tanh()
    torch.testing.assert_close(network(layout), expected, rtol=1e-9, atol=1e-9)


def test_widths_are_dcgans():
    """Figure 1: 1024 maps of 4 x 4, then 512, 256, 128 and the picture of 64 x 64."""
    with torch.device("meta"):
        network = DCGANGenerator(DCGANGeneratorConfig(encoding=LayoutEncoding(num_classes=20)))
        judge = DCGANDiscriminator(DCGANDiscriminatorConfig())
    assert [tuple(conv.weight.shape[:2]) for conv in network.up] == [(1024, 512), (512, 256), (256, 128)]
    assert network.to_rgb.weight.shape == (128, 3, 5, 5)
    assert [tuple(conv.weight.shape[:2]) for conv in judge.down] == [(256, 128), (512, 256), (1024, 512)]


def test_discriminator_has_one_logit_at_dcgans_size_and_windows_beyond():
    judge = DCGANDiscriminator(DCGANDiscriminatorConfig(width=2))
    assert judge(torch.randn(2, 3, 64, 64))[0][-1].shape == (2, 1, 1, 1)
    assert judge(torch.randn(2, 3, 64, 128))[0][-1].shape == (2, 1, 1, 5)
    assert judge.config.smallest_side == 64


def test_sizes():
    layout = layout_batch("blocks", (20, 24))
    network = DCGANGenerator(DCGANGeneratorConfig(encoding=layout.encoding, width=1, halvings=3))
    with pytest.raises(SemsynthError, match="cannot make 24x20, but 24x24"):
        network(layout)

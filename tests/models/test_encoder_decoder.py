"""The CRN paper's encoder-decoder against the U-Net paper's figure 1, written down a second time."""

from __future__ import annotations

import pytest
import torch
from layouts import KINDS, layout_batch
from torch import Tensor
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding
from semsynth.models.encoder_decoder import DoubleConv, EncoderDecoder, EncoderDecoderConfig


def twice(block: DoubleConv, x: Tensor) -> Tensor:
    for conv, norm in ((block.conv_0, block.norm_0), (block.conv_1, block.norm_1)):
        x = F.conv2d(x, conv.weight, padding=1).contiguous()
        x = F.leaky_relu(F.group_norm(x, 1, norm.weight, norm.bias, 1e-12), 0.2)
    return x


def inside(network: EncoderDecoder, level: int, x: Tensor) -> Tensor:
    """A level's features, and everything below it, at the level's size."""
    x = twice(network.down[level], x)
    if level == network.config.halvings:
        return x
    below = inside(network, level + 1, F.max_pool2d(x, 2))
    number = network.config.halvings - 1 - level
    larger = F.conv_transpose2d(below, network.enlarge[number].weight, network.enlarge[number].bias, stride=2)
    return twice(network.up[number], torch.cat([x, larger], 1))


@pytest.mark.parametrize("kind", KINDS)
def test_is_the_u_nets_figure(kind):
    layout = layout_batch(kind, (16, 24))
    network = EncoderDecoderConfig(encoding=layout.encoding, width=2, halvings=2).build().double()
    features = inside(network, 0, layout.full.one_hot(torch.float64))
    expected = F.conv2d(features, network.to_rgb.weight, network.to_rgb.bias)
    torch.testing.assert_close(network(layout), expected, rtol=1e-9, atol=1e-9)


def test_parameters_are_the_u_nets():
    """Figure 1: 64 to 1024 channels; counted by hand for 20 classes, with norms instead of the convolutions' biases."""
    with torch.device("meta"):
        network = EncoderDecoderConfig(encoding=LayoutEncoding(num_classes=20)).build()
    widths = [64, 128, 256, 512, 1024]
    down = sum(9 * (a * b + b * b) for a, b in zip([20, *widths], widths, strict=False))
    up = sum(9 * (2 * a * a + a * a) + 4 * 2 * a * a + a for a in widths[:-1])
    norms = 2 * 2 * (sum(widths) + sum(widths[:-1]))
    assert sum(p.numel() for p in network.parameters()) == down + up + norms + 64 * 3 + 3


def test_sizes():
    layout = layout_batch("blocks", (20, 24))
    network = EncoderDecoderConfig(encoding=layout.encoding, width=1, halvings=3).build()
    with pytest.raises(SemsynthError, match="cannot make 24x20, but 24x24"):
        network(layout)
    assert network.config.sizes.nearest((24, 40)) == [(24, 40)]

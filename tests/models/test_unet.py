"""pix2pix's U-Net against the paper's description, written down a second time."""

from __future__ import annotations

import pytest
import torch
from layouts import KINDS, layout_batch
from torch import Tensor
from torch.nn import functional as F

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding
from semsynth.models.unet import UNet, UNetConfig


def unet(encoding: LayoutEncoding, **settings) -> UNet:
    return UNet(UNetConfig(encoding=encoding, **{"width": 3, "halvings": 4} | settings)).double().eval()


def with_skips(network: UNet, one_hot: Tensor) -> Tensor:
    """The appendix as boxes within boxes, each with a skip connection around it."""

    def box(level: int, x: Tensor) -> Tensor:
        if level == len(network.down):
            return x
        below = F.conv2d(F.leaky_relu(x, 0.2), network.down[level].weight, network.down[level].bias, 2, 1)
        if level < len(network.down_norms):
            norm = network.down_norms[level]
            below = F.instance_norm(below, weight=norm.weight, bias=norm.bias)
        number = len(network.down) - 1 - level
        made = F.conv_transpose2d(F.relu(box(level + 1, below)), network.up[number].weight, None, 2, 1)
        norm = network.up_norms[number]
        return torch.cat([F.instance_norm(made, weight=norm.weight, bias=norm.bias), x], 1)

    x = F.conv2d(one_hot, network.first.weight, network.first.bias, 2, 1)
    return F.conv_transpose2d(F.relu(box(0, x)), network.to_rgb.weight, network.to_rgb.bias, 2, 1).tanh()


@pytest.mark.parametrize("kind", KINDS)
def test_is_the_papers_nested_boxes(kind):
    layout = layout_batch(kind, (32, 48))
    network = unet(layout.encoding)
    expected = with_skips(network, layout.full.one_hot(torch.float64))
    torch.testing.assert_close(network(layout), expected, rtol=1e-9, atol=1e-9)


def test_parameters_are_those_of_the_published_network():
    """54.41 million at 256 x 256 from three channels: every layer counted by hand."""

    def conv(inputs, outputs):
        return inputs * outputs * 16

    with torch.device("meta"):
        network = UNetConfig(encoding=LayoutEncoding(num_classes=3)).build()
    encoder = conv(3, 64) + conv(64, 128) + conv(128, 256) + conv(256, 512) + 4 * conv(512, 512)
    decoder = conv(512, 512) + 3 * conv(1024, 512) + conv(1024, 256) + conv(512, 128) + conv(256, 64) + conv(128, 3)
    norms = 2 * (128 + 256 + 4 * 512) + 2 * (4 * 512 + 256 + 128 + 64)
    biases = 64 + 512 + 3  # where no norm follows
    assert sum(p.numel() for p in network.parameters()) == encoder + decoder + norms + biases
    assert round((encoder + decoder + norms) / 1e6, 2) == 54.41


def test_dropout_is_of_training_unless_asked_for():
    layout = layout_batch("blocks", (32, 32))
    network = unet(layout.encoding)
    assert torch.equal(network(layout), network(layout))
    network.train()
    assert not torch.equal(network(layout), network(layout))
    noisy = unet(layout.encoding, dropout_at_test=True)
    assert not torch.equal(noisy(layout), noisy(layout))
    silent = unet(layout.encoding, dropout=0.0, dropout_at_test=True)
    assert torch.equal(silent(layout), silent.train()(layout))


def test_dropout_is_on_the_first_three_decoder_blocks():
    """Half of what these hand on is zero; what the others hand on is not."""
    layout = layout_batch("noise", (64, 64))
    network = unet(layout.encoding, halvings=6).train()
    seen = []
    for module in (*network.up, network.to_rgb):
        module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    for norm in network.up_norms:  # far above zero, where ReLU changes nothing
        torch.nn.init.constant_(norm.bias, 100.0)
    network(layout)
    shares = [(x[:, : x.shape[1] // 2] == 0).double().mean().item() for x in seen[1:]]
    assert shares[:3] == pytest.approx([0.5] * 3, abs=0.15)
    assert shares[3:] == [0, 0]


def test_sizes():
    layout = layout_batch("blocks", (40, 40))
    network = unet(layout.encoding)
    assert network.config.sizes.nearest((40, 71))[0] == (48, 64)
    assert network.config.sizes.nearest((48, 64)) == [(48, 64)]
    with pytest.raises(SemsynthError, match="cannot make 40x40, but 48x48"):
        network(layout)


def test_the_papers_size_ends_in_a_single_pixel():
    layout = layout_batch("blocks", (256, 256))
    network = UNet(UNetConfig(encoding=layout.encoding, width=1))
    image = network(layout)
    assert image.shape == (1, 3, 256, 256)
    assert image.isfinite().all()
    assert image.abs().max() <= 1

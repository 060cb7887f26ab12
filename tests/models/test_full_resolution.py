"""The full-resolution network against dense dilated convolutions."""

from __future__ import annotations

import pytest
import torch
from layouts import KINDS, layout_batch
from torch.nn import functional as F

from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.full_resolution import FullResolutionConfig


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("largest", [1, 8, 64])
def test_is_dense_dilated_convolutions(kind, largest):
    layout = layout_batch(kind, (17, 30))
    config = FullResolutionConfig(encoding=layout.encoding, width=4, layers=5, largest_dilation=largest)
    network = config.build().double()
    x = layout.full.one_hot(torch.float64)
    expected_dilations = {1: [1] * 5, 8: [8, 4, 2, 1, 1], 64: [64, 32, 16, 8, 4]}[largest]
    for conv, norm, dilation in zip((network.first, *network.convs), network.norms, expected_dilations, strict=True):
        x = F.conv2d(x, conv.weight, padding=dilation, dilation=dilation)
        x = F.leaky_relu(F.group_norm(x.contiguous(), 1, norm.weight, norm.bias, 1e-12), 0.2)
    expected = F.conv2d(x, network.to_rgb.weight, network.to_rgb.bias)
    torch.testing.assert_close(network(layout), expected, rtol=1e-9, atol=1e-9)


def test_the_papers_network_sees_its_whole_picture():
    """10 layers of 256 maps; dilations 128, 64, ..., 1 and then 1: 255 + 2 pixels in every direction."""
    config = FullResolutionConfig(encoding=LayoutEncoding(num_classes=20))
    assert config.dilations == [128, 64, 32, 16, 8, 4, 2, 1, 1, 1]
    assert sum(config.dilations) == 257
    with torch.device("meta"):
        network = config.build()
    hidden = 9 * (20 * 256 + 9 * 256 * 256)
    assert sum(p.numel() for p in network.parameters()) == hidden + 10 * 2 * 256 + 256 * 3 + 3


def test_a_pixel_depends_on_the_layout_as_far_as_the_dilations_reach():
    """One label in the middle changes the columns up to 4 + 2 + 1 pixels away, norms aside, and no others."""
    encoding = LayoutEncoding(num_classes=2)
    network = FullResolutionConfig(encoding=encoding, width=3, layers=3, largest_dilation=4).build().double()
    labels = torch.zeros(1, 1, 31, dtype=torch.int64)
    changed = labels.clone()
    changed[0, 0, 15] = 1
    network.norms = torch.nn.ModuleList(torch.nn.LeakyReLU(0.2) for _ in network.norms)
    a, b = (network(LayoutBatch.from_channels(one, encoding)) for one in (labels, changed))
    columns = (a != b).any(1).flatten().nonzero().flatten().tolist()
    assert columns == list(range(15 - 7, 15 + 7 + 1))


def test_any_size_and_prepared_windows_are_the_ones_used():
    layout = layout_batch("edges", (19, 23))
    config = FullResolutionConfig(encoding=layout.encoding, width=2, layers=3, largest_dilation=4)
    assert config.sizes.nearest((19, 23)) == [(19, 23)]
    prepared = config.prepare(layout).full.patches(3, 1, 4, dilation=4)
    config.build()(layout)
    assert layout.full.patches(3, 1, 4, dilation=4) is prepared
    assert len(layout.full._patches) == 1

"""The small segmentation network."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from semsynth.models.segmentation_network import SegmentationNetwork, SegmentationNetworkConfig


def test_logits_are_of_a_quarter_of_the_size():
    network = SegmentationNetwork(SegmentationNetworkConfig(width=2), num_classes=5)
    assert network(torch.randn(2, 3, 24, 41)).shape == (2, 5, 6, 11)


def test_is_the_same_network_in_training_and_evaluation():
    """A frozen segmenter judges as it was trained to, whatever mode the training loop leaves it in."""
    network = SegmentationNetwork(SegmentationNetworkConfig(width=2), num_classes=5)
    image = torch.randn(2, 3, 16, 16)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    assert torch.equal(network.train()(image), network.eval()(image))
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())


def test_learns_what_colours_mean():
    torch.manual_seed(0)
    labels = torch.randint(0, 3, (4, 8, 8)).repeat_interleave(4, 1).repeat_interleave(4, 2)
    colors = torch.tensor([[1.0, -1, 0], [-1, 1, 0], [0, 0, 1]])
    image = colors[labels].permute(0, 3, 1, 2) + 0.1 * torch.randn(4, 3, 32, 32)
    network = SegmentationNetwork(SegmentationNetworkConfig(width=8, halvings=1), num_classes=3)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(60):
        logits = F.interpolate(network(image), (32, 32), mode="bilinear")
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (logits.argmax(1) == labels).double().mean() > 0.9

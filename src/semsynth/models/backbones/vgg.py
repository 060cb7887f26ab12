"""VGG-16's features as a backbone's stages: the last activation of each block, and the last one pooled."""

from __future__ import annotations

from torch import nn

from semsynth.models.backbones.base import FixedConv, Stage, Tap
from semsynth.models.vgg import VGG


def vgg_stages(network: VGG) -> list[Stage]:
    """Split a VGG network, or its beginning.

    Returns:
        Stages that end at strides 1, 2, 4, 8 and 16 (``relu1_2``, ``relu2_2``, ``relu3_3``, ``relu4_3`` and
        ``relu5_3`` of VGG-16), and at 32 after the last pooling; fewer for a prefix, whole blocks only.
    """
    layers = [_constant(layer) for layer in network.features]
    stages: list[Stage] = []
    begin, channels = 0, 0
    for block, depth in enumerate(network.BLOCKS):
        last = network.taps.get(f"relu{block + 1}_{depth}")
        if last is None:
            return stages
        conv = layers[last - 1]
        assert isinstance(conv, FixedConv)
        channels = len(conv.weight)
        stages.append(Stage(Tap(channels, 2**block), nn.Sequential(*layers[begin : last + 1])))
        begin = last + 1  # a pooling layer, which begins the next stage
    return [*stages, Stage(Tap(channels, 2 ** len(network.BLOCKS)), nn.Sequential(*layers[begin:]))]


def _constant(layer: nn.Module) -> nn.Module:
    """A convolution without parameters, or another layer as it is."""
    if not isinstance(layer, nn.Conv2d):
        return layer
    assert layer.bias is not None
    return FixedConv(layer.weight.detach(), layer.bias.detach(), relu6=False)

"""VGG-16's features as a backbone's stages: the last activation of each block, and the last one pooled."""

from __future__ import annotations

from torch import nn

from semsynth.models.backbones.base import Stage, Tap
from semsynth.models.vgg import VGG


def vgg_stages(network: VGG) -> list[Stage]:
    """Split a VGG network, or its beginning.

    Returns:
        Stages that end at strides 1, 2, 4, 8 and 16 (``relu1_2``, ``relu2_2``, ``relu3_3``, ``relu4_3`` and
        ``relu5_3`` of VGG-16), and at 32 after the last pooling; fewer for a prefix, whole blocks only.
    """
    stages: list[Stage] = []
    begin, channels = 0, 0
    for block, depth in enumerate(network.BLOCKS):
        last = network.taps.get(f"relu{block + 1}_{depth}")
        if last is None:
            return stages
        conv = network.features[last - 1]
        assert isinstance(conv, nn.Conv2d)
        channels = conv.out_channels
        stages.append(Stage(Tap(channels, 2**block), network.features[begin : last + 1]))
        begin = last + 1  # a pooling layer, which begins the next stage
    return [*stages, Stage(Tap(channels, 2 ** len(network.BLOCKS)), network.features[begin:])]

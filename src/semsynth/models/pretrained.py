"""Which networks from elsewhere a system was trained with."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from semsynth.models.backbones import Backbone
from semsynth.models.vgg import VGG


def pretrained_networks(networks: Iterable[nn.Module]) -> dict[str, str]:
    """Find networks of features inside others.

    Returns:
        Name (``vgg19``, ``efficientnet_lite0``, ...) -> SHA-256 of the weights' file, sorted by name.
    """
    found = {}
    for network in networks:
        for part in network.modules():
            if isinstance(part, Backbone):
                found[str(part.name)] = part.sha256
            elif isinstance(part, VGG):
                found[part.NAME.replace("-", "").lower()] = part.sha256
    return dict(sorted(found.items()))

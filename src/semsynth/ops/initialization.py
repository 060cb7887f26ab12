"""The papers' weight initialisations."""

from __future__ import annotations

from torch import nn


def initialize_xavier(module: nn.Module, gain: float = 0.02) -> None:
    """Glorot-normal weights with ``gain`` and zero biases in every convolution and linear layer.

    Source: official SPADE, ``models/networks/base_network.py`` (its option ``init_variance`` is used as a gain).
    """
    for child in module.modules():
        if isinstance(child, nn.Conv2d | nn.Linear):
            nn.init.xavier_normal_(child.weight, gain)
            if child.bias is not None:
                nn.init.zeros_(child.bias)

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


def initialize_normal(module: nn.Module, std: float = 0.02) -> None:
    """Weights of every convolution from N(0, std), scales of norms from N(1, std); biases keep PyTorch's default.

    Source: pix2pixHD, appendix A; official ``models/networks.py`` (``weights_init`` leaves the biases alone).
    """
    for child in module.modules():
        if isinstance(child, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(child.weight, 0.0, std)


def initialize_glorot_uniform(module: nn.Module) -> None:
    """Glorot-uniform weights and zero biases in every convolution.

    Source: official CRN code, which leaves TensorFlow's (slim's) defaults alone.
    """
    for child in module.modules():
        if isinstance(child, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(child.weight)
            if child.bias is not None:
                nn.init.zeros_(child.bias)


def initialize_identity(conv: nn.Conv2d) -> None:
    """Hand every channel on as it is: the middle tap of the kernel is the identity, all else zero.

    Source: Yu and Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions", ICLR 2016, equation 4, who found
    random weights not to be effective there.
    """
    nn.init.dirac_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)

"""Adversarial losses over the outputs of a multi-scale discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.losses.distance import at_least_single

AdversarialKind = Literal["hinge", "least_squares", "original", "wasserstein"]
"""Hinge (SPADE), squared error against 1 and 0 (pix2pixHD), cross entropy (the first GAN), or plain means."""

ScaleOutputs = Sequence[Sequence[Tensor]]
"""Per scale the outputs of a discriminator's layers, logits last."""


def discriminator_loss(kind: AdversarialKind, outputs: ScaleOutputs, real: bool) -> Tensor:
    """What the discriminator minimises on images that are, or are not, ``real``; the mean over scales."""
    return _mean([_judge(kind, _logits(scale), real) for scale in outputs])


def generator_loss(kind: AdversarialKind, outputs: ScaleOutputs) -> Tensor:
    """What the generator minimises on the discriminator's outputs for its images; the mean over scales.

    With hinge it is the plain negated mean: the margin is the discriminator's alone (official SPADE, loss.py).
    """
    if kind == "hinge":
        return _mean([-_logits(scale).mean() for scale in outputs])
    return _mean([_judge(kind, _logits(scale), True) for scale in outputs])


def _judge(kind: AdversarialKind, logits: Tensor, real: bool) -> Tensor:
    sign = 1 if real else -1
    match kind:
        case "hinge":
            return F.relu(1 - sign * logits).mean()
        case "least_squares":
            return (logits - float(real)).square().mean()
        case "original":
            return F.softplus(-sign * logits).mean()  # cross entropy of the sigmoid against 1 or 0
        case "wasserstein":
            return -sign * logits.mean()


def _logits(scale: Sequence[Tensor]) -> Tensor:
    return at_least_single(scale[-1])


def _mean(terms: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(terms)).mean()

"""R1: a penalty on the gradient of what a discriminator says of photographs.

Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually Converge?", ICML 2018, equation 9. Computed
in some steps only and then weighted more, as Karras et al. do ("Analyzing and Improving the Image Quality of
StyleGAN", CVPR 2020, section 3.1, *lazy regularization*): it needs the gradient of a gradient.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from semsynth.config import Config
from semsynth.losses.adversarial import ScaleOutputs
from semsynth.losses.distance import at_least_single


class GradientPenalty(Config):
    """How a discriminator is regularised."""

    weight: float = Field(0.0, ge=0, le=1e6)
    """gamma: the loss gains gamma / 2 times the mean squared norm; 0: no penalty."""
    every: int = Field(16, ge=1, le=10**12)
    """Steps between two penalties; the weight of each grows as much."""

    def due(self, step: int) -> bool:
        """Whether ``step``, counted from 0, has one."""
        return self.weight > 0 and step % self.every == 0

    @property
    def factor(self) -> float:
        """What :func:`squared_gradient` is multiplied by in a step that has it."""
        return self.weight / 2 * self.every


def squared_gradient(scores: Tensor, images: Tensor) -> Tensor:
    """Mean over images of the squared norm of the gradient of their scores; itself differentiable.

    Args:
        scores: [N], each of its own image alone.
        images: [N,3,H,W] that the scores were computed from, requiring gradients.

    Returns:
        A scalar, at least in single precision.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return at_least_single(gradient).square().sum((1, 2, 3)).mean()


def score_of_patches(outputs: ScaleOutputs) -> Tensor:
    """[N]: what a multi-scale discriminator says of each image, the mean over patches and scales.

    Args:
        outputs: per scale the outputs of all layers, [N,1,h,w] logits last.
    """
    return torch.stack([at_least_single(scale[-1]).mean((1, 2, 3)) for scale in outputs]).mean(0)


def score_of_classes(logits: Tensor) -> Tensor:
    """[N]: what a segmenting discriminator says of each image: the mean over pixels of the log-odds that it is real.

    Of the classes together, ``log(sum_c exp l_c) - l_fake``: N + 1 classes seen as two.

    Args:
        logits: [N,1+C,H,W], "fake" first.
    """
    wide = at_least_single(logits)
    return (wide[:, 1:].logsumexp(1) - wide[:, 0]).mean((1, 2))

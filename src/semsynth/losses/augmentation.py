"""Differentiable augmentation of what a discriminator sees (Zhao et al., "DiffAugment", NeurIPS 2020).

A discriminator that knows a few hundred photos by heart stops teaching. Augmenting real and
synthesised pictures alike, differentiably, keeps it honest without the augmentations leaking.
Only changes that leave every pixel at its place are offered: the layout beside the picture must fit.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from semsynth.config import Config


class Augmentation(Config):
    """What is done to the discriminator's pictures."""

    color: bool = False
    """Random brightness (+-0.5 of the range [-1,1]), saturation (0..2) and contrast (0.5..1.5)."""
    cutout: float = Field(0.0, ge=0, le=1)
    """Side of a random grey square, as a share of the picture's."""


def augment_together(config: Augmentation, *images: Tensor) -> tuple[Tensor, ...]:
    """Augment several batches, the n-th picture of each alike, so that their features stay comparable.

    Args:
        config: what to do.
        images: batches [N,3,H,W] in [-1,1].

    Returns:
        As many batches, [N,3,H,W].
    """
    if config.color:
        images = _color(images)
    if config.cutout:
        images = _cutout(images, config.cutout)
    return images


def crop_together(side: int | None, *images: Tensor) -> tuple[Tensor, ...]:
    """Cut one random square out of several batches, at the same place; None leaves them whole.

    A loss averaged over pixels keeps its expectation (but for the borders) at a part of the cost.

    Args:
        side: of the square, in pixels; at most the pictures' height and width are used.
        images: batches [N,C,H,W].

    Returns:
        As many batches, [N,C,side,side].
    """
    if side is None:
        return images
    height, width = images[0].shape[2:]
    top = int(torch.randint(max(1, height - side + 1), ()))
    left = int(torch.randint(max(1, width - side + 1), ()))
    return tuple(image[:, :, top : top + side, left : left + side] for image in images)


def _color(images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    brightness, saturation, contrast = torch.rand(3, images[0].shape[0], 1, 1, 1, device=images[0].device)
    changed = []
    for image in images:
        image = image + (brightness - 0.5)
        grey = image.mean(1, keepdim=True)
        image = grey + (image - grey) * (2 * saturation)
        mean = image.mean((1, 2, 3), keepdim=True)
        changed.append(mean + (image - mean) * (contrast + 0.5))
    return tuple(changed)


def _cutout(images: tuple[Tensor, ...], share: float) -> tuple[Tensor, ...]:
    n, _, height, width = images[0].shape
    device = images[0].device
    centres = torch.rand(2, n, 1, 1, device=device)
    rows = (torch.arange(height, device=device)[:, None] / height - centres[0]).abs() < share / 2  # [N,H,1]
    columns = (torch.arange(width, device=device) / width - centres[1]).abs() < share / 2  # [N,1,W]
    keep = ~(rows & columns)[:, None]  # [N,1,H,W]
    return tuple(image * keep for image in images)

"""Differentiable augmentation of what a discriminator sees (Zhao et al., "DiffAugment", NeurIPS 2020).

A discriminator that has overfitted a few hundred photos stops teaching. Augmenting real and
synthesised pictures alike, differentiably, keeps it honest without the augmentations leaking.
Whatever moves pixels moves the layout beside them, too.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from semsynth.config import Config
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, Level

Layouts = TypeVar("Layouts", LayoutBatch, Tensor, LayoutBatch | Tensor, None)
"""Layouts, conditioning images, or nothing."""


class Augmentation(Config):
    """What is done to the discriminator's pictures."""

    color: float = Field(0.0, ge=0, le=1)
    """Strength of random brightness, saturation and contrast; at 1 they are +-0.5 in the range [-1,1], 0..2 and
    0.5..1.5."""
    cutout: float = Field(0.0, ge=0, le=1)
    """Side of a random grey square, as a share of the picture's."""
    translation: float = Field(0.0, ge=0, lt=0.5)
    """Largest shift up, down, left and right, as a share of the picture's sides; the border mirrors the picture."""


def augment_together(config: Augmentation, *images: Tensor) -> tuple[Tensor, ...]:
    """Augment several batches, the n-th picture of each alike, so that their features stay comparable.

    Args:
        config: what to do.
        images: batches [N,3,H,W] in [-1,1].

    Returns:
        As many batches, [N,3,H,W].

    Raises:
        SemsynthError: the configuration asks for translation, which needs the layouts: :func:`augment_with_layout`.
    """
    if config.translation:
        raise SemsynthError(
            "augmentation.translation is not available here, where pictures must stay aligned with their layouts: set "
            "it to 0"
        )
    return _augment(config, images)


def augment_with_layout(config: Augmentation, layout: Layouts, *images: Tensor) -> tuple[Layouts, tuple[Tensor, ...]]:
    """Augment several batches and their layouts, the n-th of each alike.

    The mirrored border hides nothing from a discriminator: what is wrong along a picture's edge is wrong twice.

    Args:
        config: what to do.
        layout: N layouts, or conditioning images [N,C,H,W]; None where the discriminator reads none.
        images: batches [N,3,H,W] in [-1,1].

    Returns:
        The layouts, and as many batches [N,3,H,W].
    """
    images = _augment(config, images)
    if not config.translation:
        return layout, images
    count, _, *size = images[0].shape
    shifts = torch.stack([_draw_shifts(count, config.translation, side) for side in size], 1)  # [N,2]
    if isinstance(layout, LayoutBatch):
        shifted = _shift(layout.full.symbols[:, None].float(), shifts)[:, 0].int()  # exact: they are below 2^24
        layout = LayoutBatch(Level(shifted, layout.encoding))
    elif layout is not None:
        layout = _shift(layout, shifts)
    return layout, tuple(_shift(image, shifts) for image in images)


def _augment(config: Augmentation, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    if config.color:
        images = _color(images, config.color)
    if config.cutout:
        images = _cutout(images, config.cutout)
    return images


def crop_together(side: int | None, *images: Tensor) -> tuple[Tensor, ...]:
    """Cut one random square out of several batches, at the same place; None leaves them whole.

    Squares that overhang the picture are moved inside it. So every row and column is seen at least half as often as any
    other; if only squares inside were drawn, corners would hardly ever be seen, and what nobody sees falls apart.

    Args:
        side: of the square, in pixels; at most the pictures' height and width are used.
        images: batches [N,C,H,W].

    Returns:
        As many batches, [N,C,side,side].
    """
    if side is None:
        return images
    top, left = (_draw_start(side, length) for length in images[0].shape[2:])
    return tuple(image[:, :, top : top + side, left : left + side] for image in images)


def _draw_start(side: int, length: int) -> int:
    start = int(torch.randint(1 - side, length, ()))
    return min(max(start, 0), max(length - side, 0))


def _draw_shifts(count: int, share: float, side: int) -> Tensor:
    reach = int(share * side)
    return torch.randint(-reach, reach + 1, (count,))


def _shift(images: Tensor, shifts: Tensor) -> Tensor:
    """[N,C,H,W], each moved down and right by its shifts [N,2], which may be negative."""
    height, width = images.shape[2:]
    moved = []
    for image, (down, right) in zip(images.split(1), shifts.tolist(), strict=True):
        kept = image[:, :, max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)]
        moved.append(F.pad(kept, (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0)), mode="reflect"))
    return torch.cat(moved)


def _color(images: tuple[Tensor, ...], strength: float) -> tuple[Tensor, ...]:
    brightness, saturation, contrast = torch.rand(3, images[0].shape[0], 1, 1, 1, device=images[0].device)
    changed = []
    for image in images:
        image = image + strength * (brightness - 0.5)
        grey = image.mean(1, keepdim=True)
        image = grey + (image - grey) * (strength * 2 * saturation + (1 - strength))
        mean = image.mean((1, 2, 3), keepdim=True)
        changed.append(mean + (image - mean) * (strength * (contrast + 0.5) + (1 - strength)))
    return tuple(changed)


def _cutout(images: tuple[Tensor, ...], share: float) -> tuple[Tensor, ...]:
    n, _, height, width = images[0].shape
    device = images[0].device
    centres = torch.rand(2, n, 1, 1, device=device)
    rows = (torch.arange(height, device=device)[:, None] / height - centres[0]).abs() < share / 2  # [N,H,1]
    columns = (torch.arange(width, device=device) / width - centres[1]).abs() < share / 2  # [N,1,W]
    keep = ~(rows & columns)[:, None]  # [N,1,H,W]
    return tuple(image * keep for image in images)

"""Styles between two styles: a picture that changes into another one of the same layout."""

from __future__ import annotations

import torch
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.styles.choice import CanvasChoice, ObjectChoice, RegionNoise, StyleChoice

_PARALLEL = 1e-4
"""Sine of the angle between two vectors below which the arc between them is a straight line."""


def interpolated(first: StyleChoice, second: StyleChoice, frames: int) -> list[StyleChoice]:
    """Styles from one to another, both ends included and exactly as given.

    Directions move along the arc between them at equal angles, lengths linearly (White, "Sampling Generative
    Networks", 2016). A straight line would leave the noise that training saw: vectors of d normal numbers have lengths
    near sqrt(d), the middle between two of them only near sqrt(d / 2), and generators paint it paler.

    Args:
        first: a vector or noise of regions, as :meth:`semsynth.synthesizer.Synthesizer.style` makes them.
        second: likewise; a region that only one of them names has the other one's noise of the whole picture there.
        frames: how many, at least 2.

    Returns:
        ``frames`` styles.

    Raises:
        SemsynthError: fewer than two frames, styles of objects, or modes, which are vectors only in a layout.
    """
    if frames < 2:
        raise SemsynthError(f"{frames} frame(s) do not lead from one style to another: ask for 2 or more")
    between = (_between(first, second, number / (frames - 1)) for number in range(1, frames - 1))
    return [first, *between, second]


def spherical(first: Tensor, second: Tensor, share: float) -> Tensor:
    """[d]: the vector ``share`` (0..1) of the way along the arc from ``first`` to ``second``, both [d]."""
    lengths = first.norm(), second.norm()
    length = torch.lerp(*lengths, share)
    if not lengths[0] or not lengths[1]:
        return torch.lerp(first, second, share)
    a, b = first / lengths[0], second / lengths[1]
    angle = torch.arccos((a @ b).clamp(-1, 1))
    if angle.sin() < _PARALLEL:
        return torch.lerp(first, second, share)
    between: Tensor = (((1 - share) * angle).sin() * a + (share * angle).sin() * b) / angle.sin()
    return length * between


def _between(first: StyleChoice, second: StyleChoice, share: float) -> StyleChoice:
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return spherical(first, second, share)
    if isinstance(first, ObjectChoice) or isinstance(second, ObjectChoice):
        raise SemsynthError("styles of objects have no styles between them: interpolate models that read noise")
    if isinstance(first, CanvasChoice) or isinstance(second, CanvasChoice):
        raise SemsynthError("pieces of photos have nothing between them: interpolate models that read noise")
    one, other = (end if isinstance(end, RegionNoise) else RegionNoise(end) for end in (first, second))
    regions = {
        region: _of_region(one.regions.get(region, one.vector), other.regions.get(region, other.vector), share)
        for region in {**one.regions, **other.regions}
    }
    return RegionNoise(spherical(one.vector, other.vector, share), regions)


def _of_region(first: Tensor | int | str, second: Tensor | int | str, share: float) -> Tensor:
    if not isinstance(first, Tensor) or not isinstance(second, Tensor):
        raise SemsynthError("modes of regions cannot be interpolated: give their vectors")
    return spherical(first, second, share)

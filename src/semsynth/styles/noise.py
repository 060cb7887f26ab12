"""Noise of single regions (OASIS, section 3.3): a class or an object gets another look, the rest keeps its own."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.layout import Layout, Size
from semsynth.styles.choice import ObjectStyle, Photo, RegionNoise, StyleChoice, VectorStyles, check_one


class NoiseStyles:
    """A vector for the whole picture, and others for some of its regions."""

    varies = True
    reads_photos = False

    def __init__(self, z_dim: int) -> None:
        self._vectors = VectorStyles(z_dim, None, torch.device("cpu"))

    def choose(
        self, style: Photo | Tensor | None, seed: int | None, objects: Mapping[int, ObjectStyle] | None
    ) -> Tensor:
        """[z_dim]."""
        if objects:
            raise SemsynthError("this model has noise for regions, not styles for objects: give seeds of regions")
        return self._vectors.choose(style, seed, None)

    def choose_regions(self, vector: Tensor, seeds: Mapping[int | str, int]) -> RegionNoise:
        """Draw the noise of regions: the same for one seed, whatever the region."""
        drawn = {}
        for region, seed in seeds.items():
            check_one(None, seed)
            drawn[region] = self._vectors.choose(None, seed, None)
        return RegionNoise(vector, drawn)

    def read(self, choice: StyleChoice | None, layout: Layout) -> Tensor:
        """[z_dim] for the whole picture, or [z_dim,H,W] where regions differ."""
        if isinstance(choice, Tensor):
            return choice
        assert isinstance(choice, RegionNoise)
        vectors = torch.stack([choice.vector, *choice.regions.values()])  # [1+R,z_dim]
        number = np.zeros(layout.size, np.int64)
        for row, region in enumerate(choice.regions, 1):
            number[_pixels_of(region, layout)] = row
        return vectors[torch.from_numpy(number)].permute(2, 0, 1)


def stacked(noise: Sequence[Tensor], size: Size) -> Tensor:
    """[N,z_dim], or [N,z_dim,H,W] where one of them is a map."""
    if len({one.dim() for one in noise}) > 1:
        noise = [one if one.dim() == 3 else one[:, None, None].expand(-1, *size) for one in noise]
    return torch.stack(list(noise))


def _pixels_of(region: int | str, layout: Layout) -> NDArray[np.bool_]:
    """[H,W]: an object's pixels, or those of a class; of a class that the layout lacks none, with a warning."""
    if isinstance(region, int) and layout.instances is not None:
        chosen: NDArray[np.bool_] = layout.instances == region
        if chosen.any():
            return chosen
    known = [item for item in layout.classes.classes if region in (item.id, item.name)]
    if not known:
        has = "" if layout.instances is not None else " (the layout has no instance map)"
        raise SemsynthError(f"there is no object and no class '{region}'{has}: give an instance id, or a class")
    pixels: NDArray[np.bool_] = layout.labels == known[0].id
    if not pixels.any():
        warnings.warn(f"the layout has no '{known[0].name}': its seed changes nothing", stacklevel=2)
    return pixels

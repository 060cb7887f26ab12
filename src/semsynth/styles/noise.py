"""Noise of single regions (OASIS, section 3.3): a class or an object gets another look, the rest keeps its own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.layout import Layout, Size
from semsynth.layout.instances import class_name
from semsynth.styles.bank import StyleBank
from semsynth.styles.choice import ObjectStyle, Photo, RegionNoise, StyleChoice, VectorStyles, vector_of


def noise_of(seed: int, z_dim: int) -> Tensor:
    """[z_dim]: the noise of a seed, the same on every device."""
    return VectorStyles(z_dim, None, torch.device("cpu")).choose(None, seed, None)


class NoiseStyles:
    """A vector for the whole picture, and others for some of its regions."""

    varies = True
    reads_photos = False

    def __init__(self, z_dim: int, bank: StyleBank | None = None) -> None:
        """Set up.

        Args:
            z_dim: length of a vector.
            bank: the modes; None: there are none.
        """
        self.bank = bank or StyleBank({}, z_dim)
        self._vectors = VectorStyles(z_dim, None, torch.device("cpu"))

    def choose(
        self, style: Photo | Tensor | None, seed: int | None, object_styles: Mapping[int, ObjectStyle] | None
    ) -> Tensor | RegionNoise:
        """[z_dim], and others or modes for regions, by instance id or class id."""
        vector = self._vectors.choose(style, seed, None)
        if not object_styles:
            return vector
        return RegionNoise(vector, {region: self._of_region(noise, region) for region, noise in object_styles.items()})

    def choose_regions(self, choice: Tensor | RegionNoise, seeds: Mapping[int | str, int]) -> RegionNoise:
        """Draw the noise of regions: the same for one seed, whatever the region."""
        given = choice if isinstance(choice, RegionNoise) else RegionNoise(choice)
        drawn: dict[int | str, Tensor | int | str] = dict(given.regions)
        for region, seed in seeds.items():
            drawn[region] = noise_of(seed, self.bank.features)
        return RegionNoise(given.vector, drawn)

    def check(self, choice: StyleChoice | None, layout: Layout) -> None:
        """Regions must be there, and their classes must have the modes."""
        if isinstance(choice, RegionNoise):
            for _ in self._regions(choice, layout):
                pass

    def read(self, choice: StyleChoice | None, layout: Layout) -> Tensor:
        """[z_dim] for the whole picture, or [z_dim,H,W] where regions differ.

        Raises:
            SemsynthError: an unknown region, or a mode that its class does not have.
        """
        if isinstance(choice, Tensor):
            return choice
        assert isinstance(choice, RegionNoise)
        vectors = [choice.vector]  # [1+R][z_dim]
        number = np.zeros(layout.size, np.int64)
        for row, (where, vector) in enumerate(self._regions(choice, layout), 1):
            number[where] = row
            vectors.append(vector)
        return torch.stack(vectors)[torch.from_numpy(number)].permute(2, 0, 1)

    def _regions(self, choice: RegionNoise, layout: Layout) -> Iterator[tuple[NDArray[np.bool_], Tensor]]:
        """The pixels [H,W] of each region, and its vector [z_dim]."""
        for region, noise in choice.regions.items():
            where = _pixels_of(region, layout)
            if isinstance(noise, Tensor):
                yield where, noise
            else:
                yield where, self.bank.mode(_class_of(region, where, layout), noise)

    def choices(
        self, layout: Layout, object_id: int, seed: int, object_styles: Mapping[int, ObjectStyle]
    ) -> list[Tensor]:
        """What the generator reads, once for every mode that a region can have.

        Args:
            layout: with the region.
            object_id: its instance id, or its class id.
            seed: draws the noise of the rest.
            object_styles: that of other regions, where it is not to be drawn.

        Raises:
            SemsynthError: no such region, or none of its class's modes are known.
        """
        class_id = _class_of(object_id, _pixels_of(object_id, layout), layout)
        if not self.bank.count(class_id):
            raise SemsynthError(
                f"class {class_id} has no modes: store some with 'semsynth styles store MODEL --class {class_id}'"
            )
        return [
            self.read(self.choose(None, seed, {**object_styles, object_id: mode}), layout)
            for mode in range(self.bank.count(class_id))
        ]

    def _of_region(self, noise: ObjectStyle, region: int) -> Tensor | int | str:
        if isinstance(noise, bool | Path | Image.Image) or (isinstance(noise, np.ndarray) and noise.ndim > 1):
            raise SemsynthError(f"region {region}: {noise} is not a mode or a vector, and this model reads no photos")
        if isinstance(noise, int | str):
            return noise
        vector = vector_of(noise)
        if vector.shape != (self.bank.features,):
            raise SemsynthError(
                f"region {region}: a style vector has {self.bank.features} numbers here, not {list(vector.shape)}"
            )
        return vector


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
        warnings.warn(f"the layout has no '{known[0].name}': its noise changes nothing", stacklevel=2)
    return pixels


def _class_of(region: int | str, where: NDArray[np.bool_], layout: Layout) -> int:
    """The class id of a region whose pixels are ``where``.

    Raises:
        SemsynthError: an object on several classes.
    """
    found = np.unique(layout.labels[where]).tolist()
    if len(found) > 1:
        names = " and ".join(class_name(layout, label) for label in found)
        raise SemsynthError(f"object {region} spans {names}: give each its own instance id to style it")
    return found[0] if found else next(item.id for item in layout.classes.classes if region in (item.id, item.name))

"""From what a user says about styles to what a generator reads beside a layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from semsynth.errors import SemsynthError
from semsynth.images import decode_image, to_rgb, to_tensor
from semsynth.layout import Layout
from semsynth.layout.arrays import as_array
from semsynth.layout.conditions import picture_of

Photo = Path | str | Image.Image | NDArray[np.uint8]
"""A photograph: its path, its picture or its pixels [H,W,3] uint8."""
Vector = Tensor | NDArray[np.floating] | Sequence[float]
"""A style vector, as a tensor, an array or a list."""
ObjectStyle = int | Vector | Photo
"""An object's mode, its feature vector, or a photograph that shows such an object and little else.

Models that read noise read no photographs: for them a text is the name of a mode.
"""


@dataclass(frozen=True, eq=False)
class ObjectChoice:
    """Styles of objects, whatever the layout."""

    seed: int = 0
    """Draws the modes of objects that nothing else is said about."""
    photo: NDArray[np.uint8] | None = None
    """[H,W,3]: a photograph of the layout, whose objects lend their styles, instead of a seed."""
    object_styles: Mapping[int, int | Tensor] = field(default_factory=dict)
    """Instance id -> mode, or feature vector [F]."""


@dataclass(frozen=True, eq=False)
class RegionNoise:
    """Noise that differs from region to region, whatever the layout."""

    vector: Tensor
    """[z_dim]: the noise of everything that nothing else is said about."""
    regions: Mapping[int | str, Tensor | int | str] = field(default_factory=dict)
    """[z_dim], or a mode's number or name, by instance id, class id or class name; of two that meet at a pixel the
    later one counts."""


@dataclass(frozen=True)
class CanvasChoice:
    """Which of the best pieces of photos take the places of a layout's segments, whatever the layout."""

    seed: int = 0
    """0 takes the best ones; other seeds draw among them."""
    pieces: tuple[tuple[int, int], ...] = ()
    """Instance id (class id where there are no instances) and the number of its piece, 0 for the best."""


StyleChoice = Tensor | ObjectChoice | RegionNoise | CanvasChoice
"""A style that has been read: a vector for the whole picture, styles of objects, noise of regions, or pieces."""


class StyleReader(Protocol):
    """How the pictures that a model makes of one layout differ."""

    varies: bool
    """Whether they do."""
    reads_photos: bool
    """Whether a photograph can say how."""

    def choose(
        self, style: Photo | Tensor | None, seed: int | None, object_styles: Mapping[int, ObjectStyle] | None
    ) -> StyleChoice | None:
        """Check a user's wish, without a layout."""

    def check(self, choice: StyleChoice | None, layout: Layout) -> None:
        """Refuse a choice that does not fit ``layout``, as :meth:`read` would, without the work of reading it."""

    def read(self, choice: StyleChoice | None, layout: Layout) -> Tensor | None:
        """What the generator reads beside ``layout``."""


def check_one(style: object | None, seed: int | None) -> None:
    """Refuse a style together with a seed, and impossible seeds."""
    if style is not None and seed is not None:
        raise SemsynthError("give a style or a seed, not both")
    if seed is not None and not 0 <= seed < 2**63:
        raise SemsynthError(f"a seed is a number from 0 to 2**63 - 1, got {seed}")


def read_photo(photo: Photo | NDArray[np.generic]) -> NDArray[np.uint8]:
    """[H,W,3] uint8.

    Raises:
        SemsynthError: unreadable, or pixels of another kind.
    """
    if isinstance(photo, Image.Image):
        return to_rgb(photo, "the style photo")
    if isinstance(photo, str | Path):
        return decode_image(Path(photo))
    return picture_of(photo, "a style photo")


def photo_or_vector(style: Photo | Vector | None) -> Photo | Tensor | None:
    """A style as users hold it: pixels of two or three axes are a photo, numbers of one axis a vector.

    Raises:
        SemsynthError: something else.
    """
    if style is None or isinstance(style, str | Path | Image.Image):
        return style
    array = as_array(style, "a style is a photo (a path, a picture, [H,W,3] uint8) or a vector of numbers")
    if array.ndim != 1:
        return picture_of(style, "a style photo")
    return style if isinstance(style, Tensor) else vector_of(style)


def vector_of(numbers: Vector | NDArray[np.generic]) -> Tensor:
    """A style vector as a float32 tensor of its own memory.

    Raises:
        SemsynthError: something else than numbers.
    """
    array = as_array(numbers, "a style vector is numbers, as a tensor, an array or a list")
    return torch.from_numpy(array.astype(np.float32))


class NoStyles:
    """One picture of a layout."""

    varies = False
    reads_photos = False

    def choose(
        self, style: Photo | Tensor | None, seed: int | None, object_styles: Mapping[int, ObjectStyle] | None
    ) -> None:
        """Nothing can be chosen."""
        if style is not None or seed is not None or object_styles:
            raise SemsynthError("this model makes one photo of a layout: leave out styles and seed")

    def check(self, choice: StyleChoice | None, layout: Layout) -> None:
        """Every layout will do."""

    def read(self, choice: StyleChoice | None, layout: Layout) -> None:
        """Nothing."""


class VectorStyles:
    """One vector for the whole picture: SPADE's random vector, or the mean of what its encoder sees in a photo."""

    varies = True

    def __init__(self, z_dim: int, encoder: nn.Module | None, device: torch.device) -> None:
        self.z_dim, self.encoder, self.device = z_dim, encoder, device
        self.reads_photos = encoder is not None

    def choose(
        self, style: Photo | Tensor | None, seed: int | None, object_styles: Mapping[int, ObjectStyle] | None
    ) -> Tensor:
        """[z_dim]."""
        check_one(style, seed)
        if object_styles:
            raise SemsynthError("this model has one style for the whole picture: leave out the styles of objects")
        if style is None:
            return torch.randn(self.z_dim, generator=torch.Generator().manual_seed(seed or 0))
        if isinstance(style, Tensor):
            if style.shape != (self.z_dim,):
                raise SemsynthError(f"a style vector has shape ({self.z_dim},) here, not {tuple(style.shape)}")
            return style
        return self._encode(read_photo(style))

    def check(self, choice: StyleChoice | None, layout: Layout) -> None:
        """Every layout will do."""

    def read(self, choice: StyleChoice | None, layout: Layout) -> Tensor:
        """The vector, whatever the layout."""
        assert isinstance(choice, Tensor)
        return choice

    @torch.no_grad()
    def _encode(self, photo: NDArray[np.uint8]) -> Tensor:
        if self.encoder is None:
            raise SemsynthError("this model has no encoder for photos: give a seed instead of a style photo")
        mean: Tensor = self.encoder(to_tensor(photo)[None].to(self.device))[0][0]
        return mean.cpu()

"""From what a user says about styles to what a generator reads beside a layout."""

from __future__ import annotations

import warnings
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
from semsynth.images import decode_image, resize_image, to_rgb, to_tensor
from semsynth.layout import Layout, pixels
from semsynth.layout.instances import class_name
from semsynth.layout_ops.objects import ObjectMap, spread
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.styles.bank import StyleBank, draw_numbers
from semsynth.styles.objects import object_classes

Photo = Path | str | Image.Image
"""A photograph: its path or its picture."""
ObjectStyle = int | Sequence[float] | Tensor | Photo
"""An object's mode, its feature vector, or a photograph that shows such an object and little else.

Models that read noise read no photographs: of them a text is the name of a mode.
"""

_ASPECT = 0.03
"""How much a style photo's shape may differ from the layout's before it is refused."""


@dataclass(frozen=True, eq=False)
class ObjectChoice:
    """Styles of objects, whatever the layout."""

    seed: int = 0
    """Draws the modes of objects that nothing else is said about."""
    photo: NDArray[np.uint8] | None = None
    """[H,W,3]: a photograph of the layout, whose objects lend their styles, instead of a seed."""
    object_styles: Mapping[int, ObjectStyle] = field(default_factory=dict)
    """Instance id -> style."""


@dataclass(frozen=True, eq=False)
class RegionNoise:
    """Noise that differs from region to region, whatever the layout."""

    vector: Tensor
    """[z_dim]: the noise of everything that nothing else is said about."""
    regions: Mapping[int | str, Tensor | int | str] = field(default_factory=dict)
    """[z_dim], or a mode's number or name, by instance id, class id or class name; of two that meet at a pixel the
    later one counts."""


StyleChoice = Tensor | ObjectChoice | RegionNoise
"""A style that has been read: a vector for the whole picture, styles of objects, or noise of regions."""


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

    def read(self, choice: StyleChoice | None, layout: Layout) -> Tensor | None:
        """What the generator reads beside ``layout``."""


def check_one(style: object | None, seed: int | None) -> None:
    """Refuse a style together with a seed, and impossible seeds."""
    if style is not None and seed is not None:
        raise SemsynthError("give a style or a seed, not both")
    if seed is not None and not 0 <= seed < 2**63:
        raise SemsynthError(f"a seed is a number from 0 to 2**63 - 1, got {seed}")


def read_photo(photo: Photo) -> NDArray[np.uint8]:
    """[H,W,3] uint8."""
    return to_rgb(photo, "the style photo") if isinstance(photo, Image.Image) else decode_image(Path(photo))


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


class ObjectStyles:
    """A feature vector for every object (pix2pixHD, section 3.4)."""

    varies = True

    def __init__(
        self,
        features: int,
        encoder: InstanceEncoder | None,
        bank: StyleBank | None,
        by_labels: bool,
        device: torch.device,
    ) -> None:
        """Set up.

        Args:
            features: length of a vector.
            encoder: reads photos; None: seeds, modes and vectors only.
            bank: the modes; None: objects that nothing is said about get zeros.
            by_labels: whether a class is one object.
            device: where the encoder is.
        """
        self.features, self.encoder, self.bank, self.by_labels, self.device = features, encoder, bank, by_labels, device
        self.reads_photos = encoder is not None

    def choose(
        self, style: Photo | Tensor | None, seed: int | None, object_styles: Mapping[int, ObjectStyle] | None
    ) -> ObjectChoice:
        """Styles of objects by photo or by seed, and single objects' own."""
        check_one(style, seed)
        if isinstance(style, Tensor):
            raise SemsynthError("this model has a style for each object: give vectors by instance id")
        self._check_encoder(style)
        return ObjectChoice(seed or 0, None if style is None else read_photo(style), object_styles or {})

    def read(self, choice: StyleChoice | None, layout: Layout) -> Tensor:
        """[F,H,W]: every pixel has its object's vector."""
        assert isinstance(choice, ObjectChoice)
        objects, class_ids = self.objects(layout)
        if choice.photo is not None:
            vectors = self._of_photo(choice.photo, layout, objects)
        else:
            vectors = self._drawn(choice.seed, class_ids, objects)
        for instance_id, style in choice.object_styles.items():
            row = self.find(layout, objects, instance_id)
            vectors[row] = self._of_object(style, instance_id, int(class_ids[row]))
        return spread(vectors, objects)[0]

    def objects(self, layout: Layout) -> tuple[ObjectMap, NDArray[np.int64]]:
        """The S objects of a layout, and the class id [S] of each."""
        ids = layout.labels if self.by_labels or layout.instances is None else layout.instances
        objects = ObjectMap.of(torch.from_numpy(ids.astype(np.int64))[None])
        return objects, object_classes(objects, torch.from_numpy(layout.labels.astype(np.int64))[None]).numpy()

    def find(self, layout: Layout, objects: ObjectMap, instance_id: int) -> int:
        """The row of an object that is to be styled.

        Raises:
            SemsynthError: there is no such object, or it is on several classes.
        """
        ids = objects.ids
        rows = (ids == instance_id).nonzero().flatten().tolist()
        if not rows:
            some = ", ".join(str(one) for one in ids[:8].tolist()) + (" ..." if len(ids) > 8 else "")
            raise SemsynthError(f"the layout has no object with the id {instance_id}; it has {some}")
        labels = np.unique(layout.labels.flatten()[(objects.places.index == rows[0]).numpy()]).tolist()
        if len(labels) > 1:
            names = " and ".join(class_name(layout, label) for label in labels)
            raise SemsynthError(f"object {instance_id} spans {names}: give each its own instance id to style it")
        return int(rows[0])

    def choices(
        self, layout: Layout, object_id: int, seed: int, object_styles: Mapping[int, ObjectStyle]
    ) -> list[Tensor]:
        """What the generator reads, once for every mode that an object can have.

        Args:
            layout: with the object.
            object_id: its instance id.
            seed: draws the other objects' modes.
            object_styles: theirs, where they are not to be drawn.

        Raises:
            SemsynthError: no such object, or none of its class's modes are known.
        """
        objects, class_ids = self.objects(layout)
        class_id = int(class_ids[self.find(layout, objects, object_id)])
        count = 0 if self.bank is None else self.bank.count(class_id)
        if not count:
            raise SemsynthError(f"class {class_id} has no modes: fit them with 'semsynth styles fit MODEL --data DIR'")
        return [
            self.read(ObjectChoice(seed, None, {**object_styles, object_id: mode}), layout) for mode in range(count)
        ]

    def _drawn(self, seed: int, class_ids: NDArray[np.int64], objects: ObjectMap) -> Tensor:
        if self.bank is None:
            warnings.warn(
                "this model has no style bank, so all objects have the same style: run 'semsynth styles fit MODEL'",
                stacklevel=2,
            )
            return torch.zeros(len(objects), self.features)
        return self.bank.draw(class_ids, draw_numbers(seed, objects.ids.numpy()))

    @torch.no_grad()
    def _of_photo(self, photo: NDArray[np.uint8], layout: Layout, objects: ObjectMap) -> Tensor:
        assert self.encoder is not None
        (height, width), (rows, columns) = layout.size, photo.shape[:2]
        if abs(columns / rows * height / width - 1) > _ASPECT:
            found = f"the style photo is {pixels((rows, columns))}, the layout {pixels(layout.size)}"
            raise SemsynthError(f"{found}: its objects must be at the layout's places, so both need one shape")
        image = to_tensor(resize_image(photo, layout.size))[None].to(self.device)
        return self.encoder.vectors(image, objects.to(self.device)).cpu()

    def _of_object(self, style: ObjectStyle, instance_id: int, class_id: int) -> Tensor:
        if isinstance(style, bool):
            raise SemsynthError(f"object {instance_id}: {style} is no mode, vector or photo")
        if isinstance(style, int):
            bank = self.bank or StyleBank({}, self.features)
            try:
                return bank.mode(class_id, style)
            except SemsynthError as error:
                advice = "" if bank.count(class_id) else ": fit them with 'semsynth styles fit MODEL'"
                raise SemsynthError(f"object {instance_id}: {error}{advice}") from error
        if isinstance(style, Path | str | Image.Image):
            self._check_encoder(style)
            return self._of_crop(read_photo(style))
        vector = torch.as_tensor(style, dtype=torch.float32)
        if vector.shape != (self.features,):
            raise SemsynthError(
                f"object {instance_id}: a style vector has {self.features} numbers here, not {list(vector.shape)}"
            )
        return vector

    @torch.no_grad()
    def _of_crop(self, photo: NDArray[np.uint8]) -> Tensor:
        assert self.encoder is not None
        whole = ObjectMap.of(torch.zeros(1, *photo.shape[:2], dtype=torch.int64, device=self.device))
        return self.encoder.vectors(to_tensor(photo)[None].to(self.device), whole)[0].cpu()

    def _check_encoder(self, style: object) -> None:
        if style is not None and self.encoder is None:
            raise SemsynthError("this model has no encoder for photos: give seeds, modes or vectors")

"""A style for every object of a layout (pix2pixHD, section 3.4)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.images import resize_image, to_tensor
from semsynth.layout import Layout, pixels
from semsynth.layout.instances import class_name
from semsynth.layout_ops.objects import ObjectMap, spread
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.styles.bank import StyleBank, draw_numbers
from semsynth.styles.choice import ObjectChoice, ObjectStyle, Photo, StyleChoice, check_one, read_photo, vector_of
from semsynth.styles.objects import object_classes

_ASPECT = 0.03
"""How much a style photo's shape may differ from the layout's before it is refused."""


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
        read = {instance_id: self._of_object(one, instance_id) for instance_id, one in (object_styles or {}).items()}
        return ObjectChoice(seed or 0, None if style is None else read_photo(style), read)

    def check(self, choice: StyleChoice | None, layout: Layout) -> None:
        """The photo must have the layout's shape, and the objects must be there and have the modes."""
        assert isinstance(choice, ObjectChoice)
        if choice.photo is not None:
            _check_shape(choice.photo, layout)
        else:
            self._check_bank()
        if choice.object_styles:
            self._styled(choice, layout, *self.objects(layout))

    def read(self, choice: StyleChoice | None, layout: Layout) -> Tensor:
        """[F,H,W]: every pixel has its object's vector."""
        assert isinstance(choice, ObjectChoice)
        objects, class_ids = self.objects(layout)
        if choice.photo is not None:
            vectors = self._of_photo(choice.photo, layout, objects)
        else:
            vectors = self._drawn(choice.seed, class_ids, objects)
        for row, vector in self._styled(choice, layout, objects, class_ids).items():
            vectors[row] = vector
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
        others = self.choose(None, seed, object_styles).object_styles
        return [self.read(ObjectChoice(seed, None, {**others, object_id: mode}), layout) for mode in range(count)]

    def _styled(
        self, choice: ObjectChoice, layout: Layout, objects: ObjectMap, class_ids: NDArray[np.int64]
    ) -> dict[int, Tensor]:
        """Row of an object -> its vector, for the objects that have a style of their own."""
        vectors = {}
        for instance_id, style in choice.object_styles.items():
            row = self.find(layout, objects, instance_id)
            if isinstance(style, Tensor):
                vectors[row] = style
            else:
                vectors[row] = self._mode(style, instance_id, int(class_ids[row]))
        return vectors

    def _check_bank(self) -> None:
        if self.bank is None:
            warnings.warn(
                "this model has no style bank, so all objects have the same style: run 'semsynth styles fit MODEL'",
                stacklevel=3,
            )

    def _drawn(self, seed: int, class_ids: NDArray[np.int64], objects: ObjectMap) -> Tensor:
        self._check_bank()
        if self.bank is None:
            return torch.zeros(len(objects), self.features)
        return self.bank.draw(class_ids, draw_numbers(seed, objects.ids.numpy()))

    @torch.no_grad()
    def _of_photo(self, photo: NDArray[np.uint8], layout: Layout, objects: ObjectMap) -> Tensor:
        assert self.encoder is not None
        _check_shape(photo, layout)
        image = to_tensor(resize_image(photo, layout.size))[None].to(self.device)
        return self.encoder.vectors(image, objects.to(self.device)).cpu()

    def _mode(self, mode: int, instance_id: int, class_id: int) -> Tensor:
        bank = self.bank or StyleBank({}, self.features)
        try:
            return bank.mode(class_id, mode)
        except SemsynthError as error:
            advice = "" if bank.count(class_id) else ": fit them with 'semsynth styles fit MODEL'"
            raise SemsynthError(f"object {instance_id}: {error}{advice}") from error

    def _of_object(self, style: ObjectStyle, instance_id: int) -> int | Tensor:
        """What does not depend on the layout: a mode stays its number, for its vector is that of the object's class."""
        if isinstance(style, bool):
            raise SemsynthError(f"object {instance_id}: {style} is not a mode, a vector or a photo")
        if isinstance(style, int):
            return style
        if isinstance(style, Path | str | Image.Image) or (isinstance(style, np.ndarray) and style.ndim > 1):
            self._check_encoder(style)
            return self._of_crop(read_photo(style))
        vector = vector_of(style)
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


def _check_shape(photo: NDArray[np.uint8], layout: Layout) -> None:
    """Refuse a style photo whose objects cannot be at the layout's places."""
    (height, width), (rows, columns) = layout.size, photo.shape[:2]
    if abs(columns / rows * height / width - 1) > _ASPECT:
        found = f"the style photo is {pixels((rows, columns))}, the layout {pixels(layout.size)}"
        raise SemsynthError(f"{found}: its objects must be at the layout's places, so both need one shape")

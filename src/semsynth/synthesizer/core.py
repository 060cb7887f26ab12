"""A model on a device: layouts and styles to photographs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import overload

import torch
from PIL import Image
from torch import Tensor

from semsynth.checkpoint import LoadedModel, Pix2PixHDModel
from semsynth.classes import ClassSet
from semsynth.errors import SemsynthError
from semsynth.exporting import ExportedModel
from semsynth.images import to_uint8
from semsynth.layout import Condition, Layout, LayoutBatch, Size
from semsynth.styles.bank import StyleBank
from semsynth.styles.choice import (
    ObjectChoice,
    ObjectStyle,
    ObjectStyles,
    Photo,
    RegionNoise,
    StyleChoice,
)
from semsynth.styles.noise import NoiseStyles, stacked
from semsynth.synthesizer.abilities import Abilities
from semsynth.synthesizer.conditions import ConditionReader, ConditionSource, LayoutSource
from semsynth.synthesizer.engine import Engine, TorchEngine
from semsynth.synthesizer.style_readers import reads_pictures, style_reader

BATCH_SIZE = 4
"""Photos that go through the network together; more of them are hardly faster on a CPU."""

Style = Photo | StyleChoice
"""A photo (path or picture), or what :meth:`Synthesizer.style` made: a vector, or a choice for objects or regions."""
CHOICE_PIXELS = 2**23
"""Pixels that :meth:`Synthesizer.style_choices` makes in one pass at most: 10 photos of 1024x512 are fewer."""


class Synthesizer(Abilities):
    """A model on a device. Threads may share it: it makes one batch at a time."""

    def __init__(
        self, model: LoadedModel | ExportedModel, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        """Take over the networks of ``model``: they can only infer from now on.

        Exported models bring a device and an arithmetic of their own.
        """
        if isinstance(model, ExportedModel):
            self._engine: Engine = model
            self.classes: ClassSet = model.record.classes
            self.card = model.record.card
            config, bank, encoder = model.record.model, model.bank, None
        else:
            self._engine = TorchEngine(model, torch.device(device), dtype)
            self.classes, self.card, config = model.classes, model.card, model.config
            bank, encoder = StyleBank.load(model.folder, config.style_weights), model.networks.get("encoder")
        self.config = self._engine.config
        self.device = self._engine.device
        self.dtype = self._engine.dtype
        self._styles = style_reader(config, self.config, bank, encoder, self.device)
        trained = config.data.output_size if isinstance(config, Pix2PixHDModel) else None
        self.conditions = ConditionReader(
            self.classes, reads_pictures(self.config), self._engine.nearest_sizes, trained
        )
        """Reads what this model makes photos of."""

    @overload
    def __call__(
        self,
        layout: ConditionSource,
        style: Style | None = None,
        seed: int | None = None,
        size: Size | None = None,
        styles: Mapping[int, ObjectStyle] | None = None,
        count: None = None,
        region_seeds: Mapping[int | str, int] | None = None,
    ) -> Image.Image: ...
    @overload
    def __call__(
        self,
        layout: ConditionSource,
        style: None = None,
        seed: int | None = None,
        size: Size | None = None,
        styles: Mapping[int, ObjectStyle] | None = None,
        *,
        count: int,
        region_seeds: Mapping[int | str, int] | None = None,
    ) -> list[Image.Image]: ...
    def __call__(
        self,
        layout: ConditionSource,
        style: Style | None = None,
        seed: int | None = None,
        size: Size | None = None,
        styles: Mapping[int, ObjectStyle] | None = None,
        count: int | None = None,
        region_seeds: Mapping[int | str, int] | None = None,
    ) -> Image.Image | list[Image.Image]:
        """Make one photo, or ``count`` different ones.

        Args:
            layout: what stands where; of models that read pictures, the picture.
            style: a photo to take the style from (of models with styles for objects: a photo of this very layout),
                or what :meth:`style` returned.
            seed: draws the style where none is given; 0 if there is neither. The same on every device.
            size: (height, width) of the photo; None: the layout's own, or the nearest that the network
                can make, with a warning.
            styles: single objects' styles, by instance id: a mode, a vector, or a photo of such an object. Of models
                that read noise also those of classes, by class id, and modes by name, but no photos.
            count: how many photos: of the styles of ``seed``, ``seed + 1``, ..., or the collection that the model
                makes at once (CRN, section 3.4).
            region_seeds: other noise for regions, by instance id, class id or class name (OASIS).

        Raises:
            SemsynthError: unusable layout, style, size or count, or a style for a model that has none.
        """
        if count is None:
            choice = self.style(style, seed, styles, region_seeds)
            return self.synthesize_batch([layout], None if choice is None else [choice], size=size)[0]
        self.check_count(count)
        if self.config.images_per_layout > 1:
            self.style(style, seed, styles, region_seeds)  # there are none to choose from: says so
            return self._collections([self._fitted(layout, size)])
        choices = [self.style(style, (seed or 0) + i, styles, region_seeds) for i in range(count)]
        given = [choice for choice in choices if choice is not None]
        return self.synthesize_batch([layout] * count, given or None, size=size)

    def synthesize_batch(
        self,
        layouts: Sequence[ConditionSource],
        styles: Sequence[Style] | None = None,
        seeds: Sequence[int] | None = None,
        size: Size | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> list[Image.Image]:
        """Make one photo of each layout.

        Arguments as in :meth:`__call__`, with a style or a seed for each layout. Layouts that end up
        at one size go through the network together, ``batch_size`` at a time.
        """
        for name, values in (("styles", styles), ("seeds", seeds)):
            if values is not None and len(values) != len(layouts):
                raise SemsynthError(f"{len(layouts)} layouts and {len(values)} {name}: give one for each layout")
        choices = [
            self.style(None if styles is None else styles[i], None if seeds is None else seeds[i])
            for i in range(len(layouts))
        ]
        fitted = [self._fitted(source, size) for source in layouts]
        photos: dict[int, Image.Image] = {}
        for chosen in _batches([layout.size for layout in fitted], batch_size):
            read = [self._read_style(choices[i], fitted[i]) for i in chosen]
            given = [one for one in read if one is not None]
            styles_read = stacked(given, fitted[chosen[0]].size) if given else None
            made = self._engine.photograph([fitted[i] for i in chosen], styles_read)
            firsts = to_uint8(made[:: self.config.images_per_layout])
            photos |= {i: Image.fromarray(image) for i, image in zip(chosen, firsts, strict=True)}
        return [photos[i] for i in range(len(layouts))]

    def _collections(self, conditions: Sequence[Condition]) -> list[Image.Image]:
        """All the pictures that the generator makes of conditions of one size, those of a condition together."""
        return [Image.fromarray(one) for one in to_uint8(self._engine.photograph(conditions, None))]

    def _fitted(self, source: ConditionSource, size: Size | None) -> Condition:
        """A condition at a size that the network makes; warns where nobody asked for that size."""
        called = "the picture" if self.conditions.reads_pictures else "the label map"
        condition, note = self.conditions.fit(self.conditions.open(source), size, source=called)
        if note is not None:
            warnings.warn(note, stacklevel=3)
        return condition

    def style_choices(
        self, layout: LayoutSource, instance_id: int, seed: int = 0, styles: Mapping[int, ObjectStyle] | None = None
    ) -> list[Image.Image]:
        """One photo for every mode that an object can have, the other objects staying as they are.

        Args:
            layout: of any size that the network makes.
            instance_id: the object; of models that read noise it may be a class id.
            seed: draws the other objects' modes, or the noise of the rest.
            styles: the other objects' styles, where they are not to be drawn.

        Raises:
            SemsynthError: no such object, or a model without modes for it.
        """
        opened = self.conditions.open_layout(layout)
        if not isinstance(self._styles, ObjectStyles | NoiseStyles):
            raise SemsynthError("this model has no styles for objects: use one of pix2pixHD with instance features")
        read = self._styles.choices(opened, instance_id, seed, styles or {})
        together = max(1, CHOICE_PIXELS // opened.labels.size)
        parts = [torch.stack(read[i : i + together]) for i in range(0, len(read), together)]
        photos = []
        for part in parts:
            copies = 1 if self.has_object_styles else len(part)  # pix2pixHD's generator reads a layout once for all
            photos += [Image.fromarray(image) for image in to_uint8(self._engine.photograph([opened] * copies, part))]
        return photos

    def synthesize_tensor(
        self, layout: LayoutBatch | Tensor, style: Tensor | None = None, size: Size | None = None
    ) -> Tensor:
        """The tensor level: nothing is checked or resized.

        Args:
            layout: N encoded layouts, or pictures [N,3,H,W] in [-1,1] for models that read these.
            style: [N,z_dim] vectors (SPADE, OASIS), [N,z_dim,H,W] noise (OASIS) or [N,F,H,W] features of objects
                (pix2pixHD; one layout may meet several of them); None for models without styles.
            size: (height, width) that the network can make; None: the layouts' size.

        Returns:
            [N,3,H,W] float32 on :attr:`device`, in [-1,1] or, of CRN, near it; of models of collections [N*k,3,H,W],
            a layout's k pictures together.

        Raises:
            SemsynthError: the device's memory does not suffice, or the model is an exported one.
        """
        if not isinstance(self._engine, TorchEngine):
            raise SemsynthError("an exported model has no tensor level: load the model folder that it was made of")
        return self._engine.run(layout, style, size)

    def style(
        self,
        style: Style | None = None,
        seed: int | None = None,
        objects: Mapping[int, ObjectStyle] | None = None,
        region_seeds: Mapping[int | str, int] | None = None,
    ) -> StyleChoice | None:
        """Read a style once, for many layouts; None for models that have none.

        A photo's style is the mean of the encoder's distribution: the same every time.

        Returns:
            A vector [z_dim] (SPADE, OASIS), or a choice for objects (pix2pixHD) or regions (OASIS).

        Raises:
            SemsynthError: style and seed are both given, or one that this model cannot take.
        """
        if isinstance(style, ObjectChoice):
            if seed is not None or objects or not self.has_object_styles:
                raise SemsynthError("a choice for objects stands alone, and for models that have styles for objects")
            return style
        if isinstance(style, RegionNoise):
            if seed is not None or objects or region_seeds or not self.has_region_noise:
                raise SemsynthError("noise of regions stands alone, and for models that read noise")
            return style
        choice = self._styles.choose(style, seed, objects)
        if not region_seeds:
            return choice
        if not isinstance(self._styles, NoiseStyles) or not isinstance(choice, Tensor | RegionNoise):
            raise SemsynthError("this model has no noise for regions: use one of OASIS")
        return self._styles.choose_regions(choice, region_seeds)

    def check_style(self, layout: Condition, choice: StyleChoice | None) -> None:
        """Make sure that the layout has the objects that the choice speaks of, without making a photo.

        Raises:
            SemsynthError: it has not, or one is on several classes.
        """
        self._read_style(choice, layout)

    def _read_style(self, choice: StyleChoice | None, condition: Condition) -> Tensor | None:
        return self._styles.read(choice, condition) if isinstance(condition, Layout) else None


def _batches(sizes: Sequence[Size], batch_size: int) -> list[list[int]]:
    """Indices of equal size together, at most ``batch_size`` of them."""
    groups: dict[Size, list[int]] = {}
    for index, size in enumerate(sizes):
        groups.setdefault(size, []).append(index)
    return [group[i : i + batch_size] for group in groups.values() for i in range(0, len(group), batch_size)]

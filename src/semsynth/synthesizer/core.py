"""A model on a device: layouts and styles to photographs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from semsynth.checkpoint import Card, LoadedModel
from semsynth.classes import ClassSet
from semsynth.errors import SemsynthError
from semsynth.exporting import ExportedModel
from semsynth.images import Pixels, to_uint8, to_uint16
from semsynth.layout import Condition, LayoutBatch, Size
from semsynth.layout.stored import StoredLayout, SymbolFile
from semsynth.models.generator import GeneratorConfig
from semsynth.models.local import LocalStage, largest_stage
from semsynth.ops.rectangle import Rectangle
from semsynth.pixel_format import shown as shown_pixels
from semsynth.styles.bank import StyleBank
from semsynth.styles.canvas import CanvasStyles
from semsynth.styles.choice import ObjectStyle, StyleChoice
from semsynth.styles.noise import NoiseStyles, stacked
from semsynth.styles.object_styles import ObjectStyles
from semsynth.synthesizer.backend import Backend, OpenPicture, TorchBackend
from semsynth.synthesizer.conditions import ConditionReader, ConditionSource, LayoutSource
from semsynth.synthesizer.old_keywords import count_makes_variations, renamed
from semsynth.synthesizer.style_readers import reads_pictures, style_reader
from semsynth.synthesizer.styling import Style, Styling

OPEN_BYTES = 2**30
"""What :meth:`Synthesizer.open_picture` keeps at most; of a bundled network's picture of 1024x1024 it is 150 MiB."""

BATCH_SIZE = 4
"""Photos that go through the network together; more of them are hardly faster on a CPU."""

CHOICE_PIXELS = 2**23
"""Pixels that :meth:`Synthesizer.style_choices` makes in one pass at most: 10 photos of 1024x512 are fewer."""

_SAMPLE = 256
"""Side of the picture whose features are counted in :meth:`Synthesizer.bytes_at_once`."""
_COPIES = 3
"""How often a block's features are in memory at its peak, those that enter and those that leave it (measured)."""
_WINDOWS = 150
"""Bytes for each pixel of a layout while its distinct windows are found (measured)."""


class Synthesizer(Styling):
    """A model on a device. Threads may share it: it makes one batch at a time."""

    def __init__(
        self, model: LoadedModel | ExportedModel, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        """Take over the networks of ``model``: they can only infer from now on.

        Exported models bring a device and an arithmetic of their own.
        """
        if isinstance(model, ExportedModel):
            self._backend: Backend = model
            self.classes: ClassSet = model.record.classes
            self.card: Card = model.record.card
            config, bank, encoder, folder = model.record.model, model.bank, None, None
        else:
            self._backend = TorchBackend(model, torch.device(device), dtype)
            self.classes, self.card, config = model.classes, model.card, model.config
            bank, encoder = StyleBank.load(model.folder, config.style_weights), model.networks.get("encoder")
            folder = model.folder
        self.config: GeneratorConfig = self._backend.config
        self.device: torch.device = self._backend.device
        self.dtype: torch.dtype = self._backend.dtype
        self._styles = style_reader(config, bank, encoder, self.device, folder)
        self.conditions: ConditionReader = ConditionReader(
            self.classes, reads_pictures(self.config), self._backend.sizes, config.trained_size
        )
        """Reads what this model makes photos of."""

    def __repr__(self) -> str:
        """The model's name, its classes and where it runs, on one line."""
        name = self.card.name or "unnamed model"
        return f"Synthesizer({name}, class set {self.classes.name}, {self.device}, {str(self.dtype)[6:]})"

    @count_makes_variations
    @renamed(styles="object_styles")
    def __call__(
        self,
        layout: ConditionSource,
        style: Style | None = None,
        seed: int | None = None,
        size: Size | None = None,
        object_styles: Mapping[int, ObjectStyle] | None = None,
        region_seeds: Mapping[int | str, int] | None = None,
        opened: OpenPicture | None = None,
    ) -> Image.Image:
        """Make one photo of a layout.

        Args:
            layout: a layout, the path of a label map, or its pixels as a picture or an array. For models that read
                pictures: the picture.
            style: the style of the whole photo: a photo to take it from (for models with object styles: a photo of
                this very layout), or what :meth:`style` returned.
            seed: draws the style where none is given; 0 if there is neither. The same on every device.
            size: (height, width) of the photo; None: the layout's own, or the nearest that the network
                can make, with a warning.
            object_styles: styles of single objects by instance id: a mode, a vector, or a photo of such an object.
                For models that read noise (OASIS), also styles of classes by class id, and modes by name, but no
                photos.
            region_seeds: seeds of other noise for regions, by instance id, class id or class name (OASIS).
            opened: what :meth:`open_picture` returned: the photo is made of the last one, where little has changed.

        Returns:
            An RGB picture.

        Raises:
            SemsynthError: an unusable layout, style or size, or a style for a model that has none.
        """
        choice = self.style(style, seed, object_styles, region_seeds)
        condition, note = self._opened(layout, size)
        _warn(note, stacklevel=5)  # past the two decorators
        return Image.fromarray(shown_pixels(self.synthesize_arrays([condition], [choice], opened=opened)[0][0]))

    def open_picture(self, max_bytes: int = OPEN_BYTES) -> OpenPicture | None:
        """Prepare for a layout that is going to be edited stroke by stroke.

        Args:
            max_bytes: what may be kept between two strokes; a larger picture is made as a whole each time.

        Returns:
            What :meth:`__call__` takes; None: this model makes whole photos only, for instance with instance norm.
        """
        return self._backend.open_picture(max_bytes) if isinstance(self._backend, TorchBackend) else None

    def variations(
        self,
        layout: ConditionSource,
        count: int = 4,
        *,
        seed: int | None = None,
        size: Size | None = None,
        object_styles: Mapping[int, ObjectStyle] | None = None,
        region_seeds: Mapping[int | str, int] | None = None,
    ) -> list[Image.Image]:
        """Make several different photos of one layout.

        They have the styles of ``seed``, ``seed + 1``, ...; models that make a collection at once (CRN, section 3.4)
        make that collection.

        Args:
            layout: as in :meth:`__call__`.
            count: how many photos; the size of the collection for models that make one.
            seed: draws the style of the first photo; None: 0.
            size: as in :meth:`__call__`.
            object_styles: as in :meth:`__call__`, the same in all photos.
            region_seeds: likewise.

        Raises:
            SemsynthError: as :meth:`__call__`, or a count that the model cannot make.
        """
        self.check_count(count)
        if self.has_styles and self.config.images_per_layout == 1:
            choices = [self.style(None, (seed or 0) + i, object_styles, region_seeds) for i in range(count)]
        else:
            choices = [self.style(None, seed, object_styles, region_seeds)]
        condition, note = self._opened(layout, size)
        _warn(note, stacklevel=3)
        made = self.synthesize_arrays([condition] * len(choices), choices)
        return [Image.fromarray(shown_pixels(photo)) for photos in made for photo in photos]

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
        opened = [self._opened(source, size) for source in layouts]
        for _, note in opened:
            _warn(note, stacklevel=3)
        made = self.synthesize_arrays([condition for condition, _ in opened], choices, batch_size)
        return [Image.fromarray(shown_pixels(photos[0])) for photos in made]

    def synthesize_arrays(
        self,
        conditions: Sequence[Condition],
        choices: Sequence[StyleChoice | None],
        batch_size: int = BATCH_SIZE,
        opened: OpenPicture | None = None,
    ) -> list[Pixels]:
        """The level below :meth:`synthesize_batch`: conditions and styles have been read, and nothing is resized.

        Args:
            conditions: what :attr:`conditions` has opened and fitted, of any sizes that the network makes.
            choices: the style of each, from :meth:`style`.
            batch_size: how many conditions of one size go through the network together.
            opened: as in :meth:`__call__`.

        Returns:
            For each condition [k,H,W,C]: its k photos, k = ``config.images_per_layout``, over the full range of the
            8 or 16 bits of ``config.pixel_format``.

        Raises:
            SemsynthError: a style that does not fit its layout, an open picture of another synthesizer, or too little
                memory.
        """
        if opened is not None and not opened.belongs_to(self._backend):
            raise SemsynthError("this open picture is of another synthesizer: use one of this synthesizer's")
        made: dict[int, Pixels] = {}
        to_integers = to_uint8 if self.config.pixel_format.bits == 8 else to_uint16
        for chosen in _batches([condition.size for condition in conditions], batch_size):
            read = [self._read_style(choices[i], conditions[i]) for i in chosen]
            given = [one for one in read if one is not None]
            styles_read = stacked(given, conditions[chosen[0]].size) if given else None
            shown = [self._as_shown(choices[i], conditions[i]) for i in chosen]
            photos = to_integers((opened or self._backend).photograph(shown, styles_read))  # [N*k,H,W,C]
            together = self.config.images_per_layout
            made |= {i: photos[row * together : (row + 1) * together] for row, i in enumerate(chosen)}
        return [made[i] for i in range(len(conditions))]

    def _opened(self, source: ConditionSource, size: Size | None) -> tuple[Condition, str | None]:
        """A condition at a size that the network makes, and a note where nobody asked for that size."""
        called = "the picture" if self.conditions.reads_pictures else "the label map"
        return self.conditions.fit(self.conditions.open(source), size, source=called)

    @renamed(styles="object_styles")
    def style_choices(
        self,
        layout: LayoutSource,
        instance_id: int,
        seed: int = 0,
        object_styles: Mapping[int, ObjectStyle] | None = None,
    ) -> list[Image.Image]:
        """Make one photo for every mode that an object can have; the other objects stay as they are.

        Args:
            layout: of any size that the network makes.
            instance_id: the object; for models that read noise it may be a class id.
            seed: draws the other objects' modes, or the noise of the rest.
            object_styles: the other objects' styles, where they are not to be drawn.

        Raises:
            SemsynthError: no such object, or a model without modes for it.
        """
        opened = self.conditions.open_layout(layout)
        if isinstance(self._styles, CanvasStyles):
            pieces = self._styles.choices(opened, instance_id, seed, object_styles or {})
            made = self.synthesize_arrays([opened] * len(pieces), pieces)
            return [Image.fromarray(shown_pixels(photos[0])) for photos in made]
        if not isinstance(self._styles, ObjectStyles | NoiseStyles):
            raise SemsynthError("this model has no styles for objects: use one of pix2pixHD with instance features")
        read = self._styles.choices(opened, instance_id, seed, object_styles or {})
        together = max(1, CHOICE_PIXELS // opened.labels.size)
        parts = [torch.stack(read[i : i + together]) for i in range(0, len(read), together)]
        photos = []
        for part in parts:
            copies = 1 if self.has_object_styles else len(part)  # pix2pixHD's generator reads a layout once for all
            photos += [
                Image.fromarray(shown_pixels(image))
                for image in to_uint8(self._backend.photograph([opened] * copies, part))
            ]
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
        return self._networks.run(layout, style, size)

    def synthesize_region(self, layout: LayoutBatch, style: Tensor | None, box: Rectangle, size: Size) -> Tensor:
        """A rectangle of a picture, at the cost of little more than its own pixels.

        Args:
            layout: as in :meth:`synthesize_tensor`.
            style: likewise.
            box: the rectangle, in pixels of the picture.
            size: (height, width) of the whole picture, one of ``config.large_sizes``.

        Returns:
            [N,3,h,w] float32 on :attr:`device`, equal to that part of :meth:`synthesize_tensor`'s picture up to float
            rounding.

        Raises:
            SemsynthError: a model whose pixels depend on the whole picture, an exported one, a ``box`` that is not
                inside, or too little memory.
        """
        return self._networks.region(layout, style, box, size)

    def large_stages(self, size: Size) -> list[LocalStage]:
        """The stages that :meth:`synthesize_region` goes through, of a picture of (height, width) ``size``.

        Raises:
            SemsynthError: a model whose pixels depend on the whole picture, or an exported one.
        """
        layout = StoredLayout.open(SymbolFile.of(Path(), size, self.config.encoding), self.config.encoding)
        style = None if self.config.style is None else torch.zeros(1, self.config.style.channels)
        return self._networks.local_stages(layout, style, size)  # which read nothing yet

    def bytes_at_once(self, size: Size) -> int:
        """About how much memory it takes to make a picture of (height, width) ``size`` in one pass.

        Raises:
            SemsynthError: unknown, of a model whose pixels depend on the whole picture, or of an exported one.
        """
        side = self.config.large_sizes.nearest((_SAMPLE, _SAMPLE))[0]
        nothing = LayoutBatch.from_channels(torch.zeros(1, *side, dtype=torch.int32), self.config.encoding)
        style = None if self.config.style is None else torch.zeros(1, self.config.style.channels)
        with torch.inference_mode():
            numbers = largest_stage(self._networks.local_stages(nothing, style, side))
        of_features = _COPIES * numbers * self.dtype.itemsize
        return (of_features + _WINDOWS * side[0] * side[1]) * size[0] * size[1] // (side[0] * side[1])

    @property
    def _networks(self) -> TorchBackend:
        if not isinstance(self._backend, TorchBackend):
            raise SemsynthError("an exported model has no tensor level: load the model folder that it was made of")
        return self._backend


def _batches(sizes: Sequence[Size], batch_size: int) -> list[list[int]]:
    """Indices of equal size together, at most ``batch_size`` of them."""
    groups: dict[Size, list[int]] = {}
    for index, size in enumerate(sizes):
        groups.setdefault(size, []).append(index)
    return [group[i : i + batch_size] for group in groups.values() for i in range(0, len(group), batch_size)]


def _warn(note: str | None, stacklevel: int) -> None:
    """Warn the one who called the synthesizer, if there is a note."""
    if note is not None:
        warnings.warn(note, stacklevel=stacklevel)

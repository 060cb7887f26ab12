"""Layout in, photograph out: the one path that the command line, scripts and servers share."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from semsynth.checkpoint import LoadedModel, Pix2PixHDModel, find_model, load_model
from semsynth.classes import NO_CLASSES, VOID, VOID_8BIT, ClassSet
from semsynth.data.label_files import layout_from_bytes, read_layout
from semsynth.data.sample import Condition, ConditionPicture
from semsynth.errors import SemsynthError
from semsynth.images import MAX_PIXELS, to_tensor, to_uint8
from semsynth.layout import Layout, LayoutBatch, Size, pixels
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.models.pix2pixhd import Pix2PixHDGenerator, Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGenerator, SPADEGeneratorConfig
from semsynth.styles.bank import StyleBank
from semsynth.styles.choice import (
    NoStyles,
    ObjectChoice,
    ObjectStyle,
    ObjectStyles,
    Photo,
    StyleChoice,
    StyleReader,
    VectorStyles,
)

DEFAULT_MODEL = "facades"
"""The bundled model that is used where none is named."""

BATCH_SIZE = 4
"""Photos that go through the network together; more of them are hardly faster on a CPU."""

Precision = Literal["auto", "float32", "bfloat16"]
LayoutSource = Layout | Path | str | Image.Image | NDArray[np.integer]
"""A layout, a label map's path, or its pixels: ids, or RGB in the class set's colours."""
ConditionSource = LayoutSource | ConditionPicture
"""The same for every model: of models whose condition is a picture, a picture, its path or its RGB or grey pixels."""
C = TypeVar("C", Layout, Condition)
Style = Photo | StyleChoice
"""A photo (path or picture), or what :meth:`Synthesizer.style` made of one: a vector, or a choice for objects."""
CHOICE_PIXELS = 2**23
"""Pixels that :meth:`Synthesizer.style_choices` makes in one pass at most: 10 photos of 1024x512 are fewer."""


def load(model: str | Path = DEFAULT_MODEL, device: str = "auto", precision: Precision = "auto") -> Synthesizer:
    """Load a model, ready to synthesise.

    Args:
        model: a bundled model's name, a model folder, a run folder, or a Hugging Face id ``user/name``.
        device: ``auto`` (CUDA, else Apple's MPS, else the CPU) or any name that torch knows.
        precision: ``auto`` takes bfloat16 where the hardware multiplies in it, else float32.

    Raises:
        SemsynthError: no such model, a damaged one, or no such device.
    """
    chosen = choose_device(device)
    return Synthesizer(load_model(find_model(model)), chosen, choose_dtype(precision, chosen))


def choose_device(device: str = "auto") -> torch.device:
    """The device that a name stands for.

    Raises:
        SemsynthError: torch does not know it, or the machine does not have it.
    """
    if device == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(kind)
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise SemsynthError(f"there is no device '{device}' here: choose auto, cpu or one of this machine's") from error
    return chosen


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The arithmetic of the networks: bfloat16 is chosen where the hardware has it, never where it is emulated."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    if device.type == "cuda":
        there = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        there = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()  # AMX comes with it
    return torch.bfloat16 if there else torch.float32


class Synthesizer:
    """A model on a device. Threads may share it: it makes one batch at a time."""

    def __init__(
        self, model: LoadedModel, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        """Take over the networks of ``model``: they can only infer from now on."""
        generator = model.networks["generator"]
        assert isinstance(generator, SPADEGenerator | Pix2PixHDGenerator)
        _check_pictures(generator.config)
        self.classes: ClassSet = model.classes
        self.config = generator.config
        self.card = model.card
        self.device = torch.device(device)
        self.dtype = dtype
        self._lock = threading.Lock()
        for network in model.networks.values():
            network.eval().requires_grad_(False).to(self.device)
        self._generator = generator
        self._generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._generator.freeze(dtype)
        self._styles = _style_reader(model, self.device)
        self._trained_size = model.config.data.output_size if isinstance(model.config, Pix2PixHDModel) else None

    @property
    def has_styles(self) -> bool:
        """Whether one layout gives different photos."""
        return self._styles.varies

    @property
    def has_object_styles(self) -> bool:
        """Whether every object has a style of its own."""
        return isinstance(self._styles, ObjectStyles)

    @property
    def reads_photos(self) -> bool:
        """Whether a photo can set the style."""
        return self._styles.reads_photos

    @property
    def needs_instances(self) -> bool:
        """Whether layouts need an instance map."""
        return self.config.encoding.edges

    @property
    def uses_instances(self) -> bool:
        """Whether an instance map changes the photo, where there is one."""
        return self.needs_instances or self.has_object_styles

    @property
    def reads_pictures(self) -> bool:
        """Whether the condition is a picture (an edge map, say) where other models have a layout."""
        return isinstance(self.config, Pix2PixHDGeneratorConfig) and self.config.image_channels > 0

    def __call__(
        self,
        layout: ConditionSource,
        style: Style | None = None,
        seed: int | None = None,
        size: Size | None = None,
        styles: Mapping[int, ObjectStyle] | None = None,
    ) -> Image.Image:
        """Make one photo.

        Args:
            layout: what stands where; of models that read pictures, the picture.
            style: a photo to take the style from (of models with styles for objects: a photo of this very layout),
                or what :meth:`style` returned.
            seed: draws the style where none is given; 0 if there is neither. The same on every device.
            size: (height, width) of the photo; None: the layout's own, or the nearest that the network
                can make, with a warning.
            styles: single objects' styles, by instance id: a mode, a vector, or a photo of such an object.

        Raises:
            SemsynthError: unusable layout, style or size, or a style for a model that has none.
        """
        choice = self.style(style, seed, styles)
        return self.synthesize_batch([layout], None if choice is None else [choice], size=size)[0]

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
        fitted: list[Condition] = []
        called = "the picture" if self.reads_pictures else "the label map"
        for source in layouts:
            layout, note = self.fit(self.open_condition(source), size, source=called)
            if note is not None:
                warnings.warn(note, stacklevel=2)
            fitted.append(layout)
        photos: dict[int, Image.Image] = {}
        for chosen in _batches([layout.size for layout in fitted], batch_size):
            batch = self._encoded([fitted[i] for i in chosen])
            read = [self._read_style(choices[i], fitted[i]) for i in chosen]
            given = [one for one in read if one is not None]
            made = to_uint8(self.synthesize_tensor(batch, torch.stack(given) if given else None))
            photos |= {i: Image.fromarray(image) for i, image in zip(chosen, made, strict=True)}
        return [photos[i] for i in range(len(layouts))]

    def style_choices(
        self, layout: LayoutSource, instance_id: int, seed: int = 0, styles: Mapping[int, ObjectStyle] | None = None
    ) -> list[Image.Image]:
        """One photo for every mode that an object can have, the other objects staying as they are.

        Args:
            layout: of any size that the network makes.
            instance_id: the object.
            seed: draws the other objects' modes.
            styles: the other objects' styles, where they are not to be drawn.

        Raises:
            SemsynthError: no such object, or a model without modes for it.
        """
        opened = self.open_layout(layout)
        if not isinstance(self._styles, ObjectStyles):
            raise SemsynthError("this model has no styles for objects: use one of pix2pixHD with instance features")
        objects, class_ids = self._styles.objects(opened)
        class_id = int(class_ids[self._styles.find(opened, objects, instance_id)])
        count = self._styles.modes(class_id)
        if not count:
            raise SemsynthError(f"class {class_id} has no modes: fit them with 'semsynth styles fit MODEL --data DIR'")
        features = [
            self._styles.read(ObjectChoice(seed, None, {**(styles or {}), instance_id: mode}), opened)
            for mode in range(count)
        ]
        batch = LayoutBatch.from_layouts([opened], self.config.encoding)
        together = max(1, CHOICE_PIXELS // batch.full.num_pixels)
        parts = [torch.stack(features[i : i + together]) for i in range(0, count, together)]
        return [Image.fromarray(image) for part in parts for image in to_uint8(self.synthesize_tensor(batch, part))]

    def synthesize_tensor(
        self, layout: LayoutBatch | Tensor, style: Tensor | None = None, size: Size | None = None
    ) -> Tensor:
        """The tensor level: nothing is checked or resized.

        Args:
            layout: N encoded layouts, or pictures [N,3,H,W] in [-1,1] for models that read these.
            style: [N,z_dim] vectors (SPADE) or [N,F,H,W] features of objects (pix2pixHD; one layout may meet several
                of them); None for models without styles.
            size: (height, width) that the network can make; None: the layouts' size.

        Returns:
            [N,3,H,W] float32 in [-1,1] on :attr:`device`.

        Raises:
            SemsynthError: the device's memory does not suffice.
        """
        size = size or (layout.size if isinstance(layout, LayoutBatch) else (layout.shape[2], layout.shape[3]))
        condition = layout.to(self.device) if isinstance(layout, LayoutBatch) else layout.to(self.device, self.dtype)
        given = None if style is None else style.to(self.device, self.dtype)
        sized = (size,) if isinstance(self._generator, SPADEGenerator) else ()
        try:
            with self._lock, torch.inference_mode():
                images: Tensor = self._generator(condition, given, *sized)
                return images.float()
        except torch.OutOfMemoryError as error:
            raise SemsynthError(
                f"{len(layout)} photo(s) of {pixels(size)} do not fit into the memory of {self.device}: "
                "make smaller ones, fewer at a time, or use the CPU"
            ) from error

    def open_condition(self, source: ConditionSource, instances: Path | None = None) -> Condition:
        """Read what this model makes photos of: as :meth:`open_layout`, or a picture."""
        if isinstance(source, ConditionPicture):
            self.check_classes(NO_CLASSES, "the given picture")
            return source
        if isinstance(source, Layout) or not self.reads_pictures:
            return self.open_layout(source, instances)
        return ConditionPicture.open(source)

    def open_layout(self, source: LayoutSource, instances: Path | None = None) -> Layout:
        """Read a layout in this model's class set.

        Args:
            source: what to read.
            instances: the instance map of a label map given as path.

        Raises:
            SemsynthError: unreadable, ids outside the class set, or a layout of another class set.
        """
        if self.reads_pictures:
            raise SemsynthError(
                "this model makes photos of pictures such as edge maps: give one, or choose another model"
            )
        if isinstance(source, str | Path):
            return read_layout(Path(source), self.classes, instances)
        if isinstance(source, Image.Image):
            return layout_from_bytes(_png(source), self.classes, "the given picture")
        if not isinstance(source, Layout):
            return _layout_from_array(source, self.classes)
        self.check_classes(source.classes)
        return source

    def check_classes(self, classes: ClassSet, source: str = "the layout") -> None:
        """Make sure that ids of ``classes`` mean to this model what they mean there.

        Raises:
            SemsynthError: an id has another name, or one set lacks it; ``source`` is who uses the classes.
                Or one has label maps and the other pictures as conditions (``NO_CLASSES``).
        """
        if self.reads_pictures != (classes == NO_CLASSES):
            given, read = ("label maps", "pictures") if self.reads_pictures else ("pictures", "label maps")
            raise SemsynthError(f"{source}: the conditions are {given}, but this model reads {read}: choose another")
        if self.reads_pictures:
            return
        if _meaning(classes) != _meaning(self.classes):
            raise SemsynthError(
                f"{source} is of the class set '{classes.name}', the model of '{self.classes.name}', whose ids mean "
                "other things: choose a model of these classes, or convert the label maps"
            )

    def nearest_sizes(self, size: Size) -> list[Size]:
        """The sizes next to ``size`` that the network can make, the nearest first."""
        if isinstance(self.config, Pix2PixHDGeneratorConfig):
            return [size]
        if self.config.input == "noise":
            return [self.config.output_size]
        step = 2**self.config.upsamplings
        return list(dict.fromkeys(_multiples(size, step, extra) for extra in (step // 2, 0, step - 1)))

    def fit(
        self, layout: C, size: Size | None = None, *, strict: bool = False, source: str = "the label map"
    ) -> tuple[C, str | None]:
        """Bring a layout, or a picture that is the condition, to a size that the network can make.

        Args:
            layout: of any size.
            size: (height, width) of the photo; None: the layout's own, or the nearest possible.
            strict: refuse the layout where its own size cannot be made.
            source: what messages call the layout.

        Returns:
            The layout, resized if need be, and a note on it if nobody asked for that.

        Raises:
            SemsynthError: ``size`` cannot be made, or the layout's own size cannot and ``strict`` is set.
        """
        wanted = size or layout.size
        near = self.nearest_sizes(wanted)
        if near[0] != wanted and (size is not None or strict):
            what = "a photo of" if size is not None else f"{source} is"
            possible = " or ".join(map(pixels, near))
            raise SemsynthError(f"{what} {pixels(wanted)}, which this model cannot make; nearest: {possible}")
        if near[0][0] * near[0][1] > MAX_PIXELS:
            raise SemsynthError(f"a photo of {pixels(near[0])} has more than {MAX_PIXELS:,} pixels: make a smaller one")
        if near[0] != wanted:
            return layout.resized(near[0]), (
                f"{source} is {pixels(wanted)}, which this model cannot make: resized to {pixels(near[0])}"
            )
        return layout.resized(wanted), self._far_from_training(wanted, source)

    def _far_from_training(self, size: Size, source: str) -> str | None:
        """A note on layouts much larger or smaller than what the model knows, where it makes any size."""
        trained = self._trained_size
        if trained is None or 0.6 < size[1] / trained[1] < 1.7:
            return None
        return f"{source} is {pixels(size)}, the model was trained at {pixels(trained)}: sizes near that look best"

    def style(
        self,
        style: Style | None = None,
        seed: int | None = None,
        objects: Mapping[int, ObjectStyle] | None = None,
    ) -> StyleChoice | None:
        """Read a style once, for many layouts; None for models that have none.

        A photo's style is the mean of the encoder's distribution: the same every time.

        Returns:
            A vector [z_dim] (SPADE), or a choice for objects (pix2pixHD).

        Raises:
            SemsynthError: style and seed are both given, or one that this model cannot take.
        """
        if isinstance(style, ObjectChoice):
            if seed is not None or objects or not self.has_object_styles:
                raise SemsynthError("a choice for objects stands alone, and for models that have styles for objects")
            return style
        return self._styles.choose(style, seed, objects)

    def check_style(self, layout: Condition, choice: StyleChoice | None) -> None:
        """Make sure that the layout has the objects that the choice speaks of, without making a photo.

        Raises:
            SemsynthError: it has not, or one is on several classes.
        """
        self._read_style(choice, layout)

    def _read_style(self, choice: StyleChoice | None, condition: Condition) -> Tensor | None:
        return self._styles.read(choice, condition) if isinstance(condition, Layout) else None

    def _encoded(self, conditions: Sequence[Condition]) -> LayoutBatch | Tensor:
        """Conditions of one size and of the kind that this model reads, as its generator takes them."""
        pictures = [one for one in conditions if isinstance(one, ConditionPicture)]
        if pictures:
            return torch.stack([to_tensor(one.pixels) for one in pictures])  # [N,3,H,W]
        return LayoutBatch.from_layouts([one for one in conditions if isinstance(one, Layout)], self.config.encoding)


def _check_pictures(config: SPADEGeneratorConfig | Pix2PixHDGeneratorConfig) -> None:
    """Official options allow conditions of other pictures, and of a picture and more."""
    if not isinstance(config, Pix2PixHDGeneratorConfig) or config.image_channels == 0:
        return
    if config.image_channels != 3 or config.encoding.edges or config.features:
        raise SemsynthError(
            f"this model reads a picture of {config.image_channels} channels, instance boundaries: "
            f"{config.encoding.edges}, features: {config.features}; only RGB pictures alone can be given"
        )


def _style_reader(model: LoadedModel, device: torch.device) -> StyleReader:
    generator, encoder = model.networks["generator"], model.networks.get("encoder")
    if isinstance(model.config, Pix2PixHDModel) and model.config.generator.features:
        assert encoder is None or isinstance(encoder, InstanceEncoder)
        bank = StyleBank.load(model.folder, model.config.sha256.get("encoder.safetensors", ""))
        by_labels = model.config.objects == "labels"
        return ObjectStyles(model.config.generator.features, encoder, bank, by_labels, device)
    if isinstance(generator, SPADEGenerator) and generator.config.input == "noise":
        return VectorStyles(generator.config.z_dim, encoder, device)
    return NoStyles()


def _batches(sizes: Sequence[Size], batch_size: int) -> list[list[int]]:
    """Indices of equal size together, at most ``batch_size`` of them."""
    groups: dict[Size, list[int]] = {}
    for index, size in enumerate(sizes):
        groups.setdefault(size, []).append(index)
    return [group[i : i + batch_size] for group in groups.values() for i in range(0, len(group), batch_size)]


def _multiples(size: Size, step: int, extra: int) -> Size:
    """Both sides as multiples of ``step``: rounded down after adding ``extra``, but never to 0."""
    height, width = (max(step, (side + extra) // step * step) for side in size)
    return height, width


def _meaning(classes: ClassSet) -> list[tuple[int, str]]:
    return [(item.id, item.name) for item in classes.classes]


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    try:
        image.save(buffer, "PNG")
    except OSError as error:
        raise SemsynthError(f"a picture of mode {image.mode} is no label map: use modes L, P, I;16 or RGB") from error
    return buffer.getvalue()


def _layout_from_array(ids: NDArray[np.integer], classes: ClassSet) -> Layout:
    if ids.dtype == np.uint8 and ids.ndim == 3 and ids.shape[2] == 3:
        return layout_from_bytes(_png(Image.fromarray(ids)), classes, "the given array")
    if ids.dtype.kind not in "iu" or (ids.size and not 0 <= ids.min() <= ids.max() <= VOID):
        raise SemsynthError(f"an array of ids holds integers from 0 to {VOID}: got {ids.dtype} {list(ids.shape)}")
    void = VOID_8BIT if ids.dtype == np.uint8 else VOID
    return Layout(np.where(ids == void, np.uint16(VOID), ids.astype(np.uint16)), classes)

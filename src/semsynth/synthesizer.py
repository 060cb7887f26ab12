"""Layout in, photograph out: the one path that the command line, scripts and servers share."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from semsynth.checkpoint import LoadedModel, find_model, load_model
from semsynth.classes import VOID, VOID_8BIT, ClassSet
from semsynth.data.label_files import layout_from_bytes, read_layout
from semsynth.errors import SemsynthError
from semsynth.images import MAX_PIXELS, decode_image, to_rgb, to_tensor, to_uint8
from semsynth.layout import Layout, LayoutBatch, Size, pixels
from semsynth.models.spade import SPADEGenerator

DEFAULT_MODEL = "facades"
"""The bundled model that is used where none is named."""

BATCH_SIZE = 4
"""Photos that go through the network together; more of them are hardly faster on a CPU."""

Precision = Literal["auto", "float32", "bfloat16"]
LayoutSource = Layout | Path | str | Image.Image | NDArray[np.integer]
"""A layout, a label map's path, or its pixels: ids, or RGB in the class set's colours."""
Style = Path | str | Image.Image | Tensor
"""A photo (path or picture), or a style vector as :meth:`Synthesizer.style` returns it."""


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
        assert isinstance(generator, SPADEGenerator)
        self.classes: ClassSet = model.classes
        self.config = generator.config
        self.card = model.card
        self.device = torch.device(device)
        self.dtype = dtype
        self._lock = threading.Lock()
        self._generator = generator.eval().requires_grad_(False).to(self.device)
        self._generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._generator.freeze(dtype)
        encoder = model.networks.get("encoder")
        self._encoder = None if encoder is None else encoder.eval().requires_grad_(False).to(self.device)

    @property
    def has_styles(self) -> bool:
        """Whether one layout gives different photos."""
        return self.config.input == "noise"

    @property
    def reads_photos(self) -> bool:
        """Whether a photo can set the style."""
        return self._encoder is not None

    @property
    def needs_instances(self) -> bool:
        """Whether layouts need an instance map."""
        return self.config.encoding.edges

    def __call__(
        self, layout: LayoutSource, style: Style | None = None, seed: int | None = None, size: Size | None = None
    ) -> Image.Image:
        """Make one photo.

        Args:
            layout: what stands where.
            style: a photo to take the style from, or a style vector.
            seed: draws the style where none is given; 0 if there is neither. The same on every device.
            size: (height, width) of the photo; None: the layout's own, or the nearest that the network
                can make, with a warning.

        Raises:
            SemsynthError: unusable layout, style or size, or a style for a model that has none.
        """
        vector = self.style(style, seed)
        return self.synthesize_batch([layout], None if vector is None else [vector], size=size)[0]

    def synthesize_batch(
        self,
        layouts: Sequence[LayoutSource],
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
        vectors = [
            self.style(None if styles is None else styles[i], None if seeds is None else seeds[i])
            for i in range(len(layouts))
        ]
        fitted: list[Layout] = []
        for source in layouts:
            layout, note = self.fit(self.open_layout(source), size)
            if note is not None:
                warnings.warn(note, stacklevel=2)
            fitted.append(layout)
        photos: dict[int, Image.Image] = {}
        for chosen in _batches([layout.size for layout in fitted], batch_size):
            batch = LayoutBatch.from_layouts([fitted[i] for i in chosen], self.config.encoding)
            given = [vector for i in chosen if (vector := vectors[i]) is not None]
            made = to_uint8(self.synthesize_tensor(batch, torch.stack(given) if given else None))
            photos |= {i: Image.fromarray(image) for i, image in zip(chosen, made, strict=True)}
        return [photos[i] for i in range(len(layouts))]

    def synthesize_tensor(self, layout: LayoutBatch, z: Tensor | None = None, size: Size | None = None) -> Tensor:
        """The tensor level: nothing is checked or resized.

        Args:
            layout: N encoded layouts.
            z: [N,z_dim] style vectors; None for models without.
            size: (height, width) that the network can make; None: the layouts' size.

        Returns:
            [N,3,H,W] float32 in [-1,1] on :attr:`device`.

        Raises:
            SemsynthError: the device's memory does not suffice.
        """
        size = size or layout.size
        vectors = None if z is None else z.to(self.device, self.dtype)
        try:
            with self._lock, torch.inference_mode():
                images: Tensor = self._generator(layout.to(self.device), vectors, size)
                return images.float()
        except torch.OutOfMemoryError as error:
            raise SemsynthError(
                f"{len(layout)} photo(s) of {pixels(size)} do not fit into the memory of {self.device}: "
                "make smaller ones, fewer at a time, or use the CPU"
            ) from error

    def open_layout(self, source: LayoutSource, instances: Path | None = None) -> Layout:
        """Read a layout in this model's class set.

        Args:
            source: what to read.
            instances: the instance map of a label map given as path.

        Raises:
            SemsynthError: unreadable, ids outside the class set, or a layout of another class set.
        """
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
        """
        if _meaning(classes) != _meaning(self.classes):
            raise SemsynthError(
                f"{source} is of the class set '{classes.name}', the model of '{self.classes.name}', whose ids mean "
                "other things: choose a model of these classes, or convert the label maps"
            )

    def nearest_sizes(self, size: Size) -> list[Size]:
        """The sizes next to ``size`` that the network can make, the nearest first."""
        if self.has_styles:
            return [self.config.output_size]
        step = 2**self.config.upsamplings
        return list(dict.fromkeys(_multiples(size, step, extra) for extra in (step // 2, 0, step - 1)))

    def fit(
        self, layout: Layout, size: Size | None = None, *, strict: bool = False, source: str = "the label map"
    ) -> tuple[Layout, str | None]:
        """Bring a layout to a size that the network can make.

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
        note = f"{source} is {pixels(wanted)}, which this model cannot make: resized to {pixels(near[0])}"
        return layout.resized(near[0]), note if near[0] != wanted else None

    def style(self, style: Style | None = None, seed: int | None = None) -> Tensor | None:
        """The style vector [z_dim] of a photo or a seed; None for models that have no styles.

        A photo's style is the mean of the encoder's distribution: the same every time.

        Raises:
            SemsynthError: both are given, or one that this model cannot take.
        """
        if style is not None and seed is not None:
            raise SemsynthError("give a style or a seed, not both")
        if not self.has_styles:
            if style is not None or seed is not None:
                raise SemsynthError("this model makes one photo of a layout: leave out style and seed")
            return None
        if style is None:
            return self._draw(0 if seed is None else seed)
        if isinstance(style, Tensor):
            if style.shape != (self.config.z_dim,):
                raise SemsynthError(f"a style vector has shape ({self.config.z_dim},) here, not {tuple(style.shape)}")
            return style
        photo = to_rgb(style, "the style photo") if isinstance(style, Image.Image) else decode_image(Path(style))
        return self._encode(photo)

    def _draw(self, seed: int) -> Tensor:
        if not 0 <= seed < 2**63:
            raise SemsynthError(f"a seed is a number from 0 to 2**63 - 1, got {seed}")
        return torch.randn(self.config.z_dim, generator=torch.Generator().manual_seed(seed))

    def _encode(self, photo: NDArray[np.uint8]) -> Tensor:
        if self._encoder is None:
            raise SemsynthError("this model has no encoder for photos: give a seed instead of a style photo")
        with self._lock, torch.no_grad():
            mean: Tensor = self._encoder(to_tensor(photo)[None].to(self.device))[0][0]
        return mean.cpu()


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

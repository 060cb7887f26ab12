"""Photographs that are not 8-bit RGB: what ``pixels.json`` of a dataset declares, and how they are read and written.

Inside, pixels are always whole numbers over their full range, 0..255 or 0..65535: the declared range of values is
mapped to it when a file is read, and back when one is written.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from semsynth.config import Config, load_config
from semsynth.errors import SemsynthError
from semsynth.files import read_bytes, write_bytes
from semsynth.images import (
    MAX_BYTES,
    MAX_PIXELS,
    Pixels,
    decode_image,
    open_image,
    read_image_bytes,
    save_png,
    upright,
)

FILE = "pixels.json"
"""In a dataset folder, beside ``classes.json``; without it photographs are 8-bit RGB."""
ARRAY = ".npy"


PixelValue = Annotated[float, Field(ge=-1e30, le=1e30)]


class PixelFormat(Config):
    """What photographs hold, ``pixels.json``."""

    channels: int = Field(3, ge=1, le=256)
    """1 is grey, 3 is RGB; others are of NumPy files."""
    bits: Literal[8, 16] = 8
    """Of each channel, as networks' pictures are stored."""
    range: tuple[PixelValue, PixelValue] | None = None
    """The values that become the darkest and the brightest, for example [0, 4095] of a camera of 12 bits; what lies
    outside is cut off. None: all that the bits can hold."""

    @model_validator(mode="after")
    def _range_rises(self) -> Self:
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range={list(self.range)}: the first value must be below the second one")
        return self

    @classmethod
    def of(cls, root: Path) -> PixelFormat:
        """The format of the dataset folder ``root``.

        Raises:
            SemsynthError: ``pixels.json`` is malformed.
        """
        return load_config(cls, root / FILE) if (root / FILE).is_file() else cls()

    @property
    def largest(self) -> int:
        """Of the whole numbers."""
        return int(2**self.bits - 1)

    @property
    def is_plain(self) -> bool:
        """Whether it is 8-bit RGB."""
        return self == PixelFormat()

    @property
    def suffix(self) -> str:
        """Of the files that are written: PNG for 8-bit RGB and for grey, else NumPy's."""
        low, high = self.range or (0, self.largest)
        fits = self.channels == 1 and low >= 0 and high <= self.largest
        return ".png" if fits or self.is_plain else ARRAY

    def __str__(self) -> str:
        """``5 channels of 16 bits``."""
        return f"{self.channels} channel{'s' * (self.channels != 1)} of {self.bits} bits"

    def read(self, path: Path) -> Pixels:
        """Read a photograph, upright.

        Returns:
            [H,W,C] uint8 or uint16, over their full range.

        Raises:
            SemsynthError: it cannot be read, or is not of this format.
        """
        if self.is_plain:
            return decode_image(path)
        values = _array(path) if path.suffix.lower() == ARRAY else self._picture(path)
        values = values[..., None] if values.ndim == 2 else values
        if values.ndim != 3 or values.shape[2] != self.channels or 0 in values.shape:
            raise SemsynthError(f"{path} has the shape {values.shape}, and {FILE} says {self}: height, width, channels")
        if values.dtype.kind not in "uif" or not np.isfinite(values).all():
            raise SemsynthError(
                f"{path} holds {values.dtype} or values that are not finite: save whole or real numbers"
            )
        if self.range is None and values.dtype.kind == "f":
            raise SemsynthError(f'{path} holds real numbers: declare their range in {FILE}, as "range": [0, 1]')
        low, high = self.range or (0, self.largest)
        if self.range is None and not low <= values.min() <= values.max() <= high:
            raise SemsynthError(f"{path} has values from {values.min()} to {values.max()}, and {FILE} says {self}")
        scaled = (values.astype(np.float64) - low) * (self.largest / (high - low))
        return self._whole(scaled)

    def write(self, path: Path, pixels: Pixels) -> None:
        """Write a photograph as :meth:`read` reads it, atomically.

        Args:
            path: ends with :attr:`suffix`.
            pixels: [H,W,C] over the full range.

        Raises:
            SemsynthError: it cannot be written.
        """
        if self.is_plain:
            save_png(path, pixels)
            return
        low, high = self.range or (0, self.largest)
        values = pixels.astype(np.float64) * ((high - low) / self.largest) + low
        if path.suffix == ".png":
            save_png(path, self._whole(values)[..., 0])
            return
        buffer = io.BytesIO()
        np.save(buffer, self._whole(values) if self.range is None else values.astype(np.float32), allow_pickle=False)
        write_bytes(path, buffer.getvalue())

    def _whole(self, values: NDArray[np.float64]) -> Pixels:
        rounded = np.rint(values).clip(0, self.largest)
        return rounded.astype(np.uint8) if self.bits == 8 else rounded.astype(np.uint16)

    def _picture(self, path: Path) -> NDArray[Any]:
        """[H,W] or [H,W,3] of a picture file that Pillow reads without loss."""
        image = open_image(read_image_bytes(path), str(path))
        if self.channels == 1 and (image.mode in ("L", "F") or image.mode.startswith("I")):
            return upright(np.asarray(image), image)
        if self.channels == 3 and self.bits == 8:
            return decode_image(path)
        raise SemsynthError(
            f"{path} is a picture of mode {image.mode}, and {FILE} says {self}: save it as a NumPy file ({ARRAY}) of "
            "height, width and channels"
        )


def shown(pixels: Pixels) -> NDArray[np.uint8]:
    """[H,W,3] uint8 for the eye, of pixels [H,W,C]: the upper 8 bits of the first three channels, grey of one."""
    upper = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    channels = upper.shape[2]
    if channels >= 3:
        return np.ascontiguousarray(upper[..., :3], np.uint8)
    return np.ascontiguousarray(upper[..., [0, 0, 0] if channels == 1 else [0, 1, 1]], np.uint8)


def rgb(pixels: Pixels, called: str) -> NDArray[np.uint8]:
    """The same [...,3] uint8, for what knows 8-bit RGB only.

    Raises:
        SemsynthError: pixels of another format.
    """
    if pixels.dtype == np.uint8 and pixels.shape[-1] == 3:
        return np.asarray(pixels, np.uint8)
    raise SemsynthError(
        f"{called} has {pixels.shape[-1]} channel(s) of {8 * pixels.dtype.itemsize} bits, and 8-bit RGB is needed: "
        "photos of other formats can be trained on and synthesised one by one, no more"
    )


def _array(path: Path) -> NDArray[Any]:
    """The array in a NumPy file; nothing is unpickled, and no more memory is taken than the file is long."""
    data = read_bytes(path, MAX_BYTES)
    try:
        file = io.BytesIO(data)
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, kind = read(file)
        expected = int(np.prod([int(side) for side in shape], dtype=object)) * kind.itemsize
        if kind.hasobject or expected != len(data) - file.tell():
            raise ValueError("its length is not that of its array")
        if len(shape) >= 2 and shape[0] * shape[1] > MAX_PIXELS:
            raise SemsynthError(f"{path} is {shape[1]}x{shape[0]}: pictures have {MAX_PIXELS:,} pixels at most")
        return np.load(io.BytesIO(data), allow_pickle=False)  # type: ignore[no-any-return]
    except (ValueError, TypeError, SyntaxError, EOFError, OverflowError, MemoryError, KeyError) as error:
        raise SemsynthError(
            f"{path} is not a NumPy file, or damaged ({error}): save it again with numpy.save"
        ) from error

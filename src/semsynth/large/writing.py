"""Large pictures as files, from the pixels on the disk: a few rows in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

import numpy as np
from numpy.typing import NDArray

from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError
from semsynth.extras import require
from semsynth.files import opened, write_atomically
from semsynth.images import STRIP_PIXELS
from semsynth.large.png import PngWriter
from semsynth.layout import Size

Format = Literal["png", "tiff"]
SUFFIXES: dict[Format, str] = {"png": ".png", "tiff": ".tif"}
_TIFF_TILE = 256
"""Side of a TIFF's tiles; programs that show large pictures read one after another of this size."""
_CLASSIC = 2**32 - 2**25
"""Bytes of pixels up to which a TIFF is a classic one, whose addresses have 32 bits; beyond, a BigTIFF."""


def check_format(form: Format) -> None:
    """Make sure that a picture can be written in a format.

    Raises:
        SemsynthError: a library is missing.
    """
    if form == "tiff":
        require("tiff", "writing a TIFF file", "tifffile")


def write_picture(pixels: Path, size: Size, path: Path, form: Format, progress: Progress = silent) -> None:
    """Write a picture, atomically.

    Args:
        pixels: a file of [H,W,3] uint8, without a header.
        size: (height, width).
        path: of the picture.
        form: PNG, or a TIFF of compressed tiles.
        progress: is told of the rows.

    Raises:
        SemsynthError: a full disk, or more pixels than the format can hold.
    """
    with opened(pixels) as file:
        rows = _Rows(file, pixels, size, progress)
        write_atomically(path, lambda partial: _FORMATS[form](rows, partial))


class _Rows:
    """The rows of the picture, and a report of how many have been read."""

    def __init__(self, file: IO[bytes], path: Path, size: Size, progress: Progress) -> None:
        self.size = size
        self._file, self._path, self._progress = file, path, progress

    def read(self, step: int) -> Iterator[NDArray[np.uint8]]:
        """[step,W,3], from above to below; the last ones may be fewer."""
        height, width = self.size
        for top in range(0, height, step):
            count = min(step, height - top)
            data = self._file.read(3 * count * width)
            if len(data) < 3 * count * width:
                raise SemsynthError(f"{self._path} is truncated: remove its folder and begin again")
            self._progress(top + count, height)
            yield np.frombuffer(data, np.uint8).reshape(count, width, 3)


def _write_png(rows: _Rows, path: Path) -> None:
    with path.open("wb") as file:
        writer = PngWriter(file, rows.size)
        for part in rows.read(max(1, STRIP_PIXELS // rows.size[1])):
            writer.add(part)
        writer.finish()


def _write_tiff(rows: _Rows, path: Path) -> None:
    import tifffile

    with tifffile.TiffWriter(path, bigtiff=is_big(rows.size)) as writer:
        writer.write(
            _tiles(rows),
            shape=(*rows.size, 3),
            dtype=np.uint8,
            tile=(_TIFF_TILE, _TIFF_TILE),
            photometric="rgb",
            compression="zlib",
            compressionargs={"level": 3},
            predictor=True,
            maxworkers=1,
        )


def _tiles(rows: _Rows) -> Iterator[NDArray[np.uint8]]:
    for band in rows.read(_TIFF_TILE):
        for left in range(0, rows.size[1], _TIFF_TILE):
            yield np.ascontiguousarray(band[:, left : left + _TIFF_TILE])


def is_big(size: Size) -> bool:
    """Whether a TIFF of (height, width) ``size`` has to be a BigTIFF."""
    return 3 * size[0] * size[1] > _CLASSIC


_FORMATS = {"png": _write_png, "tiff": _write_tiff}

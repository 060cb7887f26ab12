"""PNG files a few rows at a time (PNG specification, 3rd edition: sections 5, 7, 9 and 10)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.errors import SemsynthError
from semsynth.files import opened
from semsynth.images import DAMAGE, MAX_SIDE, STRIP_PIXELS

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of each colour type."""
_OF_BYTES: dict[int, tuple[int, str]] = {1: (0, "L"), 2: (4, "LA"), 3: (2, "RGB"), 4: (6, "RGBA")}
"""Bytes of a pixel -> the colour type of 8 bits that has as many, and Pillow's mode for it."""
_BESIDE = (b"PLTE", b"tRNS", b"eXIf")
"""Chunks that say what pixels mean, or which way up they are."""
_LONGEST_CHUNK = 2**20
"""Bytes of a chunk that is kept; a palette has 768."""
_READ = 2**16
"""Bytes that are read at a time."""
_LEVEL = 3
"""Of compression: half the time of zlib's default for files that are 4 % larger."""
_AVERAGE = 3
"""Filter type: a byte less the mean of those to the left and above; for photos the best one that needs no trials."""


@dataclass(frozen=True)
class _Header:
    width: int
    height: int
    depth: int
    color: int
    interlaced: bool

    @property
    def row_bytes(self) -> int:
        return -(-self.width * self.depth * _CHANNELS[self.color] // 8)

    @property
    def pixel_bytes(self) -> int:
        """How far filters look back."""
        return max(1, self.depth * _CHANNELS[self.color] // 8)

    def chunk(self, height: int) -> bytes:
        """IHDR of a picture of other height."""
        return _chunk(b"IHDR", struct.pack(">IIBBBBB", self.width, height, self.depth, self.color, 0, 0, 0))


def png_strips(path: Path) -> Iterator[tuple[slice, bytes]]:
    """Cut a PNG into PNGs of few rows, each of which any decoder reads; memory does not grow with the picture.

    Yields:
        The rows, and the file of them alone: with the palette, the transparency and the EXIF data of the whole.

    Raises:
        SemsynthError: unreadable, truncated or damaged; interlaced, so that rows do not come one after another; more
            than 8 bits in several channels, or a side above ``MAX_SIDE``.
    """
    with opened(path) as file:
        header, kept, first = _read_head(file, path)
        _check(header, path)
        rows = max(1, STRIP_PIXELS // header.width)
        data = _Inflated(file, first, path)
        above = bytes(header.row_bytes)
        for top in range(0, header.height, rows):
            bottom = min(top + rows, header.height)
            plain = _unfiltered(data.read((bottom - top) * (header.row_bytes + 1)), above, header, path)
            above = plain[-header.row_bytes :]
            yield slice(top, bottom), _file(header.chunk(bottom - top), kept, plain, header.row_bytes)


def png_size(path: Path) -> tuple[int, int]:
    """(height, width) as the header says.

    Raises:
        SemsynthError: unreadable, or no PNG.
    """
    with opened(path) as file:
        header, _, _ = _read_head(file, path)
    return header.height, header.width


def _check(header: _Header, path: Path) -> None:
    size = f"{header.width}x{header.height}"
    if max(header.width, header.height) > MAX_SIDE:
        raise SemsynthError(f"{path} is {size}: sides have {MAX_SIDE:,} pixels at most")
    if header.interlaced:
        raise SemsynthError(
            f"{path} is interlaced, so that its rows do not come one after another: save it without that"
        )
    if header.pixel_bytes not in _OF_BYTES:
        raise SemsynthError(f"{path} has 16 bits in each of several channels: a label map has one channel of them")


def _read_head(file: IO[bytes], path: Path) -> tuple[_Header, bytes, int]:
    """The header, the chunks that belong to the pixels, and the size of the first chunk of these."""
    if file.read(8) != SIGNATURE:
        raise SemsynthError(f"{path} is no PNG file")
    header, kept = None, b""
    while True:
        size, kind = _chunk_head(file, path)
        if kind == b"IDAT" and header is not None:
            return header, kept, size
        data = file.read(size + 4) if size <= _LONGEST_CHUNK else b""
        if size > _LONGEST_CHUNK and kind not in (b"IHDR", *_BESIDE):
            file.seek(size + 4, 1)
            continue
        if len(data) < size + 4 or zlib.crc32(kind + data[:-4]) != int.from_bytes(data[-4:]):
            raise _damaged(path)
        if kind == b"IHDR" and size == 13:
            width, height, depth, color, _, _, interlaced = struct.unpack(">IIBBBBB", data[:13])
            if not (0 < width < 2**31 and 0 < height < 2**31 and color in _CHANNELS and depth in (1, 2, 4, 8, 16)):
                raise _damaged(path)
            header = _Header(width, height, depth, color, bool(interlaced))
        elif kind in _BESIDE:
            kept += _chunk(kind, data[:-4])


def _chunk_head(file: IO[bytes], path: Path) -> tuple[int, bytes]:
    head = file.read(8)
    if len(head) < 8:
        raise _damaged(path)
    return int.from_bytes(head[:4]), head[4:]


class _Inflated:
    """The bytes of the pixels' chunks, uncompressed, as many at a time as somebody asks for."""

    def __init__(self, file: IO[bytes], first: int, path: Path) -> None:
        self._file, self._path = file, path
        self._left, self._sum = first, zlib.crc32(b"IDAT")
        self._inflate = zlib.decompressobj()

    def read(self, size: int) -> bytes:
        """So many bytes."""
        made = bytearray()
        while len(made) < size:
            waiting = self._inflate.unconsumed_tail or self._more()
            try:
                made += self._inflate.decompress(waiting, size - len(made))
            except zlib.error as error:
                raise _damaged(self._path) from error
        return bytes(made)

    def _more(self) -> bytes:
        while not self._left:
            if int.from_bytes(self._file.read(4)) != self._sum:
                raise _damaged(self._path)
            self._left, kind = _chunk_head(self._file, self._path)
            self._sum = zlib.crc32(b"IDAT")
            if kind != b"IDAT":
                raise _damaged(self._path)
        data = self._file.read(min(self._left, _READ))
        if not data:
            raise _damaged(self._path)
        self._left -= len(data)
        self._sum = zlib.crc32(data, self._sum)
        return data


def _unfiltered(filtered: bytes, above: bytes, header: _Header, path: Path) -> bytes:
    """The plain bytes of rows that begin with their filter's type; ``above``: the plain row before the first.

    Pillow does it: filters look at bytes alone, so that a picture of 8 bits with pixels of as many bytes has the same.
    """
    color, mode = _OF_BYTES[header.pixel_bytes]
    rows = len(filtered) // (header.row_bytes + 1) + 1
    alike = _Header(header.row_bytes // header.pixel_bytes, rows, 8, color, False)
    data = _file(alike.chunk(rows), b"", b"\0" + above + filtered)
    try:
        image = Image.open(BytesIO(data), formats=("PNG",))
        image.load()
    except DAMAGE as error:
        raise _damaged(path) from error
    assert image.mode == mode
    return image.tobytes()[header.row_bytes :]


def _file(header: bytes, kept: bytes, rows: bytes, row_bytes: int | None = None) -> bytes:
    """A PNG of rows that are filtered, or that are plain and have ``row_bytes`` bytes each; nothing is compressed."""
    if row_bytes is not None:
        plain = np.frombuffer(rows, np.uint8).reshape(-1, row_bytes)
        rows = np.pad(plain, ((0, 0), (1, 0))).tobytes()  # filter type 0: none
    return SIGNATURE + header + kept + _chunk(b"IDAT", zlib.compress(rows, 0)) + _chunk(b"IEND", b"")


class PngWriter:
    """An RGB picture of 8 bits, written from above to below."""

    def __init__(self, file: IO[bytes], size: tuple[int, int]) -> None:
        """Write the header of a picture of (height, width) ``size``.

        Raises:
            SemsynthError: a side of more pixels than the format has numbers for.
        """
        height, width = size
        if max(size) >= 2**31:
            raise SemsynthError(f"a PNG has at most {2**31 - 1:,} pixels on a side, not {width}x{height}")
        self._file, self._compress = file, zlib.compressobj(_LEVEL)
        self._above: NDArray[np.uint8] = np.zeros((1, width, 3), np.uint8)
        file.write(SIGNATURE + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))

    def add(self, rows: NDArray[np.uint8]) -> None:
        """Append rows [h,width,3]."""
        above = np.concatenate([self._above, rows[:-1]]).astype(np.uint16)
        left = np.zeros_like(above)
        left[:, 1:] = rows[:, :-1]
        filtered = (rows - (above + left) // 2).astype(np.uint8).reshape(len(rows), -1)
        self._above = rows[-1:]
        typed = np.pad(filtered, ((0, 0), (1, 0)), constant_values=_AVERAGE)  # each row after the type of its filter
        self._put(self._compress.compress(typed.tobytes()))

    def finish(self) -> None:
        """Write the end."""
        self._put(self._compress.flush())
        self._file.write(_chunk(b"IEND", b""))

    def _put(self, data: bytes) -> None:
        if data:
            self._file.write(_chunk(b"IDAT", data))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)


def _damaged(path: Path) -> SemsynthError:
    return SemsynthError(f"{path} is truncated or damaged: restore the file")

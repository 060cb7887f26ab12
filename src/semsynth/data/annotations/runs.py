"""Masks as runs of equal pixels: COCO's two forms, CVAT's and Label Studio's.

Counts of pixels alternate between outside and inside and begin with those outside, which may be none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
"""[R]: pixels outside, inside, outside, ..."""

_CHUNK_BITS, _MOST_CHUNKS = 5, 12
"""COCO's strings hold 5 bits of a number per character; 12 of them hold more than any picture's pixels."""
_CHANNELS, _ALPHA = 4, 3
"""Label Studio stores RGBA; the mask is in the alpha channel."""


def counted(numbers: Any) -> Counts:
    """Counts of a list of numbers.

    Raises:
        ValueError: they are not whole numbers from 0.
    """
    try:
        counts = np.asarray(numbers)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("its runs are not a list of whole numbers") from error
    if counts.ndim != 1 or (
        counts.size and (counts.dtype.kind not in "iu" or not 0 <= counts.min() <= counts.max() < 2**40)
    ):
        raise ValueError("its runs are not a list of whole numbers from 0")
    return counts.astype(np.int64)


def mask_of_counts(counts: Counts, size: tuple[int, int], *, by_columns: bool) -> NDArray[np.bool_]:
    """The mask [H,W] of runs.

    Args:
        counts: of all of its pixels.
        size: (height, width).
        by_columns: whether runs go down the columns (COCO) or along the rows (CVAT).

    Raises:
        ValueError: there are more or fewer pixels.
    """
    height, width = size
    if int(counts.sum()) != height * width:
        raise ValueError(f"its runs have {int(counts.sum()):,} pixels and the mask is {width}x{height}")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T if by_columns else flat.reshape(height, width)


def counts_of_mask(mask: NDArray[np.bool_], *, by_columns: bool) -> Counts:
    """The runs of a mask [H,W], as :func:`mask_of_counts` reads them."""
    flat = (mask.T if by_columns else mask).ravel()
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], changes, [flat.size]]))
    return np.concatenate([[0], counts]) if flat.size and flat[0] else counts


def counts_of_string(text: str) -> Counts:
    """Read COCO's compressed runs (``rleFrString`` of its ``maskApi.c``): differences, 5 bits per character.

    Raises:
        ValueError: other characters, a string that is cut off, or numbers that no picture has.
    """
    codes = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).astype(np.int64) - 48
    if not codes.size:
        return np.zeros(0, np.int64)
    if codes.min() < 0 or codes.max() > 63 or codes[-1] & 32:
        raise ValueError("its compressed runs are cut off or damaged")
    last = np.flatnonzero(codes & 32 == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = last - first + 1
    if lengths.max() > _MOST_CHUNKS:
        raise ValueError("its compressed runs are damaged")
    place = np.arange(len(codes)) - np.repeat(first, lengths)
    values = np.add.reduceat((codes & 31) << _CHUNK_BITS * place, first)
    negative = codes[last] & 16 != 0
    values[negative] -= np.int64(1) << _CHUNK_BITS * lengths[negative]
    values[1::2] = np.cumsum(values[1::2])  # from the fourth on, differences from the number two before
    values[2::2] = np.cumsum(values[2::2])
    return counted(values)


def string_of_counts(counts: Counts) -> str:
    """Write runs as :func:`counts_of_string` reads them."""
    rest = counts.copy()
    rest[3:] -= counts[1:-2]
    codes = np.zeros((len(counts), _MOST_CHUNKS), np.int64)
    written = np.zeros((len(counts), _MOST_CHUNKS), np.bool_)
    more = np.ones(len(counts), np.bool_)
    for chunk in range(_MOST_CHUNKS):
        written[:, chunk] = more
        low = rest & 31
        rest >>= _CHUNK_BITS
        more &= np.where(low & 16, rest != -1, rest != 0)
        codes[:, chunk] = low | np.where(more, 32, 0)
    return (codes[written] + 48).astype(np.uint8).tobytes().decode("ascii")


def mask_of_brush(numbers: Sequence[int], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask [H,W] of Label Studio's brush: runs of bits, as the package ``rle-pack`` of thi.ng/umbrella packs them.

    Args:
        numbers: bytes, 0 to 255.
        size: (height, width).

    Raises:
        ValueError: damaged, cut off, or of another size.
    """
    packed = counted(numbers)
    if packed.size and packed.max() > 255:
        raise ValueError("its runs are not bytes")
    bits = _Bits(packed.astype(np.uint8))
    height, width = size
    total, word = bits.number(32), bits.number(5) + 1
    sizes = [bits.number(4) + 1 for _ in range(4)]
    if total != height * width * _CHANNELS or word > 16:
        raise ValueError(
            f"its runs have {total:,} values, and {width}x{height} pixels of {_CHANNELS} channels have more or fewer"
        )
    values, lengths, done = list[NDArray[np.int64]](), list[NDArray[np.int64]](), 0
    while done < total:  # one run, or one stretch of different values, per turn
        repeated = bits.number(1)
        length = bits.number(sizes[bits.number(2)]) + 1
        values.append(bits.words(1 if repeated else length, word))
        lengths.append(np.array([length]) if repeated else np.ones(length, np.int64))
        done += length
    if done != total:
        raise ValueError("its runs are damaged: they are longer than the picture")
    flat = np.repeat(np.concatenate(values) > 0, np.concatenate(lengths))
    return flat[_ALPHA::_CHANNELS].reshape(height, width)


class _Bits:
    """Reads numbers of some bits one after the other, the highest bit first."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self._bytes, self._bits, self._place = data.tobytes(), np.unpackbits(data), 0

    def number(self, bits: int) -> int:
        first, last = self._taken(bits)
        whole = int.from_bytes(self._bytes[first >> 3 : (last + 7) >> 3])
        return whole >> (-last % 8) & ((1 << bits) - 1)

    def words(self, count: int, bits: int) -> NDArray[np.int64]:
        first, last = self._taken(count * bits)
        powers = np.int64(1) << np.arange(bits - 1, -1, -1)
        return np.asarray(self._bits[first:last].reshape(count, bits) @ powers, np.int64)

    def _taken(self, bits: int) -> tuple[int, int]:
        first, self._place = self._place, self._place + bits
        if self._place > len(self._bits):
            raise ValueError("its runs are cut off")
        return first, self._place

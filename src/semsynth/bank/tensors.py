"""Safetensors files as arrays in memory maps, and written in pieces: a bank may be larger than the memory.

The format: eight bytes with the length of a JSON header (little endian), the header with type, shape and place of every
tensor, and the tensors. Source: the safetensors documentation, section *Format*.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from semsynth.config import Config, validated
from semsynth.documents import parse_json
from semsynth.errors import SemsynthError
from semsynth.files import opened, write_atomically

Array = NDArray[Any]
Expected = Mapping[str, tuple[type[np.generic], tuple[int, ...]]]
"""Type and shape of tensors by name."""

_TYPES = {"U8": np.uint8, "U16": np.uint16, "I32": np.int32, "I64": np.int64, "U64": np.uint64}
"""Names of number types in the format."""
_NAMES = {np.dtype(dtype): name for name, dtype in _TYPES.items()}
_LARGEST_HEADER = 2**20
"""Bytes; a bank's files have a handful of tensors."""
_ALIGNMENT = 8
"""Bytes: the header's length is a multiple of it, so that numbers can be read where they lie."""


class _Tensor(Config):
    """One entry of a header."""

    dtype: str
    shape: tuple[int, ...] = Field(max_length=8)
    data_offsets: tuple[int, int]


@dataclass(frozen=True)
class Pieces:
    """A tensor that is written piece by piece."""

    shape: tuple[int, ...]
    dtype: type[np.generic]
    pieces: Iterable[Array]
    """Its parts along the first axis, in order."""


def write_tensors(path: Path, tensors: Mapping[str, Array | Pieces]) -> None:
    """Write a safetensors file, atomically; of a tensor in pieces one piece is in memory at a time.

    Raises:
        SemsynthError: the file cannot be written.
    """
    whole = {name: one if isinstance(one, Pieces) else _whole(one) for name, one in tensors.items()}
    # The format has no gaps between tensors: wide numbers first, so that all are aligned.
    given = dict(sorted(whole.items(), key=lambda item: -np.dtype(item[1].dtype).itemsize))
    header, end = {}, 0
    for name, one in given.items():
        start, end = end, end + math.prod(one.shape) * np.dtype(one.dtype).itemsize
        header[name] = {"dtype": _NAMES[np.dtype(one.dtype)], "shape": list(one.shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)

    def write(partial: Path) -> None:
        with partial.open("wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            for one in given.values():
                for piece in one.pieces:
                    file.write(np.ascontiguousarray(piece, one.dtype).data)

    write_atomically(path, write)


def map_tensors(path: Path, expected: Expected) -> dict[str, Array]:
    """The tensors of a safetensors file as read-only views of a memory map.

    Args:
        path: the file.
        expected: type and shape of each tensor.

    Raises:
        SemsynthError: the file is missing or damaged, or holds other tensors.
    """
    with opened(path) as file:
        length = int.from_bytes(file.read(8), "little")
        text = file.read(length) if length <= _LARGEST_HEADER else b""
    damaged = "build the bank again, or restore the file"
    header = parse_json(text, f"{path} is damaged: its header", damaged)
    found = {
        name: validated(_Tensor, entry, f"{path}, tensor '{name}'")
        for name, entry in (header if isinstance(header, dict) else {}).items()
    }
    size = path.stat().st_size - 8 - length
    for name, (dtype, shape) in expected.items():
        wanted = math.prod(shape) * np.dtype(dtype).itemsize
        one = found.get(name)
        if one is None or _TYPES.get(one.dtype) is not dtype or one.shape != shape:
            raise SemsynthError(f"{path} does not hold the tensor '{name}' of shape {list(shape)}: {damaged}")
        start, end = one.data_offsets
        aligned = (8 + length + start) % np.dtype(dtype).itemsize == 0
        if not (start >= 0 and end - start == wanted and end <= size and aligned):
            raise SemsynthError(f"{path} is damaged: the tensor '{name}' lies outside the file: {damaged}")
    if not size:
        return {name: np.zeros(shape, dtype) for name, (dtype, shape) in expected.items()}
    data = np.memmap(path, np.uint8, "r", offset=8 + length)
    mapped = {}
    for name, (dtype, shape) in expected.items():
        start, end = found[name].data_offsets
        mapped[name] = np.asarray(data[start:end]).view(dtype).reshape(shape)
    return mapped


def _whole(array: Array) -> Pieces:
    return Pieces(array.shape, array.dtype.type, (array,))

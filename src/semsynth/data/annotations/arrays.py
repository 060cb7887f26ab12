"""Arrays of numbers in ``.npy``, ``.npz`` and ``.mat`` files, read within limits and without running anything.

Of MATLAB's files those that ``save`` writes without ``-v7.3`` are read (level 5 of "MAT-File Format"), and of these
numeric arrays alone.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from semsynth.errors import SemsynthError, shortened
from semsynth.files import read_bytes
from semsynth.images import MAX_PIXELS

ARRAY_SUFFIXES = (".npy", ".npz", ".mat")
_BYTES = 2**30
"""Of a file, and of an array: more than ``MAX_PIXELS`` take as doubles."""
_MOST_MEMBERS = 1000
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Data types of MATLAB's files -> NumPy's."""
_NUMERIC = range(6, 16)
"""Classes of arrays that hold numbers; others are cells, structures, objects, text and sparse ones."""


def read_array(path: Path, name: str | None = None) -> NDArray[np.integer]:
    """The whole numbers [H,W] in a file.

    Args:
        path: a ``.npy``, ``.npz`` or ``.mat`` file.
        name: which array of several; None: the only one with two axes.

    Raises:
        SemsynthError: unreadable, several arrays, or one that is no label map.
    """
    data = read_bytes(path, _BYTES)
    try:
        if path.suffix.lower() == ".npy":
            found = {"": _npy(io.BytesIO(data))}
        else:
            found = dict(_npz(data, name) if path.suffix.lower() == ".npz" else _mat(data))
        return _chosen(found, name)
    except Exception as error:  # NumPy hands on what Python's tokenizer raises, and zipfile several kinds
        raise SemsynthError(f"{path}: {shortened(error) or type(error).__name__}; save it again") from error


def _chosen(found: dict[str, NDArray[np.generic]], name: str | None) -> NDArray[np.integer]:
    if name is not None and name not in found and "" not in found:
        raise ValueError(f"it has no array '{shortened(name)}', but {shortened(', '.join(found)) or 'none'}")
    maps = {key: array for key, array in found.items() if name in (None, key) or key == ""}
    flat = {key: np.squeeze(array) if array.ndim > 2 else array for key, array in maps.items()}
    flat = {key: array for key, array in flat.items() if array.ndim == 2 and array.size} if len(flat) > 1 else flat
    if len(flat) != 1:
        raise ValueError(
            f"it has {len(flat)} arrays of two axes ({shortened(', '.join(flat)) or 'none'}): name one with `array`"
        )
    array = next(iter(flat.values()))
    if array.ndim != 2 or not array.size:
        raise ValueError(f"its array has the shape {array.shape}, and a label map is height x width")
    if array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.round(array)).all():
        array = array.astype(np.int64)  # MATLAB's numbers are doubles unless one says otherwise
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if array.dtype.kind not in "iu":
        raise ValueError(f"its array holds {array.dtype}, and a label map holds whole numbers")
    return cast("NDArray[np.integer]", array)


def _npy(file: BinaryIO) -> NDArray[np.generic]:
    """The array, whose size is checked before memory is taken for it; pickled objects are refused."""
    version = npy.read_magic(file)
    shape, _, dtype = npy.read_array_header_1_0(file) if version == (1, 0) else npy.read_array_header_2_0(file)
    if dtype.hasobject or dtype.kind not in "biuf":
        raise ValueError(f"its array holds {shortened(dtype)}, and a label map holds numbers")
    if math.prod(shape) > MAX_PIXELS:
        raise ValueError(f"its array has the shape {shape}: more than {MAX_PIXELS:,} pixels")
    file.seek(0)
    return np.asarray(npy.read_array(file, allow_pickle=False))


def _npz(data: bytes, name: str | None) -> Iterator[tuple[str, NDArray[np.generic]]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [one for one in archive.infolist() if one.filename.endswith(".npy")][:_MOST_MEMBERS]
        for member in members:
            key = member.filename.removesuffix(".npy")
            if name in (None, key):
                with archive.open(member) as file:
                    content = file.read(_BYTES + 1)  # whatever the archive says of the size
                if len(content) > _BYTES:
                    raise ValueError(f"its array '{shortened(key)}' has more than {_BYTES:,} bytes")
                yield key, _npy(io.BytesIO(content))


def _mat(data: bytes) -> Iterator[tuple[str, NDArray[np.generic]]]:
    if data[:4] == b"\x89HDF" or data[512:516] == b"\x89HDF" or b"MATLAB 7.3" in data[:128]:
        raise ValueError("it is a MATLAB file of version 7.3: save it with save(..., '-v7')")
    if len(data) < 128 or data[126:128] not in (b"IM", b"MI"):
        raise ValueError("it is not a MATLAB file, or damaged")
    order = "<" if data[126:128] == b"IM" else ">"
    for kind, content in _elements(data[128:], order):
        if kind == _COMPRESSED:
            unpacker = zlib.decompressobj()
            content = unpacker.decompress(content, _BYTES)
            if unpacker.unconsumed_tail:
                raise ValueError(f"an array in it has more than {_BYTES:,} bytes")
            kind, content = next(_elements(content, order))
        if kind == _MATRIX and (array := _matrix(content, order)) is not None:
            yield array


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Type and content of the elements one after the other; those of 4 bytes and less are packed into their tag."""
    place = 0
    while place + 8 <= len(data):
        kind, length = struct.unpack_from(order + "II", data, place)
        if small := kind >> 16:
            yield kind & 0xFFFF, data[place + 4 : place + 4 + min(small, 4)]
            place += 8
            continue
        content = data[place + 8 : place + 8 + length]
        if len(content) < length:
            raise ValueError("it is cut off")
        yield kind, content
        place += 8 + length + (-length % 8 if kind != _COMPRESSED else 0)


def _matrix(content: bytes, order: str) -> tuple[str, NDArray[np.generic]] | None:
    """Name and values of an array; None of those that hold no numbers."""
    parts = _elements(content, order)
    (_, flags), (_, dimensions), (_, name) = next(parts), next(parts), next(parts)
    number_class = struct.unpack_from(order + "I", flags)[0] & 0xFF
    shape = tuple(np.frombuffer(dimensions, order + "i4").tolist())
    if number_class not in _NUMERIC or any(side < 0 for side in shape) or math.prod(shape) > MAX_PIXELS:
        return None
    kind, values = next(parts)
    if kind not in _NUMBERS:
        return None
    array = np.frombuffer(values, order + _NUMBERS[kind])
    return name.decode("latin-1"), array.reshape(shape, order="F")

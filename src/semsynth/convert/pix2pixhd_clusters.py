"""Official files of clustered features (``features_clustered_010.npy``): NumPy arrays in a pickled dictionary.

A pickle can name any function and have it called, and even NumPy's own unpickling trusts what a file says about memory.
So neither happens here: the few names that arrays need stand for the classes below, which copy plain numbers.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsynth.errors import SemsynthError
from semsynth.files import explained

_NUMBERS = re.compile(r"[fiu][1248]")


class _Type:
    """Stands for ``numpy.dtype``."""

    def __init__(self, name: str, *_: object) -> None:
        self.name, self.order = str(name), "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = str(state[1])

    def numbers(self, data: bytes | str) -> NDArray[Any]:
        """[n]: the numbers whose bytes are ``data``; Python 2 wrote these as text."""
        if not _NUMBERS.fullmatch(self.name):
            raise pickle.UnpicklingError(f"it holds values of type {self.name}")
        raw = data.encode("latin1") if isinstance(data, str) else data
        return np.frombuffer(raw, np.dtype(self.name).newbyteorder(self.order))  # type: ignore[arg-type]


class _Array:
    """Stands for ``numpy.ndarray`` and for the function that makes empty ones."""

    def __init__(self, *_: object) -> None:
        self.shape: tuple[int, ...] = ()
        self.type, self.fortran, self.data = _Type("O"), False, b""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.type, self.fortran, self.data = state

    def boxed(self) -> Any:
        """What an array of one object and no axes holds."""
        if self.shape != () or not isinstance(self.data, list) or len(self.data) != 1:
            raise ValueError("it is no array of one object")
        return self.data[0]

    def table(self) -> NDArray[np.float64]:
        """The array, with two axes and finite numbers."""
        numbers = self.type.numbers(self.data).astype(np.float64)
        if len(self.shape) != 2:
            raise ValueError(f"an array of it has shape {list(self.shape)} instead of [k,F]")
        if not np.isfinite(numbers).all():
            raise ValueError("it holds NaN or infinity")
        return numbers.reshape(self.shape, order="F" if self.fortran else "C")


def _scalar(kind: _Type, data: bytes | str) -> int | float:
    """Stands for the function that makes NumPy's single numbers."""
    value: int | float = kind.numbers(data)[0].item()
    return value


def _latin1(text: str, encoding: str) -> bytes:
    """Stands for ``_codecs.encode``, by which protocol 2 writes bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it encodes text as {encoding}")
    return text.encode("latin1")


_STAND_INS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _latin1,
    # NumPy 1 calls ``core`` what NumPy 2 calls ``_core``.
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "scalar"): _scalar,
}


class _ArraysOnly(pickle.Unpickler):
    """Reads plain containers and arrays; any other name in the pickle is refused before it can run."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name stands for."""
        if (module, name) not in _STAND_INS:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _STAND_INS[module, name]


def read_clusters(path: Path) -> dict[int, NDArray[np.float64]]:
    """Read official ``features_clustered_010.npy``: a pickled dictionary of class -> [k,F] cluster centres.

    Only containers and numbers are read; nothing that the file names is run.

    Raises:
        SemsynthError: unreadable, not such a dictionary, or a pickle that names anything but arrays.
    """
    with explained(path, "cannot read"):
        data = path.read_bytes()
    try:
        return _clusters(data)
    except Exception as error:  # a damaged pickle raises almost anything
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise SemsynthError(
            f"{path} is no file of clustered features that can be read safely ({reason}); nothing in it was run: give "
            "the official features_clustered_010.npy, or fit new styles with 'semsynth styles fit'"
        ) from error


def _clusters(data: bytes) -> dict[int, NDArray[np.float64]]:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    _, _, dtype = header(stream)
    if dtype != np.dtype(object):
        raise ValueError(f"it is an array of {dtype}")
    found = _ArraysOnly(stream, encoding="latin1").load()
    clusters = found.boxed() if isinstance(found, _Array) else found
    if not isinstance(clusters, dict) or not all(isinstance(key, int) for key in clusters):
        raise ValueError("it is no dictionary of class numbers")
    if not all(isinstance(value, _Array) for value in clusters.values()):
        raise ValueError("it holds other things than arrays")
    return {label: centres.table() for label, centres in clusters.items()}

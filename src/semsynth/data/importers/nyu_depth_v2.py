"""NYU Depth v2: photos, labels and instances in one MATLAB file, and 40 classes by Gupta et al.'s mapping.

The labelled set has 894 names; ``classMapping40.mat`` (Gupta, Arbelaez and Malik, CVPR 2013) says which of 40 classes
each of them belongs to. CRN and pix2pixHD train on the first 1,200 of the 1,449 pictures and test on the other 249
(CRN's paper, section 5; pix2pixHD's, appendix A), in the file's order; ``splits.mat`` has the data set's own division.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import VOID, builtin
from semsynth.data.importers.ids import instance_map, translated
from semsynth.data.importers.pairs import Listing, Pair, own_instances
from semsynth.data.source_files import required
from semsynth.errors import SemsynthError
from semsynth.extras import require
from semsynth.images import encode_png
from semsynth.layout import Layout

if TYPE_CHECKING:
    import h5py

DATA_FILE = "nyu_depth_v2_labeled.mat"
MAPPING_FILE = "classMapping40.mat"
TRAIN_PICTURES = 1200
"""Of the papers; the rest is their test set."""
CROP = (slice(44, 471), slice(40, 601))
"""The part that the depth camera sees (``get_projection_mask.m`` of the toolbox): 561x427, as pix2pixHD has it."""

_PAGE = "https://cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html"


class NyuFile:
    """The labelled MATLAB file; pictures are read one at a time, by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            SemsynthError: not installed, missing, damaged, or another file.
        """
        require("nyu", "NYU's .mat file", "h5py")
        import h5py

        self.path = path
        self._lock = Lock()
        try:
            self._file: h5py.File = h5py.File(path, "r")
        except OSError as error:
            raise SemsynthError(
                f"{path} is damaged or no MATLAB 7.3 file ({error}): download it from {_PAGE}"
            ) from None
        missing = [name for name in ("images", "labels", "instances") if name not in self._file]
        if missing:
            raise SemsynthError(f"{path} holds no {', '.join(missing)}: give {DATA_FILE} of {_PAGE}")

    def __len__(self) -> int:
        """Number of pictures."""
        return int(self._file["images"].shape[0])

    def read(self, name: str, index: int) -> NDArray[np.integer]:
        """Picture ``index`` of ``images`` ([H,W,3]), ``labels`` or ``instances`` ([H,W])."""
        with self._lock:  # HDF5 reads one at a time anyway
            try:
                stored: NDArray[np.integer] = self._file[name][index]
            except OSError as error:
                raise SemsynthError(
                    f"{self.path}: {name} {index + 1} is damaged ({error}): download it again"
                ) from None
        return stored.transpose()  # MATLAB's axes are stored in reverse: [W,H] and [3,W,H]


def list_nyu_depth_v2(
    source: Path, mapping: Path | None = None, splits: Path | None = None, *, crop: bool = False
) -> Listing:
    """List NYU Depth v2 with the class set ``nyu_depth_v2_40``; names are the pictures' numbers from 1 on.

    Args:
        source: the folder with ``nyu_depth_v2_labeled.mat``.
        mapping: ``classMapping40.mat``; default in ``source``.
        splits: ``splits.mat``, whose 795 and 654 pictures become ``train`` and ``val``; default the papers' 1,200
            and 249.
        crop: cut the white border of the photos off, 561x427.

    Raises:
        SemsynthError: h5py is not installed, a file is missing or another one.
    """
    path = required(source / DATA_FILE, f"it is the labelled data set of {_PAGE}")
    origin = (
        "it maps NYU's 894 labels to the 40 classes of Gupta et al., CVPR 2013; "
        "https://github.com/ankurhanda/nyuv2-meta-data has it; put it beside the data or name it with `mapping`"
    )
    meaning = read_mapping(required(mapping or source / MAPPING_FILE, origin))
    file = NyuFile(path)
    part = CROP if crop else (slice(None), slice(None))
    pairs = [
        Pair(
            split,
            f"{index + 1:04d}",
            partial(_photo, file, index, part),
            partial(_layout, file, index, part, meaning),
            own_instances,
            (path,),
        )
        for split, indices in _divided(len(file), splits).items()
        for index in indices
    ]
    return Listing(tuple(pairs), builtin("nyu_depth_v2_40"))


def read_mapping(path: Path) -> dict[int, int]:
    """Label of the data set, from 1 on -> class, 1..40; 0 is void.

    Raises:
        SemsynthError: unreadable, or without ``mapClass``.
    """
    classes = _matrix(path, "mapClass")
    if ((classes < 1) | (classes > 40)).any():
        raise SemsynthError(
            f"{path}: mapClass holds {classes.min()} to {classes.max()}, not 1 to 40: give {MAPPING_FILE}"
        )
    return {0: VOID} | {label: int(item) for label, item in enumerate(classes, 1)}


def _divided(count: int, splits: Path | None) -> dict[str, list[int]]:
    """Split -> indices from 0 on."""
    if splits is None:
        return {"train": list(range(count))[:TRAIN_PICTURES], "val": list(range(count))[TRAIN_PICTURES:]}
    found = {"train": _matrix(splits, "trainNdxs"), "val": _matrix(splits, "testNdxs")}
    for numbers in found.values():
        if ((numbers < 1) | (numbers > count)).any():
            raise SemsynthError(
                f"{splits} names picture {numbers.max()}, and there are {count}: give the set's splits.mat"
            )
    return {split: (numbers - 1).tolist() for split, numbers in found.items()}


def _matrix(path: Path, name: str) -> NDArray[np.int64]:
    """A vector of a MATLAB 5 file."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    required(path, "check the path")
    try:
        values = loadmat(path, variable_names=[name])[name]
        return np.asarray(values, np.int64).ravel()
    except (OSError, ValueError, LookupError, TypeError, NotImplementedError, MatReadError) as error:
        raise SemsynthError(f"{path} holds no vector {name} ({error!r}): restore the official file") from None


def _photo(file: NyuFile, index: int, part: tuple[slice, slice]) -> bytes:
    return encode_png(np.ascontiguousarray(file.read("images", index)[part].astype(np.uint8)))


def _layout(file: NyuFile, index: int, part: tuple[slice, slice], meaning: dict[int, int]) -> Layout:
    numbers = file.read("labels", index)[part].astype(np.int64)
    labels = translated(numbers, meaning, file.path)
    # An object is a label with an instance number; parts that were not told apart have number 0.
    instances = file.read("instances", index)[part].astype(np.int64)
    objects = np.where(instances > 0, numbers * 256 + instances, -1)
    return Layout(labels, builtin("nyu_depth_v2_40"), instance_map(labels, objects))

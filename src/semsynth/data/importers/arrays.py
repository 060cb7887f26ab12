"""Label maps as arrays: ``images/NAME.jpg`` beside ``labels/NAME.npy``, ``.npz`` or ``.mat``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from semsynth.classes import ClassSet
from semsynth.data.annotations.arrays import ARRAY_SUFFIXES, read_array
from semsynth.data.annotations.files import files_below
from semsynth.data.annotations.photos import Photos, split_in
from semsynth.data.folder import named_classes
from semsynth.data.importers.pairs import Listing, Pair
from semsynth.data.importers.records import Broken, listing_of
from semsynth.errors import SemsynthError
from semsynth.images import picture_header
from semsynth.layout import Layout, pixels
from semsynth.layout.label_files import labels_of_pixels
from semsynth.layout.legend import Legend


def list_arrays(
    source: Path,
    classes: str | ClassSet | None = None,
    *,
    array: str | None = None,
    label_suffix: str = "",
    void: int | str | Iterable[int | str] | None = None,
    meaning: Iterable[str] = (),
    val_share: float | None = None,
    photos: Path | None = None,
    skip_broken: bool = False,
) -> Listing:
    """List label maps that are arrays of ids [H,W], and their photographs.

    Args:
        source: the folder of the arrays and photographs, in sub-folders or not.
        classes: what the ids mean; by default ``classes.json`` in ``source``.
        array: which array of a file with several.
        label_suffix: how the arrays' names end after the photograph's name, for example ``_mask``.
        void: numbers that mean "no class", besides 255 (8 bit) and 65535.
        meaning: what other numbers mean, as :meth:`Legend.said` reads it.
        val_share: about how many go to ``val``; None: none.
        photos: where the photographs lie, if not in ``source``.
        skip_broken: whether arrays that cannot be read or have no photograph are left out.

    Raises:
        SemsynthError: no arrays, a photograph is missing, or the classes cannot be read.
    """
    files = found_files(source)
    if not files:
        raise SemsynthError(f"{source} holds no label maps in {', '.join(ARRAY_SUFFIXES)} files")
    class_set = named_classes(classes, source)
    legend = Legend.said(class_set, None, meaning, void)
    listed, broken, pairs = Photos(photos or source), Broken(skip_broken), list[Pair]()
    for path in files:
        with broken.guarded(str(path)):
            stem = unicodedata.normalize("NFC", path.stem)
            if not stem.endswith(label_suffix):
                raise SemsynthError(f"its name does not end in '{label_suffix}'")
            photo = listed.find("/".join((*path.parts[:-1], stem.removesuffix(label_suffix) + ".jpg")), path)
            split = listed.split(photo) or split_in(path.relative_to(source).parts[:-1]) or ""
            pairs.append(
                Pair(split, listed.name(photo), photo, partial(_read, path, array, legend, photo), None, (path,))
            )
    left_out = broken.left_out(source, len(pairs))
    return replace(listing_of(source, pairs, class_set, val_share), left_out=left_out, skip_broken=skip_broken)


def found_files(source: Path) -> list[Path]:
    """Files of arrays in ``source``."""
    return [path for suffix in ARRAY_SUFFIXES for path in files_below(source, suffix)]


def _read(path: Path, array: str | None, legend: Legend, photo: Path) -> Layout:
    numbers, size = read_array(path, array), picture_header(photo).size
    if numbers.shape != size:
        raise SemsynthError(f"{path} is {pixels(numbers.shape)}, and {photo} is {pixels(size)}: they must be equal")
    if numbers.dtype.itemsize > 1 and numbers.max() <= np.iinfo(np.uint8).max and numbers.min() >= 0:
        numbers = numbers.astype(np.uint8)  # the type says little: 255 is void as in maps of 8 bits
    try:
        return Layout(labels_of_pixels(numbers, legend), legend.classes)
    except SemsynthError as error:
        raise SemsynthError(f"{path}: {error}") from error

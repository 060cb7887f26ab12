"""Numbers of official files -> ids of class sets and of instances."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import VOID, VOID_8BIT, ClassSet
from semsynth.errors import SemsynthError
from semsynth.images import read_image_bytes
from semsynth.layout import Layout
from semsynth.layout.label_files import decode_numbers, holds_colors
from semsynth.layout.legend import Legend

FIRST_OBJECT = 256
"""The first instance id of a counted object: below lie class ids, and `VOID_8BIT` for no class."""
_SHOWN = 8
"""How many numbers a message lists."""


def translated(numbers: NDArray[np.integer], meaning: Mapping[int, int], source: Path) -> NDArray[np.uint16]:
    """Give official numbers the ids of a class set.

    Args:
        numbers: [H,W], as the file holds them.
        meaning: number -> id of the class set, or ``VOID``.
        source: the file, for messages.

    Returns:
        [H,W] ids.

    Raises:
        SemsynthError: numbers without a meaning.
    """
    known = np.array(sorted(meaning))
    ids = np.array([meaning[number] for number in known.tolist()], np.uint16)
    nearest = np.searchsorted(known, numbers).clip(max=len(known) - 1)
    unknown = numbers[known[nearest] != numbers]
    if unknown.size:
        values, counts = np.unique(unknown, return_counts=True)
        found = ", ".join(f"{value} ({n} pixels)" for value, n in zip(values[:_SHOWN], counts[:_SHOWN], strict=True))
        more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
        raise SemsynthError(
            f"{source} holds ids that the data set does not have: {found}{more}; restore the file from the download"
        )
    found_ids: NDArray[np.uint16] = ids[nearest]
    return found_ids


def read_official(path: Path, classes: ClassSet, meaning: Mapping[int, int]) -> Layout:
    """Read an official label map of ids, or a copy of it in the class set's colours.

    Args:
        path: the file.
        classes: the ids that the map gets.
        meaning: as of :func:`translated`.

    Raises:
        SemsynthError: unreadable, ids without a meaning, or colours outside the class set.
    """
    if holds_colors(path):
        return Layout.open(path, classes)
    numbers = decode_numbers(read_image_bytes(path), Legend(classes, numbers=meaning), str(path))
    return Layout(translated(numbers, meaning, path), classes)


def instance_map(labels: NDArray[np.uint16], objects: NDArray[np.integer]) -> NDArray[np.int32]:
    """Number the objects of a label map so that no number is that of a class.

    Args:
        labels: [H,W] ids, or ``VOID``.
        objects: [H,W], equal within an object and from 0 on; negative where nothing is counted (stuff, crowds).

    Returns:
        [H,W]: ``FIRST_OBJECT`` and more for objects, in the order of their numbers (more than the largest class id,
        where that is larger); the class id where nothing is counted, and 255 for void.
    """
    instances = np.where(labels == VOID, np.int32(VOID_8BIT), labels.astype(np.int32))
    counted = (objects >= 0) & (labels != VOID)
    numbers = objects[counted]
    present = np.zeros(int(numbers.max(initial=-1)) + 1, np.bool_)
    present[numbers] = True
    ranks = np.cumsum(present) - 1  # [largest number + 1]
    first = max(FIRST_OBJECT, int(labels[labels != VOID].max(initial=0)) + 1)
    instances[counted] = first + ranks[numbers]
    return instances

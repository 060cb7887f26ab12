"""ADE20K in its two forms.

The scene parsing challenge of 2016 (``ADEChallengeData2016``): label maps of 150 classes, 0 for all else. Instance maps
exist where ``annotations_instance`` of the Places challenge of 2017 was unpacked beside ``annotations``.

The full data set (``ADE20K_2021_17_01``): every ``NAME_seg.png`` holds one of 3,688 classes in red and green and the
object's number in blue (``utils/utils_ade20k.py`` of CSAILVision/ADE20K). Which of them are the challenge's 150 is
the challenge's own table, ``mapFromADE.txt``; nothing is guessed from names, and all other classes become void.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import VOID, builtin
from semsynth.data.importers.ids import instance_map, read_official
from semsynth.data.importers.pairs import Instances, Listing, MissingSplits, Pair, matched, own_instances
from semsynth.data.listing import list_pictures
from semsynth.data.source_files import read_lines, required
from semsynth.errors import SemsynthError
from semsynth.images import decode_image
from semsynth.layout import Layout
from semsynth.layout.label_files import read_instances

SPLITS = {"train": "training", "val": "validation"}
"""Ours -> the folders' names."""
MAPPING_FILE = "mapFromADE.txt"

_CHALLENGE = ("", "ADEChallengeData2016")
_FULL = ("images/ADE", "ADE20K_2021_17_01/images/ADE")
_NUM_INDICES = 26 * 256
"""Red / 10 is at most 25."""


def list_ade20k(source: Path, mapping: Path | None = None) -> Listing:
    """List ADE20K with the class set ``ade20k``.

    Args:
        source: the folder that ADEChallengeData2016.zip or the full data set was unpacked into, or the one inside.
        mapping: the full form's table of challenge class and index, two columns; default ``SOURCE/mapFromADE.txt``.

    Raises:
        SemsynthError: neither form is there, the table is missing or malformed, or files do not pair.
    """
    for name in _CHALLENGE:
        if (source / name / "annotations").is_dir():
            if mapping is not None:
                raise SemsynthError(f"{source} holds the challenge's form, which needs no `mapping`: leave it out")
            return _list_challenge(source / name)
    for name in _FULL:
        if any((source / name / folder).is_dir() for folder in SPLITS.values()):
            origin = (
                "it says which of the full data set's classes are the 150 of the challenge; "
                "https://github.com/CSAILVision/sceneparsing has it in convertFromADE/ (or name it with `mapping`)"
            )
            return _list_full(source / name, required(mapping or source / MAPPING_FILE, origin))
    raise SemsynthError(
        f"{source} holds neither annotations/training (ADEChallengeData2016.zip of http://sceneparsing.csail.mit.edu) "
        "nor images/ADE/training (the full data set of https://groups.csail.mit.edu/vision/datasets/ADE20K)"
    )


def read_mapping(path: Path) -> dict[int, int]:
    """Index of the full data set -> challenge class, 1..150, from two columns: class and index.

    Raises:
        SemsynthError: a line without two numbers, or a class outside the challenge.
    """
    classes = set(builtin("ade20k").ids.tolist())
    meaning = {}
    for line in read_lines(path):
        columns = [int(column) for column in line.split() if column.isdecimal()]
        if len(columns) != 2 or columns[0] not in classes or columns[1] >= _NUM_INDICES:
            raise SemsynthError(f"{path}: '{line}' is not a class from 1 to 150 and an index: give {MAPPING_FILE}")
        meaning[columns[1]] = columns[0]
    return meaning


def _list_challenge(root: Path) -> Listing:
    pairs: list[Pair] = []
    missing = MissingSplits(root)
    for split, folder in SPLITS.items():
        labels = root / "annotations" / folder
        photos = root / "images" / folder
        if labels.is_dir() and not missing.lacks(split, photos, f"{photos}; ADEChallengeData2016.zip has both"):
            objects = root / "annotations_instance" / folder
            found = list_pictures(objects) if objects.is_dir() else None
            pairs += matched(split, list_pictures(photos), list_pictures(labels), found, root, _read)
    notes = missing.notes(pairs)
    if not pairs:
        raise SemsynthError(f"{root / 'annotations'} holds neither {' nor '.join(SPLITS.values())}: unpack it again")
    return Listing(tuple(_with_objects(pair) for pair in pairs), builtin("ade20k"), notes)


def _read(path: Path) -> Layout:
    """0 is "other", no class of the challenge."""
    classes = builtin("ade20k")
    meaning = {0: VOID} | {int(number): int(number) for number in classes.ids}
    return read_official(path, classes, meaning)


def _with_objects(pair: Pair) -> Pair:
    if not isinstance(pair.instances, Path):
        return pair
    made: Instances = partial(_challenge_objects, pair.instances)
    return replace(pair, instances=made, sources=(*pair.sources, pair.instances))


def _challenge_objects(path: Path, layout: Layout) -> NDArray[np.int32]:
    """Green numbers the objects of all classes of a picture from 1 on (placeschallenge, ``instancesegmentation``)."""
    green = (read_instances(path) >> 8) & 0xFF
    if green.shape != layout.size:
        raise SemsynthError(f"{path} has another size than its label map: restore both from the downloads")
    # What spans two classes of the label map becomes two objects: it is annotated apart from that map.
    return instance_map(layout.labels, np.where(green > 0, green * 256 + layout.labels, -1))


def _list_full(root: Path, mapping: Path) -> Listing:
    meaning = read_mapping(mapping)
    pairs: list[Pair] = []
    for split, folder in SPLITS.items():
        labels = _by_name(root / folder, "_seg.png")
        images = _by_name(root / folder, ".jpg")
        pairs += matched(split, images, labels, None, root, partial(_read_full, meaning))
    if not pairs:
        raise SemsynthError(f"{root} holds no NAME_seg.png: unpack the data set again")
    return Listing(tuple(replace(pair, instances=own_instances) for pair in pairs), builtin("ade20k"))


def _by_name(folder: Path, ending: str) -> dict[str, Path]:
    """Name -> file; the scenes' folders lie one or two levels deep."""
    return {path.name.removesuffix(ending): path for path in sorted(folder.rglob(f"ADE_*{ending}"))}


def _read_full(meaning: Mapping[int, int], path: Path) -> Layout:
    colors = decode_image(path).astype(np.int32)  # [H,W,3]
    red, green, blue = np.moveaxis(colors, 2, 0)
    if (red % 10).any():
        raise SemsynthError(
            f"{path} holds red {red[red % 10 != 0][0]}, and the data set only has tens: restore it from the download"
        )
    index = red // 10 * 256 + green
    table = np.full(_NUM_INDICES, VOID, np.uint16)
    table[list(meaning)] = list(meaning.values())
    labels = table[index]
    # An object's number is its own within a picture of up to 255 objects; the class keeps them apart in others.
    return Layout(labels, builtin("ade20k"), instance_map(labels, np.where(blue > 0, index * 256 + blue, -1)))

"""COCO panoptic: PNGs in which red + 256 green + 65536 blue is a segment's id, and the segments' classes in a JSON.

Things keep their instances; crowds and stuff are one region per class.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from semsynth.classes import VOID, builtin
from semsynth.data.importers.coco_files import ANNOTATIONS_BYTES, first_of, listed, understood
from semsynth.data.importers.ids import instance_map, translated
from semsynth.data.importers.pairs import Listing, MissingSplits, Pair, own_instances
from semsynth.data.listing import list_pictures, pairing_problems
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.layout.label_files import read_instances

SPLITS = ("train", "val")

_IMAGES = ("{0}2017", "images/{0}2017")
_SEGMENTS = ("annotations/panoptic_{0}2017.json", "panoptic_{0}2017.json")
_MAPS = ("annotations/panoptic_{0}2017", "panoptic_{0}2017")
_ZIP = "panoptic_annotations_trainval2017.zip of https://cocodataset.org/#download"


@dataclass(frozen=True)
class Segments:
    """The segments of one picture."""

    classes: dict[int, int]
    """Segment id -> category id."""
    things: tuple[int, ...]
    """The segments that are single objects."""


def list_coco_panoptic(source: Path) -> Listing:
    """List COCO panoptic with the class set ``coco_panoptic``, whose ids are COCO's category ids.

    Args:
        source: the folder that holds ``train2017`` (photos) and ``annotations`` of the downloads.

    Raises:
        SemsynthError: a part is missing, the JSON file is malformed or of other classes, or files do not pair.
    """
    pairs: list[Pair] = []
    missing = MissingSplits(source)
    for split in SPLITS:
        path = first_of(source, _SEGMENTS, split)
        if path is None:
            continue
        images = first_of(source, _IMAGES, split)
        looked_for = f"{listed(_IMAGES, split)} ({split}2017.zip of https://cocodataset.org/#download)"
        if missing.lacks(split, images, looked_for) or images is None:
            continue
        maps = first_of(source, _MAPS, split)
        if maps is None or not maps.is_dir():
            raise SemsynthError(
                f"{source} has {path.name}, but no folder of its PNGs: unpack panoptic_{split}2017.zip, which lies in "
                f"{_ZIP}, to {listed(_MAPS, split)}"
            )
        pairs += _pairs(split, path, list_pictures(maps), list_pictures(images))
    notes = missing.notes(pairs)
    if not pairs:
        raise SemsynthError(f"{source} holds no {listed(_SEGMENTS, 'train')}, nor the same for val: unpack {_ZIP}")
    return Listing(tuple(pairs), builtin("coco_panoptic"), notes)


def _pairs(split: str, path: Path, maps: dict[str, Path], images: dict[str, Path]) -> list[Pair]:
    segments = read_segments(path)
    problems = pairing_problems(segments, maps, "the PNGs", "annotation")
    problems += pairing_problems(segments, images, "photos", "annotation")
    if problems:
        raise SemsynthError(f"{path}: {'; '.join(problems)}")
    return [
        Pair(split, name, images[name], partial(_read, found, maps[name]), own_instances, (maps[name], path))
        for name, found in segments.items()
    ]


def read_segments(path: Path) -> dict[str, Segments]:
    """Read ``panoptic_SPLIT2017.json``: a picture's name without suffix -> its segments.

    Raises:
        SemsynthError: missing, malformed, or with classes that are not COCO's.
    """
    data = read_json(path, ANNOTATIONS_BYTES)
    with understood(path):
        things = {int(item["id"]): bool(item["isthing"]) for item in data["categories"]}
        strange = sorted(set(things) - set(builtin("coco_panoptic").ids.tolist()))
        if strange:
            raise SemsynthError(f"{path} has categories that COCO panoptic does not have: {strange}; give COCO's file")
        return {Path(item["file_name"]).stem: _segments(item, things, path) for item in data["annotations"]}


def _segments(item: Any, things: dict[int, bool], path: Path) -> Segments:
    classes = {int(segment["id"]): int(segment["category_id"]) for segment in item["segments_info"]}
    unknown = sorted(set(classes.values()) - set(things))
    if unknown:
        raise SemsynthError(f"{path}: {item['file_name']} has segments of unknown categories {unknown}: restore it")
    single = (segment for segment in item["segments_info"] if not segment.get("iscrowd"))
    return Segments(classes, tuple(int(segment["id"]) for segment in single if things[int(segment["category_id"])]))


def _read(segments: Segments, path: Path) -> Layout:
    numbers = read_instances(path)  # [H,W]
    labels = translated(numbers, {0: VOID} | segments.classes, path)
    nothing = dict.fromkeys((0, *segments.classes), VOID)
    order = {number: place for place, number in enumerate(segments.things)}
    objects = translated(numbers, nothing | order, path).astype(np.int32)
    objects[objects == VOID] = -1
    return Layout(labels, builtin("coco_panoptic"), instance_map(labels, objects))

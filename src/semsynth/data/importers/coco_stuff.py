"""COCO-Stuff: photos, pixel maps of the 182 ids, and instance maps where there are some.

Two arrangements are known: the downloads (``train2017``, ``stuffthingmaps_trainval2017/train2017``), and the folders
that SPADE's instructions build (``train_img``, ``train_label``, ``train_inst``). Instance maps are those of
``train_inst`` or ``instances/train2017``, or they are painted of ``annotations/instances_train2017.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from semsynth.classes import builtin
from semsynth.data.importers.coco_files import (
    ImageObjects,
    first_of,
    listed,
    painted,
    read_objects,
    require_pycocotools,
)
from semsynth.data.importers.pairs import Listing, MissingSplits, Pair, matched
from semsynth.data.listing import list_pictures
from semsynth.data.source_files import few
from semsynth.errors import SemsynthError

SPLITS = ("train", "val")

_IMAGES = ("{0}_img", "{0}2017", "images/{0}2017")
_LABELS = ("{0}_label", "stuffthingmaps_trainval2017/{0}2017", "stuffthingmaps/{0}2017", "annotations/{0}2017")
_INSTANCES = ("{0}_inst", "instances/{0}2017")
_OBJECTS = ("annotations/instances_{0}2017.json", "instances_{0}2017.json")


def list_coco_stuff(source: Path, objects: Sequence[Path] = (), *, instances: bool = True) -> Listing:
    """List COCO-Stuff with the class set ``coco_stuff``.

    Args:
        source: the folder that holds one of the arrangements.
        objects: annotation files that instance maps are painted of; by default folders of instance maps, else the
            splits' annotation files, where there are some.
        instances: whether to bring instance maps.

    Raises:
        SemsynthError: no arrangement was recognised, files do not pair, an annotation file is malformed or knows some
            of a split's pictures only, or pycocotools is needed and not installed.
    """
    given = _read_all(objects) if instances else {}
    pairs: list[Pair] = []
    missing = MissingSplits(source)
    for split in SPLITS:
        images, labels = (first_of(source, names, split) for names in (_IMAGES, _LABELS))
        if labels is None:
            continue
        if missing.lacks(split, images, listed(_IMAGES, split)) or images is None:
            continue
        maps = first_of(source, _INSTANCES, split) if instances and not objects else None
        found = matched(
            split, list_pictures(images), list_pictures(labels), None if maps is None else list_pictures(maps), source
        )
        beside = first_of(source, _OBJECTS, split) if instances and not objects and maps is None else None
        pairs += _with_objects(found, given if beside is None else _read_all([beside]))
    notes = missing.notes(pairs)
    if not pairs:
        raise SemsynthError(
            f"{source} holds no pixel maps: looked for {listed(_LABELS, 'train')} and the same for val; "
            "stuffthingmaps_trainval2017.zip of https://github.com/nightrome/cocostuff has them"
        )
    return Listing(tuple(pairs), builtin("coco_stuff"), notes)


def _read_all(files: Iterable[Path]) -> dict[str, tuple[Path, ImageObjects]]:
    """Name of a picture -> the file that tells of its objects, and these."""
    found = {}
    for path in files:
        require_pycocotools()
        found.update({name: (path, objects) for name, objects in read_objects(path).items()})
    return found


def _with_objects(pairs: list[Pair], objects: Mapping[str, tuple[Path, ImageObjects]]) -> list[Pair]:
    """The pairs of a split with instance maps of ``objects``, if these are of this split."""
    unknown = [pair.name for pair in pairs if pair.name not in objects]
    if len(unknown) == len(pairs):
        return pairs
    if unknown:
        raise SemsynthError(
            f"{pairs[0].split}: the annotation file does not know {len(unknown)} of {len(pairs)} pictures: "
            f"{few(unknown)}; give the one of this split, or `instances=False`"
        )
    return [
        replace(pair, instances=partial(painted, objects[pair.name][1], file), sources=(*pair.sources, file))
        for pair in pairs
        for file in (objects[pair.name][0],)
    ]

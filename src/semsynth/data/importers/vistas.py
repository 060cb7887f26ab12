"""Mapillary Vistas: ``training`` and ``validation`` with photographs, labels and instances, and a configuration.

Label maps are palette PNGs whose indices are places in the configuration's list; instance maps are 16-bit, 256 times
the label plus the number of the object (the data set's ``demo.py``). Version 2.0 has ``v1.2`` and ``v2.0`` between
split and kind.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from semsynth.classes import VOID, ClassSet
from semsynth.data.importers.ids import instance_map
from semsynth.data.importers.pairs import Listing, MissingSplits, Pair, own_instances
from semsynth.data.listing import list_pictures, pairing_problems
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, pixels
from semsynth.layout.label_files import read_instances

FOLDERS = {"training": "train", "validation": "val"}
"""Those of ``testing`` have no labels."""
VERSIONS = ("v2.0", "v1.2")


def list_vistas(source: Path, version: str | None = None) -> Listing:
    """List photographs, label maps and instance maps.

    Args:
        source: the folder that holds ``training``, ``validation`` and ``config.json`` or ``config_VERSION.json``.
        version: of the annotations, where there are several; None: the newest.

    Raises:
        SemsynthError: a part is missing, or files do not pair.
    """
    found = version if version is not None else vistas_version(source)
    if found is None:
        raise SemsynthError(
            f"{source} holds no training/labels or training/VERSION/labels: give the folder that the zip of "
            "https://www.mapillary.com/dataset/vistas was unpacked into"
        )
    config = next((path for path in (source / f"config_{found}.json", source / "config.json") if path.is_file()), None)
    if config is None:
        raise SemsynthError(f"{source / 'config.json'} is missing: it is a part of the download, and names the classes")
    classes, things = ClassSet.open(config), _things(config)
    pairs: list[Pair] = []
    missing = MissingSplits(source)
    for folder, split in FOLDERS.items():
        inside = source / folder / found
        maps, photos = inside / "labels" if found else source / folder / "labels", source / folder / "images"
        if not maps.is_dir() or missing.lacks(split, photos, f"{photos}; the download has both"):
            continue
        images, labels, objects = list_pictures(photos), list_pictures(maps), list_pictures(maps.parent / "instances")
        problems = pairing_problems(labels, images, "images") + pairing_problems(labels, objects, "instances")
        if problems:
            raise SemsynthError(f"{source / folder}: {'; '.join(problems)}")
        pairs += [
            Pair(
                split,
                name,
                images[name],
                partial(_read, path, objects[name], classes, things),
                own_instances,
                (path, objects[name], config),
            )
            for name, path in labels.items()
        ]
    notes = missing.notes(pairs)
    if not pairs:
        raise SemsynthError(f"{source} holds no label maps of version {found}: name another one with `version`")
    return Listing(tuple(pairs), classes, notes)


def vistas_version(source: Path) -> str | None:
    """The newest version in ``source``, empty where the folders name none; None: it is not this data set."""
    for version in (*VERSIONS, ""):
        if any((source / folder / version / "labels").is_dir() for folder in FOLDERS):
            return version
    return None


def _things(config: Path) -> frozenset[int]:
    """The places of the classes whose objects are numbered."""
    labels = read_json(config)["labels"]  # a list of mappings, or the class set could not have been read
    return frozenset(place for place, item in enumerate(labels) if item.get("instances"))


def _read(path: Path, objects: Path, classes: ClassSet, things: frozenset[int]) -> Layout:
    layout, numbers = Layout.open(path, classes), read_instances(objects)
    if numbers.shape != layout.size:
        raise SemsynthError(f"{objects} is {pixels(numbers.shape)}, and {path} is {pixels(layout.size)}: restore both")
    single = np.isin(layout.labels, list(things)) & (layout.labels != VOID)
    _, places = np.unique(numbers, return_inverse=True)
    places = np.where(single, places.reshape(numbers.shape), -1)
    return Layout(layout.labels, classes, instance_map(layout.labels, places))

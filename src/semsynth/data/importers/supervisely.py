"""Supervisely's projects: ``meta.json``, and for every photograph ``DATASET/img/NAME`` and ``DATASET/ann/NAME.json``.

Objects have a ``classTitle`` and a geometry: a ``bitmap`` (a PNG in zlib in base64, and its ``origin``), or
``points`` with an ``exterior`` and ``interior`` outlines, which are holes (https://docs.supervisely.com, annotation
JSON format). Points are indices of pixels: a rectangle from 0 to 9 covers ten of them, and an outline belongs to its
polygon, or to its hole. Later objects lie in front.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from semsynth.classes import ClassSet
from semsynth.data.annotations.files import files_below, mentions, size_of, text
from semsynth.data.annotations.masks import mask_of_base64
from semsynth.data.annotations.outlines import Patch, filled, filled_to_outline, placed, points_of, rectangle, ring
from semsynth.data.importers.painting import Shape
from semsynth.data.importers.pairs import Listing
from semsynth.data.importers.records import PICTURE_BYTES, Picture, Record, classes_of, list_records
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.layout import Size

META = "meta.json"
_KEYS = (b'"objects"', b'"size"')
_AREAS = ("bitmap", "polygon", "rectangle")


def list_supervisely(source: Path, **common: Any) -> Listing:
    """List the pictures of a project.

    Args:
        source: the project's folder, with ``meta.json`` and the folders of its datasets.
        **common: as in :func:`semsynth.data.importers.records.list_records`.

    Raises:
        SemsynthError: as :func:`semsynth.data.importers.records.list_records`.
    """
    files = found_files(source)
    if not files:
        raise SemsynthError(
            f"{source} holds no DATASET/ann/*.json with size and objects: give the folder of a Supervisely project"
        )
    names: set[str] = set()
    return list_records(
        source,
        [Record(path, "", partial(_picture, path, names)) for path in files],
        lambda: _classes(source, names),
        **common,
    )


def found_files(source: Path) -> list[Path]:
    """Annotation files in ``source``."""
    return [path for path in files_below(source, ".json") if path.parent.name == "ann" and mentions(path, _KEYS)]


def _classes(source: Path, names: set[str]) -> list[dict[str, Any]]:
    meta = source / META
    if not meta.is_file():
        return classes_of(names)
    classes = ClassSet.open(meta).classes
    return [{"name": one.name, "id": one.id, "color": list(one.color)} for one in classes]


def _picture(path: Path, names: set[str]) -> Picture:
    data = read_json(path, PICTURE_BYTES)
    objects = data["objects"]
    areas = [item for item in objects if _geometry(item) in _AREAS]
    shapes = [_shape(place, item) for place, item in enumerate(areas, 1)]
    names |= {one.name for one in shapes}
    size = size_of(data["size"]["width"], data["size"]["height"])
    photo = f"{path.parent.parent.name}/img/{path.name.removesuffix('.json')}"
    return Picture(photo, size, tuple(shapes), len(objects) - len(areas))


def _geometry(item: Any) -> str:
    given = item.get("geometryType")
    return str(given) if given else "bitmap" if "bitmap" in item else "polygon"


def _shape(place: int, item: Mapping[str, Any]) -> Shape:
    name = text(item["classTitle"], "classTitle")
    drawn = partial(_drawn, _geometry(item), item.get("bitmap"), item.get("points"))
    return Shape(f"object {item.get('id', place)} ('{name}')", name, drawn)


def _drawn(kind: str, bitmap: Any, points: Any, size: Size) -> Patch:
    if kind == "bitmap":
        if not isinstance(bitmap, dict):
            raise ValueError("its bitmap is missing")
        left, top = points_of([bitmap.get("origin")])[0].round().astype(int).tolist()
        return placed(mask_of_base64(bitmap.get("data"), compressed=True), top, left, size)
    if not isinstance(points, dict):
        raise ValueError("its points are missing")
    exterior: Any = points.get("exterior")
    if kind == "rectangle":
        (x0, x1), (y0, y1) = np.sort(points_of(exterior).T).tolist()
        return filled([rectangle(x0, y0, x1 + 1, y1 + 1)], size)
    covered = filled_to_outline(ring(exterior), size)
    for hole in points.get("interior") or ():
        covered = replace(covered, mask=covered.mask & ~filled_to_outline(ring(hole), size).mask)
    return covered

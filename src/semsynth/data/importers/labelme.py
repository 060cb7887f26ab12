"""labelme's folders: a JSON file per photograph, which holds ``shapes``.

``points`` are x and y in pixels of the photograph as it is shown; a ``mask`` is a PNG, in base64, whose upper left
corner is the first point (labelme 5, ``shape.py``). Shapes of one label and ``group_id`` are one object. The labels
``_background_`` and ``__ignore__`` mean no class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from semsynth.classes import VOID_NAME
from semsynth.data.annotations.files import files_below, mentions, size_of, text
from semsynth.data.annotations.masks import mask_of_base64
from semsynth.data.annotations.outlines import Patch, ellipse, filled, placed, points_of, rectangle, ring
from semsynth.data.importers.painting import Shape
from semsynth.data.importers.pairs import Listing
from semsynth.data.importers.records import PICTURE_BYTES, Picture, Record, classes_of, list_records
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.layout import Size

_KEYS = (b'"shapes"', b'"imagePath"')
_AREAS = ("polygon", "rectangle", "circle", "oriented_rectangle", "mask")
_NO_CLASS = ("_background_", "__ignore__")


def list_labelme(source: Path, **common: Any) -> Listing:
    """List the pictures of labelme's files.

    Args:
        source: the folder of the photographs and JSON files, in sub-folders or not.
        **common: as in :func:`semsynth.data.importers.records.list_records`.

    Raises:
        SemsynthError: as :func:`semsynth.data.importers.records.list_records`.
    """
    files = found_files(source)
    if not files:
        raise SemsynthError(
            f"{source} holds no .json files with shapes and imagePath, which labelme writes beside its photos"
        )
    names: set[str] = set()
    return list_records(
        source,
        [Record(path, "", partial(_picture, path, names)) for path in files],
        lambda: classes_of(names),
        **common,
    )


def found_files(source: Path) -> list[Path]:
    """Annotation files in ``source``."""
    return [path for path in files_below(source, ".json") if mentions(path, _KEYS)]


def _picture(path: Path, names: set[str]) -> Picture:
    data = read_json(path, PICTURE_BYTES)
    width, height = data.get("imageWidth"), data.get("imageHeight")
    size = None if width is None or height is None else size_of(width, height)
    shapes = [
        _shape(place, item)
        for place, item in enumerate(data["shapes"], 1)
        if item.get("shape_type", "polygon") in (None, *_AREAS)
    ]
    names |= {one.name for one in shapes} - {VOID_NAME}
    return Picture(text(data["imagePath"], "imagePath"), size, tuple(shapes), len(data["shapes"]) - len(shapes))


def _shape(place: int, item: Any) -> Shape:
    label = text(item["label"], "label")
    group = item.get("group_id")
    drawn = partial(_drawn, item.get("shape_type") or "polygon", item["points"], item.get("mask"))
    name = VOID_NAME if label in _NO_CLASS else label
    return Shape(
        f"shape {place} ('{label}')", name, drawn, name != VOID_NAME, None if group is None else (label, str(group))
    )


def _drawn(kind: str, points: Sequence[Any], mask: Any, size: Size) -> Patch:
    if kind == "mask":
        left, top = points_of(points)[:1].reshape(2).round().astype(int).tolist()
        return placed(mask_of_base64(mask), top, left, size)
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points_of(points).tolist()
        return filled([rectangle(x0, y0, x1, y1)], size)
    if kind == "circle":
        (x, y), (rim_x, rim_y) = points_of(points).tolist()
        radius = math.hypot(rim_x - x, rim_y - y)
        return filled([ellipse(x, y, radius, radius)], size)
    return filled([ring(points)], size)

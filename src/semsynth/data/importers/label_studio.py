"""Label Studio's exports: "JSON", with brushes, polygons, rectangles and ellipses, and "Brush labels to PNG".

Coordinates are per cent of the photograph's width and height (https://labelstud.io/guide/export); a brush is run-length
encoded RGBA. PNG files are called ``task-ID-annotation-ID-by-WHO-TAG-LABEL-NUMBER.png`` and hold one mask each
(``label_studio_converter/brush.py``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from semsynth.data.annotations.files import files_below, mentions, size_of, text
from semsynth.data.annotations.masks import mask_of_file
from semsynth.data.annotations.outlines import Patch, ellipse, filled, placed, rectangle, ring
from semsynth.data.annotations.runs import mask_of_brush
from semsynth.data.importers.painting import Shape
from semsynth.data.importers.pairs import Listing
from semsynth.data.importers.records import ANNOTATIONS_BYTES, Picture, Record, classes_of, list_records
from semsynth.data.listing import picture_files
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.images import PICTURE_SUFFIXES
from semsynth.layout import Size

_KEYS = (b'"annotations"', b'"result"', b'"data"')
_PNG = re.compile(r"task-(\d+)-annotation-(\d+)-by-([^-]*)-([^-]+)-(.+)-(\d+)")
_KINDS = ("brushlabels", "polygonlabels", "rectanglelabels", "ellipselabels")
_PLAIN = {
    "brush": "brushlabels",
    "polygon": "polygonlabels",
    "rectangle": "rectanglelabels",
    "ellipse": "ellipselabels",
}
"""Regions whose class comes from a separate tag ``Labels``."""


def list_label_studio(source: Path, **common: Any) -> Listing:
    """List the pictures of Label Studio's exports.

    Args:
        source: the folder of the export and of the photographs: JSON files, or the PNG files of one mask each. Where
        both
            are there, the PNG files hold the masks, and the JSON files say which photograph a task has.
        **common: as in :func:`semsynth.data.importers.records.list_records`.

    Raises:
        SemsynthError: as :func:`semsynth.data.importers.records.list_records`.
    """
    files, masks, names = found_files(source), found_masks(source), set[str]()
    tasks = [(path, place, task) for path in files for place, task in enumerate(_tasks(path), 1)]
    if masks:
        named = {str(task.get("id")): task for _, _, task in tasks if isinstance(task, dict)}
        records = [
            Record(of[0], f"task {number}", partial(_masked, of, number, named.get(number), names))
            for number, of in masks.items()
        ]
    else:
        records = [Record(path, _called(place, task), partial(_picture, task, names)) for path, place, task in tasks]
    if not records:
        raise SemsynthError(
            f"{source} holds neither a .json file with tasks and their annotations nor files task-*-annotation-*.png: "
            "export 'JSON' (not JSON-MIN) or 'Brush labels to PNG', and put the photos beside it"
        )
    return list_records(source, records, lambda: classes_of(names), **common)


def found_files(source: Path) -> list[Path]:
    """JSON files of tasks in ``source``."""
    return [path for path in files_below(source, ".json") if mentions(path, _KEYS)]


def found_masks(source: Path) -> dict[str, list[Path]]:
    """Task -> its PNG files of one mask each."""
    masks = defaultdict(list)
    for path in picture_files(source):
        if match := _PNG.fullmatch(path.stem):
            masks[match[1]].append(path)
    return masks


def _tasks(path: Path) -> Sequence[Any]:
    data = read_json(path, ANNOTATIONS_BYTES)
    if not isinstance(data, list):
        raise SemsynthError(f"{path} is not a list of tasks: export the project as 'JSON'")
    return data


def _called(place: int, task: Any) -> str:
    return f"task {task['id']}" if isinstance(task, dict) and "id" in task else f"the task in place {place}"


def _photo(task: Mapping[str, Any]) -> str:
    """The picture among the task's data."""
    data = task.get("data")
    values = [value for value in data.values() if isinstance(value, str)] if isinstance(data, dict) else []
    pictures = [
        value for value in values if value.lower().partition("?")[0].endswith(PICTURE_SUFFIXES) or "?d=" in value
    ]
    return text(next(iter(pictures or values), None), "photo")


def _picture(task: Any, names: set[str]) -> Picture:
    photo = _photo(task)
    kept = [one for one in task["annotations"] if not one.get("was_cancelled")]
    if not kept:
        raise ValueError("its annotations are missing or were cancelled: label it, or leave it out of the export")
    best = next((one for one in kept if one.get("ground_truth")), kept[0])
    results = [item for item in best["result"] if _kind(item) is not None]
    sizes = {size_of(item["original_width"], item["original_height"]) for item in results}
    if len(sizes) > 1:
        raise ValueError("its regions belong to pictures of several sizes")
    if any(item.get("image_rotation") for item in results):
        raise ValueError("its photo was turned while it was labelled: turn the file, and label it again")
    shapes = [_shape(item, place) for place, item in enumerate(results, 1)]
    names |= {one.name for one in shapes}
    return Picture(photo, next(iter(sizes), None), tuple(shapes), len(best["result"]) - len(results))


def _kind(item: Any) -> str | None:
    """The kind of region with a class; None for what has no area or no class."""
    kind = str(item.get("type", "")).lower()
    value = item.get("value", {})
    if kind == "labels":  # the region of a separate Labels tag carries its own geometry
        kind = (
            "brush"
            if "rle" in value
            else "polygon"
            if "points" in value
            else "ellipse"
            if "radiusX" in value
            else "rectangle"
        )
        kind = kind if kind != "rectangle" or "width" in value else ""
        return _PLAIN.get(kind)
    return kind if kind in _KINDS else None


def _shape(item: Mapping[str, Any], place: int) -> Shape:
    kind, value = _kind(item) or "", item["value"]
    labels = value.get(kind) or value.get("labels")
    if not isinstance(labels, list) or len(labels) != 1:
        raise ValueError(f"its region {place} has {len(labels) if isinstance(labels, list) else 'no'} labels, not one")
    name = text(labels[0], "label")
    return Shape(f"region {item.get('id', place)} ('{name}')", name, partial(_drawn, kind, value))


def _drawn(kind: str, value: Mapping[str, Any], size: Size) -> Patch:
    height, width = size
    if kind == "brushlabels":
        return placed(mask_of_brush(value.get("rle", ()), size), 0, 0, size)
    if kind == "polygonlabels":
        points = ring(value.get("points", ()))
        return filled([ring(points * (width / 100, height / 100))], size)
    turned = _number(value, "rotation", 0.0)
    x, y = _number(value, "x") * width / 100, _number(value, "y") * height / 100
    if kind == "ellipselabels":
        radii = _number(value, "radiusX") * width / 100, _number(value, "radiusY") * height / 100
        return filled([ellipse(x, y, *radii, turned)], size)
    right, bottom = x + _number(value, "width") * width / 100, y + _number(value, "height") * height / 100
    return filled([rectangle(x, y, right, bottom, turned, corner=True)], size)


def _number(value: Mapping[str, Any], key: str, default: float | None = None) -> float:
    found = value.get(key, default)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueError(f"its {key} is missing or not a number")
    return float(found)


def _masked(files: Sequence[Path], number: str, task: Mapping[str, Any] | None, names: set[str]) -> Picture:
    """A picture whose regions are PNG files; of several annotations the first counts."""
    photo = f"{number}.png" if task is None else _photo(task)
    parts = [(match, path) for path in files if (match := _PNG.fullmatch(path.stem))]
    first = min(int(match[2]) for match, _ in parts)
    kept = [(match[5], path) for match, path in parts if int(match[2]) == first]
    names |= {label for label, _ in kept}
    shapes = tuple(Shape(path.name, label, partial(_read, path)) for label, path in kept)
    return Picture(photo, None, shapes)


def _read(path: Path, size: Size) -> Patch:
    return placed(mask_of_file(path, size), 0, 0, size)

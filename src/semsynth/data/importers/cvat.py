"""CVAT for images 1.1: one XML file with an ``image`` per photograph, and its polygons, masks, boxes and ellipses.

Coordinates are pixels; a mask's ``rle`` are runs along the rows of its box that begin with pixels outside. What has a
higher ``z_order`` lies in front (https://docs.cvat.ai/docs/dataset_management/formats/format-cvat and its XML format).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from semsynth.data.annotations.files import files_below, mentions, size_of, text
from semsynth.data.annotations.outlines import Patch, ellipse, filled, placed, rectangle, ring
from semsynth.data.annotations.runs import counted, mask_of_counts
from semsynth.data.importers.painting import Shape
from semsynth.data.importers.pairs import Listing
from semsynth.data.importers.records import Picture, Record, list_records
from semsynth.data.splitting import split_named
from semsynth.documents import read_xml
from semsynth.errors import SemsynthError
from semsynth.layout import Size

XML_BYTES = 2**29
"""Budget of the file; parsed, it takes several times as much."""
_KEYS = (b"<annotations", b"<image ")
_AREAS = ("polygon", "mask", "box", "ellipse")


def list_cvat(source: Path, **common: Any) -> Listing:
    """List the pictures of CVAT's XML files.

    Args:
        source: the folder of the export; the photographs lie in it, too.
        **common: as in :func:`semsynth.data.importers.records.list_records`.

    Raises:
        SemsynthError: as :func:`semsynth.data.importers.records.list_records`, and videos.
    """
    files = found_files(source)
    if not files:
        videos = [path for path in files_below(source, ".xml") if mentions(path, (b"<annotations", b"<track "))]
        if videos:
            raise SemsynthError(f"{videos[0]} is 'CVAT for video': export the task as 'CVAT for images 1.1'")
        raise SemsynthError(
            f"{source} holds no .xml file with annotations of images: export 'CVAT for images 1.1' with images "
            "('Segmentation mask 1.1' is read by `semsynth data import voc`)"
        )
    found: dict[str, dict[str, Any]] = {}
    records = []
    for path in files:
        root = read_xml(path, XML_BYTES)
        for label in root.iter("label"):
            if name := label.findtext("name"):
                color = label.findtext("color")
                found.setdefault(name, {"name": name} | ({"color": color} if color else {}))
        for image in root.iter("image"):
            records.append(Record(path, f"image {image.get('id')}", partial(_picture, image)))
    return list_records(source, records, lambda: _colored(list(found.values())), **common)


def found_files(source: Path) -> list[Path]:
    """Annotation files in ``source``."""
    return [path for path in files_below(source, ".xml") if mentions(path, _KEYS)]


def _colored(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The labels, without colours unless all have one."""
    if all("color" in item for item in found):
        return found
    return [{"name": item["name"]} for item in found]


def _picture(image: Element) -> Picture:
    areas = [item for item in image if item.tag in _AREAS]
    areas.sort(key=lambda item: int(item.get("z_order", "0")))
    shapes = [_shape(item, place) for place, item in enumerate(areas, 1)]
    others = sum(item.tag != "attribute" for item in image) - len(areas)
    size = size_of(_number(image.attrib, "width"), _number(image.attrib, "height"))
    subset = split_named(image.get("subset", ""))
    split = subset.lower() if subset.lower() in ("train", "val", "test") else None
    return Picture(text(image.get("name"), "name"), size, tuple(shapes), others, split)


def _shape(item: Element, place: int) -> Shape:
    name = text(item.get("label"), "label")
    return Shape(f"{item.tag} {place} ('{name}')", name, partial(_drawn, item.tag, dict(item.attrib)))


def _drawn(kind: str, given: Mapping[str, str], size: Size) -> Patch:
    if kind == "mask":
        top, left, height, width = (int(_number(given, key)) for key in ("top", "left", "height", "width"))
        if height < 1 or width < 1 or height * width > size[0] * size[1]:
            raise ValueError(f"its box of {width}x{height} pixels does not fit the picture")
        runs = counted(_numbers(given.get("rle", ""), np.int64))
        return placed(mask_of_counts(runs, (height, width), by_columns=False), top, left, size)
    turned = float(given.get("rotation", "0"))
    if kind == "box":
        x0, y0, x1, y1 = (_number(given, key) for key in ("xtl", "ytl", "xbr", "ybr"))
        return filled([rectangle(x0, y0, x1, y1, turned)], size)
    if kind == "ellipse":
        x, y, radius_x, radius_y = (_number(given, key) for key in ("cx", "cy", "rx", "ry"))
        return filled([ellipse(x, y, radius_x, radius_y, turned)], size)
    coordinates = _numbers(given.get("points", "").replace(";", ","), np.float64)
    if len(coordinates) % 2:
        raise ValueError("its points are not pairs of numbers")
    return filled([ring(coordinates.reshape(-1, 2))], size)


def _number(given: Mapping[str, str], key: str) -> float:
    if key not in given:
        raise ValueError(f"its {key} is missing")
    try:
        return float(given[key])
    except ValueError as error:
        raise ValueError(f"its {key} is not a number") from error


def _numbers(listed: str, kind: type[Any]) -> NDArray[Any]:
    try:
        return np.array(listed.split(",") if listed.strip() else [], kind)
    except (ValueError, OverflowError) as error:
        raise ValueError("its points or runs are not numbers") from error

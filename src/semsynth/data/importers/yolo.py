"""YOLO's segmentation files, as Ultralytics reads and Roboflow writes them.

One text file per photograph, in a folder ``labels`` where the photographs are in ``images``; one object per line: the
class's number, then x and y of its outline as shares of the width and height (https://docs.ultralytics.com/datasets/segment).
``data.yaml`` names the classes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from semsynth.data.annotations.files import files_below
from semsynth.data.annotations.outlines import Patch, filled, points_of, ring
from semsynth.data.importers.painting import Shape
from semsynth.data.importers.pairs import Listing
from semsynth.data.importers.records import Picture, Record, list_records
from semsynth.data.source_files import read_lines
from semsynth.documents import read_yaml
from semsynth.errors import SemsynthError, shortened
from semsynth.files import read_bytes
from semsynth.layout import Size

LABELS = "labels"
_TEXT_BYTES = 2**26
"""Budget of the text of one photograph."""
_BOX = 5
"""Values in a line of a detection file."""
_CLASS_LISTS = ("classes.txt", "obj.names")


def list_yolo(source: Path, **common: Any) -> Listing:
    """List the pictures of a YOLO data set.

    Args:
        source: the folder of ``data.yaml`` (or ``classes.txt``), and of ``images`` and ``labels``, which may lie in or
            hold folders of splits.
        **common: as in :func:`semsynth.data.importers.records.list_records`.

    Raises:
        SemsynthError: as :func:`semsynth.data.importers.records.list_records`, and no list of classes.
    """
    files = found_files(source)
    if not files:
        raise SemsynthError(
            f"{source} holds no labels/**/*.txt: give the folder that has images/ and labels/ (and data.yaml)"
        )
    names = _names(source)
    return list_records(
        source,
        [Record(path, "", partial(_picture, path, names)) for path in files],
        lambda: [{"name": name, "id": number} for number, name in sorted(names.items())],
        **common,
    )


def found_files(source: Path) -> list[Path]:
    """Label files in ``source``."""
    files = files_below(source, ".txt")
    return [path for path in files if LABELS in path.relative_to(source).parts[:-1] and path.name not in _CLASS_LISTS]


def _names(source: Path) -> dict[int, str]:
    """Number -> name of the classes."""
    for path in files_below(source, ".yaml") + files_below(source, ".yml"):
        data = read_yaml(path)
        found = data.get("names") if isinstance(data, dict) else None
        if isinstance(found, list):
            found = dict(enumerate(found))
        if isinstance(found, dict) and found:
            try:
                return {int(number): str(name) for number, name in found.items()}
            except (TypeError, ValueError) as error:
                raise SemsynthError(
                    f"{path}: names has numbers that are none ({shortened(error)}): correct it"
                ) from error
    for listed in _CLASS_LISTS:
        if (source / listed).is_file():
            return dict(enumerate(read_lines(source / listed)))
    raise SemsynthError(
        f"{source} has no data.yaml with names and no classes.txt: add the one that belongs to the labels"
    )


def _picture(path: Path, names: dict[int, str]) -> Picture:
    lines = read_bytes(path, _TEXT_BYTES).decode("utf-8-sig").splitlines()
    shapes = tuple(_shape(place, line, names) for place, line in enumerate(lines, 1) if line.strip())
    *folders, _ = path.parts
    folders = ["images" if part == LABELS else part for part in folders]
    return Picture("/".join((*folders, path.name)), None, shapes)


def _shape(place: int, line: str, names: dict[int, str]) -> Shape:
    first, *rest = line.split()
    number = int(first) if first.isascii() and first.isdecimal() and len(first) < 6 else -1
    if number not in names:
        raise SemsynthError(
            f"line {place} has class {shortened(first)}, and the classes are {shortened(sorted(names))}"
        )
    if len(rest) + 1 == _BOX:
        raise SemsynthError(f"line {place} is a box (x, y, width, height), and boxes are no areas of a class")
    try:
        coordinates = np.array(rest, np.float64)
    except ValueError as error:
        raise SemsynthError(f"line {place} has values that are not numbers") from error
    if len(coordinates) % 2:
        raise SemsynthError(f"line {place} has {len(coordinates)} coordinates, which are no pairs")
    return Shape(f"line {place}", names[number], partial(_drawn, coordinates.reshape(-1, 2)))


def _drawn(shares: Any, size: Size) -> Patch:
    height, width = size
    return filled([ring(points_of(shares) * (width, height))], size)

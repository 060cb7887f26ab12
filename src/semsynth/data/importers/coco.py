"""COCO's annotation files of instances and of stuff, as COCO and the tools that export in its format write them.

``images``, ``annotations`` and ``categories`` (https://cocodataset.org/#format-data): an annotation's ``segmentation``
is a list of polygons, or runs along the columns, as numbers or compressed. Crowds and stuff are regions, not objects.
What a polygon covers is decided as :mod:`semsynth.data.annotations.outlines` says, which along borders is not exactly
what pycocotools decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from semsynth.data.annotations.files import files_below, mentions, size_of, text, whole
from semsynth.data.annotations.outlines import NOTHING, Patch, filled, placed, ring
from semsynth.data.annotations.photos import split_in
from semsynth.data.annotations.runs import counted, counts_of_string, mask_of_counts
from semsynth.data.importers.painting import Shape
from semsynth.data.importers.pairs import Listing
from semsynth.data.importers.records import ANNOTATIONS_BYTES, MALFORMED, Picture, Record, list_records, reason
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.layout import Size

_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_PANOPTIC = b'"segments_info"'


def list_coco(source: Path, annotations: Sequence[Path] = (), **common: Any) -> Listing:
    """List the pictures of COCO annotation files.

    Args:
        source: the folder that holds the photographs and the annotation files, in sub-folders or not.
        annotations: annotation files; by default those in ``source``: ``instances_*`` and ``stuff_*`` where there are
            some, else all. What several files say of one picture is put together.
        **common: as in :func:`semsynth.data.importers.records.list_records`.

    Raises:
        SemsynthError: as :func:`semsynth.data.importers.records.list_records`.
    """
    files = list(annotations) or found_files(source)
    if not files:
        raise SemsynthError(
            f"{source} holds no .json file with images, annotations and categories: export 'COCO' there, or name the "
            "files with `annotations`"
        )
    tables = [_Table(path) for path in files]
    names = {one.name: one.id for table in reversed(tables) for one in table.categories.values()}
    records: dict[tuple[Path, str | None, str], list[tuple[_Table, Any]]] = defaultdict(list)
    for table in tables:
        for image in table.images:
            name = str(image.get("file_name") if isinstance(image, dict) else image)
            records[table.path.parent, split_in((table.path.stem,)), name].append((table, image))
    return list_records(
        source,
        [Record(of[0][0].path, _called(of[0][1]), partial(_picture, of)) for of in records.values()],
        lambda: [{"name": name, "id": number} for name, number in sorted(names.items(), key=itemgetter(1))],
        **common,
    )


def found_files(source: Path) -> list[Path]:
    """Annotation files in ``source``."""
    files = [
        path for path in files_below(source, ".json") if mentions(path, _KEYS) and not mentions(path, (_PANOPTIC,))
    ]
    return [path for path in files if path.name.startswith(("instances_", "stuff_"))] or files


class _Category:
    def __init__(self, item: Any) -> None:
        self.id, self.name = whole(item["id"], "id"), text(item["name"], "name")
        self.thing = bool(item.get("isthing", True))


class _Table:
    """One annotation file."""

    def __init__(self, path: Path) -> None:
        data = read_json(path, ANNOTATIONS_BYTES)
        try:
            found = [_Category(item) for item in data["categories"]]
            self.images = list(data["images"])
            self.annotations: dict[Any, list[Any]] = defaultdict(list)
            for item in data["annotations"]:
                self.annotations[item["image_id"]].append(item)
            used = {
                item["category_id"] for items in self.annotations.values() for item in items if "category_id" in item
            }
        except MALFORMED as error:
            raise SemsynthError(
                f"{path} is not an annotation file of COCO's format: {reason(error)}; export it again"
            ) from error
        self.path, self.stuff = path, path.name.startswith("stuff_")
        found.sort(key=lambda one: one.id in used)  # of two categories of one name the one that is used stays
        self.categories = {one.id: one for one in found}


def _called(image: Any) -> str:
    return f"image {image.get('id')}" if isinstance(image, dict) else "an image"


def _picture(of: Sequence[tuple[_Table, Any]]) -> Picture:
    """What all files say of one picture; stuff lies below."""
    of = sorted(of, key=lambda one: not one[0].stuff)
    (_, image), *_ = of
    size = size_of(image["width"], image["height"])
    shapes = [_shape(item, table) for table, one in of for item in table.annotations.get(one["id"], ())]
    return Picture(text(image["file_name"], "file_name"), size, tuple(shapes))


def _shape(item: Any, table: _Table) -> Shape:
    called = f"annotation {item.get('id')}"
    category = table.categories.get(item.get("category_id"))
    if category is None:
        raise SemsynthError(f"{called} has category {item.get('category_id')}, which the file's categories lack")
    single = category.thing and not table.stuff and not item.get("iscrowd")
    return Shape(called, category.name, partial(_drawn, item.get("segmentation")), single)


def _drawn(segmentation: Any, size: Size) -> Patch:
    """Polygons are united, as COCO says."""
    if isinstance(segmentation, dict):
        stored = segmentation.get("size")
        if stored != list(size):
            raise ValueError(f"its runs are of a mask of {stored} (height, width), and the picture is of {list(size)}")
        counts = segmentation.get("counts")
        runs = counts_of_string(counts) if isinstance(counts, str) else counted(counts)
        return placed(mask_of_counts(runs, size, by_columns=True), 0, 0, size)
    if not isinstance(segmentation, list) or not segmentation:
        raise ValueError("its segmentation is empty: it has a box only, and boxes are no areas of a class")
    patches = [filled([ring(_points(polygon))], size) for polygon in segmentation]
    return patches[0] if len(patches) == 1 else united(patches, size)


def united(patches: Sequence[Patch], size: Size) -> Patch:
    """What any of some patches covers."""
    used = [patch for patch in patches if patch.mask.size]
    if not used:
        return NOTHING
    whole_mask = np.zeros(size, np.bool_)
    for patch in used:
        whole_mask[patch.box] |= patch.mask
    return Patch(0, 0, whole_mask)


def _points(polygon: Any) -> Any:
    if not isinstance(polygon, list) or len(polygon) % 2:
        raise ValueError("its outline is not a list of x, y, x, y, ...")
    return list(zip(polygon[::2], polygon[1::2], strict=True))

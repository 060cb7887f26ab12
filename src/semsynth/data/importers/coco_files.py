"""COCO's downloads: where their folders lie, and the annotation JSON files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsynth.data.importers.ids import instance_map
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.extras import require
from semsynth.layout import Layout, pixels

ANNOTATIONS_BYTES = 2**31
"""Budget of an annotation file: those of COCO's training pictures have 0.5 GB."""
_MIN_COORDINATES = 6
"""Of a polygon; pycocotools takes four numbers for a box."""


@dataclass(frozen=True)
class ImageObjects:
    """The annotated objects of one picture, in the file's order."""

    size: tuple[int, int]
    """(height, width)."""
    segmentations: tuple[Any, ...]
    """Polygons or run lengths, as COCO stores them."""
    categories: tuple[int, ...]


def first_of(source: Path, names: Sequence[str], split: str) -> Path | None:
    """The first of ``names`` (with ``{0}`` for the split) that exists below ``source``."""
    paths = (source / name.format(split) for name in names)
    return next((path for path in paths if path.exists()), None)


def listed(names: Sequence[str], split: str) -> str:
    """``names`` for messages."""
    return ", ".join(name.format(split) for name in names)


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Turn missing keys and wrong types of the annotation file ``path`` into a :class:`SemsynthError`."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SemsynthError(
            f"{path} is not the annotation file that COCO gives out ({error!r}): restore it from the download"
        ) from error


def read_objects(path: Path) -> dict[str, ImageObjects]:
    """Read ``instances_SPLIT2017.json``: a picture's name without suffix -> its objects, crowds left out.

    Raises:
        SemsynthError: missing or malformed.
    """
    data = read_json(path, ANNOTATIONS_BYTES)
    with understood(path):
        found: dict[int, list[Mapping[str, Any]]] = {item["id"]: [] for item in data["images"]}
        for item in data["annotations"]:
            if not item.get("iscrowd") and _is_drawn(item["segmentation"]):
                found[item["image_id"]].append(item)
        return {
            Path(image["file_name"]).stem: ImageObjects(
                (int(image["height"]), int(image["width"])),
                tuple(item["segmentation"] for item in found[image["id"]]),
                tuple(int(item["category_id"]) for item in found[image["id"]]),
            )
            for image in data["images"]
        }


def painted(objects: ImageObjects, source: Path, layout: Layout) -> NDArray[np.int32]:
    """Paint objects in the file's order, later ones over earlier ones, each where the label map has its class.

    SPADE's instructions paint them over whatever the label map says; there an object may cover two classes.

    Args:
        objects: of one picture; their classes are COCO's category ids, one more than those of the label map.
        source: the annotation file, for messages.
        layout: the picture's label map.

    Returns:
        [H,W] as :func:`instance_map` numbers them.

    Raises:
        SemsynthError: sizes differ, or a segmentation is malformed.
    """
    if objects.size != layout.size:
        raise SemsynthError(
            f"{source} tells of a picture of {pixels(objects.size)}, its label map is {pixels(layout.size)}: "
            "take pixel maps of the original size"
        )
    numbers = np.full(layout.size, -1, np.int32)
    if objects.segmentations:
        masks = _masks(objects, source)  # [H,W,objects]
        own = masks & (layout.labels[..., None] == np.array(objects.categories) - 1)
        last = own.shape[2] - 1 - own[..., ::-1].argmax(2)
        numbers = np.where(own.any(2), last, -1).astype(np.int32)
    return instance_map(layout.labels, numbers)


def require_pycocotools() -> None:
    """Make sure, before anything is begun, that :func:`painted` can paint.

    Raises:
        SemsynthError: pycocotools is not installed.
    """
    require(
        "coco",
        "painting instances of COCO's JSON files",
        "pycocotools",
        otherwise="or do without: `instances=False`",
    )
    # Here and not around each call: NumPy 2 warns of pycocotools 2.0's arrays, and threads share the filters.
    warnings.filterwarnings("ignore", "__array__ implementation doesn't accept a copy keyword", DeprecationWarning)


def _is_drawn(segmentation: Any) -> bool:
    return isinstance(segmentation, dict) or any(len(polygon) >= _MIN_COORDINATES for polygon in segmentation)


def _masks(objects: ImageObjects, source: Path) -> NDArray[np.bool_]:
    """[H,W,objects] bool."""
    from pycocotools import mask as api

    height, width = objects.size
    runs = []
    with understood(source):
        for segmentation in objects.segmentations:
            if isinstance(segmentation, list):
                polygons = [polygon for polygon in segmentation if len(polygon) >= _MIN_COORDINATES]
                runs.append(api.merge(api.frPyObjects(polygons, height, width)))
            else:
                counted = isinstance(segmentation["counts"], list)
                runs.append(api.frPyObjects(segmentation, height, width) if counted else segmentation)
        decoded: NDArray[np.uint8] = api.decode(runs)
    return decoded.astype(np.bool_)

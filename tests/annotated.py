"""Small annotated pictures in the exact structure of what annotation tools export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from official_trees import photo, save_jpeg

from semsynth.data.annotations.masks import base64_of_mask
from semsynth.data.annotations.runs import counts_of_mask, string_of_counts

SIZE = (6, 8)
"""(height, width) of the pictures."""
RING = np.zeros(SIZE, np.bool_)
RING[1:5, 1:5] = True
RING[2:4, 2:4] = False
"""A mask with a hole."""
SQUARE = [2, 2, 6, 2, 6, 5, 2, 5]
"""A polygon of the columns 2 to 5 and the rows 2 to 4."""


def save_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False))


def run_lengths(mask: np.ndarray, compressed: bool = False) -> dict[str, Any]:
    """COCO's runs."""
    counts = counts_of_mask(mask, by_columns=True)
    return {"size": list(mask.shape), "counts": string_of_counts(counts) if compressed else counts.tolist()}


def coco_annotations(**changes: Any) -> dict[str, Any]:
    """One picture: a crowd over all of it, two people of which the later and smaller one is in front, and a car."""
    everything = np.ones(SIZE, np.bool_)
    data = {
        "info": {"description": "", "version": "1.0", "year": 2026},
        "licenses": [{"id": 1, "name": "", "url": ""}],
        "images": [{"id": 7, "license": 1, "file_name": "a.jpg", "height": SIZE[0], "width": SIZE[1]}],
        "annotations": [
            annotation(1, 1, [[0, 0, 4, 0, 4, 6, 0, 6]]),
            annotation(2, 1, [SQUARE]),
            annotation(3, 3, run_lengths(RING, compressed=True)),
            annotation(4, 1, run_lengths(everything), iscrowd=1),
        ],
        "categories": [
            {"supercategory": "person", "id": 1, "name": "person"},
            {"supercategory": "vehicle", "id": 3, "name": "car"},
        ],
    }
    return data | changes


def annotation(number: int, category: int, segmentation: Any, image: int = 7, iscrowd: int = 0) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": segmentation,
        "area": 1.0,
        "bbox": [0, 0, 1, 1],
        "iscrowd": iscrowd,
    }


def coco_tree(root: Path) -> Path:
    """COCO's own folders, with instances and stuff of one picture to train, and instances of one to validate."""
    save_json(root / "annotations/instances_train2017.json", coco_annotations())
    stuff = [annotation(9, 124, run_lengths(np.ones(SIZE, np.bool_), compressed=True))]
    categories = [{"supercategory": "plant", "id": 124, "name": "grass"}]
    save_json(root / "annotations/stuff_train2017.json", coco_annotations(annotations=stuff, categories=categories))
    save_json(root / "annotations/instances_val2017.json", coco_annotations())
    save_json(root / "annotations/captions_train2017.json", {"images": [], "annotations": []})
    save_jpeg(root / "train2017/a.jpg", photo())
    save_jpeg(root / "val2017/a.jpg", photo(1))
    return root


def labelme_shape(label: str, points: Any, kind: str = "polygon", **more: Any) -> dict[str, Any]:
    return {
        "label": label,
        "points": points,
        "group_id": None,
        "description": "",
        "shape_type": kind,
        "flags": {},
    } | more


def labelme_tree(root: Path) -> Path:
    """One picture: two polygons of one group, a rectangle, a mask, a line, and a region that is no class."""
    shapes = [
        labelme_shape("tree", [[0, 0], [2, 0], [2, 2], [0, 2]], group_id=4),
        labelme_shape("tree", [[6, 0], [8, 0], [8, 2], [6, 2]], group_id=4),
        labelme_shape("Auto", [[5, 4], [1, 1]], "rectangle"),
        labelme_shape("tree", [[1.2, 1.4], [5, 5]], "mask", mask=base64_of_mask(RING[1:5, 1:5])),
        labelme_shape("wire", [[0, 0], [8, 6]], "line"),
        labelme_shape("__ignore__", [[7, 5], [8, 5], [8, 6], [7, 6]]),
    ]
    save_json(root / "bäume 1.json", labelme_file("bäume 1.jpg", shapes))
    save_jpeg(root / "bäume 1.jpg", photo())
    return root


def labelme_file(name: str, shapes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": name,
        "imageData": None,
        "imageHeight": SIZE[0],
        "imageWidth": SIZE[1],
    }

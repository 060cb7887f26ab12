"""labelme's folders: ``SPLIT/NAME.json`` beside the photograph: polygons, and masks for what has holes or parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from semsynth.classes import ClassSet
from semsynth.data.annotations.masks import base64_of_mask
from semsynth.data.exporters.writing import Exported, Thing, class_table, notes_of, outline_of
from semsynth.files import write_bytes, write_json

_VERSION = "5.5.0"
"""The format's, as the first one with masks in use."""


def write_labelme(
    out: Path, classes: ClassSet, samples: Iterator[Exported], place: Callable[[Exported, Path], None]
) -> Sequence[str]:
    """Write samples for labelme; as :data:`semsynth.data.exporters.writing.Writer`."""
    names, regions = class_table(classes), 0
    for sample in samples:
        things = sample.things()
        regions += sum(not thing.single for thing in things)
        height, width = sample.layout.size
        value: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": [_shape(thing, names[thing.class_id]) for thing in things],
            "imagePath": sample.photo_name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        write_json(out / sample.split / f"{Path(sample.photo_name).stem}.json", value)
        place(sample, out / sample.split)
    labels = ["__ignore__", "_background_", *names.values()]
    write_bytes(out / "labels.txt", "".join(f"{name}\n" for name in labels).encode())
    return notes_of(classes, numbered=False, regions=regions)


def _shape(thing: Thing, name: str) -> dict[str, Any]:
    patch = thing.patch
    shape: dict[str, Any] = {
        "label": name,
        "points": [],
        "group_id": None,
        "description": "",
        "shape_type": "polygon",
        "flags": {},
    }
    outline = outline_of(thing)
    if len(outline) == 1:
        return shape | {"points": outline[0].tolist(), "mask": None}
    height, width = patch.mask.shape
    corners = [[patch.left, patch.top], [patch.left + width - 1, patch.top + height - 1]]
    return shape | {"shape_type": "mask", "points": corners, "mask": base64_of_mask(patch.mask)}

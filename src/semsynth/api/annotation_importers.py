"""The formats of annotation tools that can be imported: rows of the table :data:`semsynth.api.importers.IMPORTERS`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from semsynth.api.import_options import Importer, ImportOption

_FORMATS = "semsynth.data.importers."

_SKIP_BROKEN = ImportOption(
    "skip_broken", bool, "Leave out records that cannot be read, and list them.", False, flag="--skip-broken"
)
_SHARE_OF_ANNOTATED = ImportOption(
    "val_share",
    float,
    "Share of an undivided SRC for val, for example 0.1; a photo's name decides (default: none).",
    least=0,
    most=1,
)


def _annotated(overlap: Literal["order", "area"]) -> tuple[ImportOption, ...]:
    """The options of all formats of annotated objects."""
    return (
        ImportOption(
            "classes", str, "A classes.json or built-in class set that has these names (default: made of them)."
        ),
        ImportOption(
            "meaning",
            list[str],
            "What a name stands for: car:vehicle, or text:void for no class; may be repeated.",
            flag="--map",
        ),
        ImportOption(
            "overlap",
            Literal["order", "area"],
            "Where objects overlap, the later one in the file shows, or the smaller one.",
            overlap,
        ),
        _SHARE_OF_ANNOTATED,
        ImportOption("photos", Path, "Where the photos lie, if not in SRC."),
        _SKIP_BROKEN,
    )


TOOLS = (
    Importer(
        "coco",
        _FORMATS + "coco:list_coco",
        "COCO JSON of instances or stuff: polygons and run lengths; photos and JSON files anywhere in SRC.",
        "What COCO itself (https://cocodataset.org/#format-data), CVAT, Label Studio, Roboflow and others write. The "
        "class ids are the category ids; crowds and stuff are regions, and every other annotation is an object.",
        (
            ImportOption(
                "annotations", list[Path], "An annotation file; may be repeated (default: those found in SRC)."
            ),
            *_annotated("area"),
        ),
    ),
    Importer(
        "labelme",
        _FORMATS + "labelme:list_labelme",
        "labelme's folders: a JSON file of shapes for every photo.",
        "What https://github.com/wkentaro/labelme saves: polygons, rectangles, circles and masks; lines and points are "
        "left out. Shapes of one label and group are one object. The classes are the labels in the order of names, "
        "if --classes does not say otherwise.",
        _annotated("order"),
    ),
)
"""Formats whose licence is that of whoever annotated."""

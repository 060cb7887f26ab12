"""The formats of annotation tools that can be imported: rows of the table :data:`semsynth.api.importers.IMPORTERS`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from semsynth.api.import_options import MEANING, Importer, ImportOption

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
_PHOTOS = ImportOption("photos", Path, "Where the photos lie, if not in SRC.")


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
        _PHOTOS,
        _SKIP_BROKEN,
    )


TOOLS = (
    Importer(
        "auto",
        "",  # another format: semsynth.api.datasets says which
        "Find out which format SRC has, say so, and import it.",
        "Known are the formats of this list but edges, unlabelled, huggingface and most papers' data sets. An "
        "option that the format lacks is an error; for others, such as --overlap, name the format itself.",
        (
            ImportOption(
                "dry_run", bool, "Say what was found and what would be done, and do nothing.", False, "--dry-run"
            ),
            ImportOption("classes", str, "A classes.json or the name of a built-in class set."),
            _SHARE_OF_ANNOTATED,
            _SKIP_BROKEN,
        ),
    ),
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
    Importer(
        "voc",
        _FORMATS + "voc:list_voc",
        "Pascal VOC and CVAT's 'Segmentation mask 1.1': SegmentationClass, SegmentationObject, JPEGImages.",
        "The folders of http://host.robots.ox.ac.uk/pascal/VOC and of CVAT's export. The classes are those of "
        "labelmap.txt, else VOC's; 255 and its colour are void; the lists in ImageSets/Segmentation say the splits.",
        (
            ImportOption("classes", str, "A classes.json or built-in class set (default: labelmap.txt, else VOC's)."),
            *MEANING,
            _SHARE_OF_ANNOTATED,
            _PHOTOS,
            _SKIP_BROKEN,
        ),
    ),
    Importer(
        "yolo",
        _FORMATS + "yolo:list_yolo",
        "YOLO and Roboflow: images/ and labels/ with a text file of outlines per photo, and data.yaml.",
        "As https://docs.ultralytics.com/datasets/segment describes it. Every line is an object; files of boxes are "
        "refused.",
        _annotated("area"),
    ),
    Importer(
        "cvat",
        _FORMATS + "cvat:list_cvat",
        "CVAT for images 1.1: XML with polygons, masks, boxes and ellipses; the higher z_order shows.",
        "An export of https://www.cvat.ai with its images. Points, lines and tags are left out.",
        _annotated("order"),
    ),
    Importer(
        "label-studio",
        _FORMATS + "label_studio:list_label_studio",
        "Label Studio: JSON with brushes, polygons, rectangles and ellipses, or PNG files of brushes.",
        "An export of https://labelstud.io ('JSON', not JSON-MIN, or 'Brush labels to PNG') beside its photos. The "
        "PNG files do not name their photos: the JSON export beside them does, or photos that are named by the "
        "number of the task. Of several annotations of one task the ground truth counts, else the first.",
        _annotated("order"),
    ),
    Importer(
        "supervisely",
        _FORMATS + "supervisely:list_supervisely",
        "Supervisely: meta.json, DATASET/img and DATASET/ann with bitmaps, polygons and rectangles.",
        "A project as https://supervisely.com exports it. The class ids count from 1, in the order of meta.json.",
        _annotated("order"),
    ),
    Importer(
        "vistas",
        _FORMATS + "vistas:list_vistas",
        "Mapillary Vistas: training/ and validation/ with labels, instances and config.json.",
        "https://www.mapillary.com/dataset/vistas (registration). Licence: CC BY-NC-SA 4.0.",
        (
            ImportOption(
                "version", Literal["v1.2", "v2.0"], "Of the annotations, where there are several (default: the newest)."
            ),
        ),
    ),
    Importer(
        "arrays",
        _FORMATS + "arrays:list_arrays",
        "Label maps in .npy, .npz or .mat files, and the photos of the same names.",
        "Whole numbers, height x width, that are the ids of SRC/classes.json or of --classes; 255 is void. See "
        "https://numpy.org/doc/stable/reference/routines.io.html; MATLAB's files without -v7.3.",
        (
            ImportOption("classes", str, "A classes.json or the name of a built-in class set."),
            ImportOption("array", str, "Name of the array in files with several."),
            ImportOption("label_suffix", str, "How names of arrays end: _mask for a_mask.npy beside a.jpg.", ""),
            *MEANING[:2],
            _SHARE_OF_ANNOTATED,
            _PHOTOS,
            _SKIP_BROKEN,
        ),
    ),
    Importer(
        "binary-masks",
        _FORMATS + "binary_masks:list_binary_masks",
        "A file of black and white per class: masks/CLASS/NAME, masks/NAME/CLASS or masks/NAME_CLASS.",
        "What is not black belongs to the class.",
        (ImportOption("masks", str, "Name of the folder of masks.", "masks"), *_annotated("area")),
    ),
)
"""Formats whose licence is that of whoever annotated."""

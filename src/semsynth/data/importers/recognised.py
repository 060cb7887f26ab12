"""Which format a folder has: what was found in it, and which importer reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from semsynth.data.annotations.files import files_below
from semsynth.data.folder import CLASSES_FILE, IMAGES, LABELS
from semsynth.data.importers import arrays, coco, cvat, label_studio, labelme, supervisely, vistas, voc, yolo
from semsynth.data.listing import counted, is_clutter, picture_files
from semsynth.errors import SemsynthError


@dataclass(frozen=True)
class Found:
    """A format that a folder has."""

    format: str
    """The importer's name."""
    what: str
    """What was found, for people."""


def recognised(source: Path) -> Found:
    """The format of the data in ``source``.

    The first that fits is taken; formats that a folder's structure tells come before those that a file's content tells.

    Raises:
        SemsynthError: none fits; the message says what there is.
    """
    if not source.is_dir():
        raise SemsynthError(f"there is no folder {source}: check the path")
    for name, find in _FORMATS.items():
        if what := find(source):
            return Found(name, what)
    folders = sorted(path.name for path in source.iterdir() if path.is_dir() and not is_clutter(path.name))
    pictures = counted(len(picture_files(source)), "picture")
    raise SemsynthError(
        f"{source} has no format that is known: it holds {pictures} and the folders "
        f"{', '.join(folders[:8]) or 'none'}; `semsynth data import --help` lists the formats"
    )


def _cityscapes(source: Path) -> str:
    return "leftImg8bit/ and gtFine/" if (source / "leftImg8bit").is_dir() and (source / "gtFine").is_dir() else ""


def _vistas(source: Path) -> str:
    version = vistas.vistas_version(source)
    return "" if version is None else f"training/ or validation/ with labels of version {version or '1'}"


def _voc(source: Path) -> str:
    root = voc.voc_root(source)
    if root is None:
        return ""
    classes = voc.LABELMAP if (root / voc.LABELMAP).is_file() else "no list of classes (those of VOC)"
    return f"{root / voc.CLASSES} and {classes}"


def _supervisely(source: Path) -> str:
    return _several(supervisely.found_files(source), "Supervisely annotation file")


def _panoptic(source: Path) -> str:
    found = [path for path in files_below(source, ".json") if path.name.startswith("panoptic_")]
    return f"{found[0]} of COCO panoptic" if found else ""


def _coco(source: Path) -> str:
    return _several(coco.found_files(source), "COCO annotation file")


def _label_studio(source: Path) -> str:
    masks = label_studio.found_masks(source)
    if masks:
        return f"{counted(sum(map(len, masks.values())), 'PNG file')} of Label Studio, of {counted(len(masks), 'task')}"
    return _several(label_studio.found_files(source), "Label Studio file")


def _labelme(source: Path) -> str:
    return _several(labelme.found_files(source), "labelme file")


def _cvat(source: Path) -> str:
    return _several(cvat.found_files(source), "CVAT file")


def _yolo(source: Path) -> str:
    listed = any((source / name).is_file() for name in ("data.yaml", "data.yml", "classes.txt"))
    return _several(yolo.found_files(source), "YOLO text file") if listed else ""


def _arrays(source: Path) -> str:
    return _several(arrays.found_files(source), "array file")


def _masks(source: Path) -> str:
    return f"{source / 'masks'} with files per class" if _has_class_folders(source / "masks") else ""


def _folder(source: Path) -> str:
    for root in (source, *sorted(path for path in source.iterdir() if path.is_dir())):
        if (root / IMAGES).is_dir() and (root / LABELS).is_dir() and picture_files(root / LABELS):
            classes = "with" if (source / CLASSES_FILE).is_file() else "without"
            return f"{root / IMAGES} and {root / LABELS}, {classes} {CLASSES_FILE}"
    return ""


def _several(files: list[Path], thing: str) -> str:
    return f"{counted(len(files), thing)}, such as {files[0]}" if files else ""


def _has_class_folders(masks: Path) -> bool:
    return masks.is_dir() and any(path.is_dir() and not is_clutter(path.name) for path in masks.iterdir())


_FORMATS: dict[str, Callable[[Path], str]] = {
    "cityscapes": _cityscapes,
    "vistas": _vistas,
    "voc": _voc,
    "supervisely": _supervisely,
    "coco-panoptic": _panoptic,
    "coco": _coco,
    "label-studio": _label_studio,
    "labelme": _labelme,
    "cvat": _cvat,
    "yolo": _yolo,
    "folder": _folder,
    "binary-masks": _masks,
    "arrays": _arrays,
}
"""Format -> what says what was found, nothing if it is another one."""

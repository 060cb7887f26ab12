"""The formats that dataset folders are exported in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from semsynth.data.exporters.cityscapes import write_cityscapes
from semsynth.data.exporters.coco import write_coco
from semsynth.data.exporters.cvat import write_cvat
from semsynth.data.exporters.labelme import write_labelme
from semsynth.data.exporters.voc import write_voc
from semsynth.data.exporters.writing import Writer, export_samples
from semsynth.data.exporters.yolo import write_yolo
from semsynth.data.placing import copy, link
from semsynth.data.progress import Progress, Tell, silent, tell_nobody
from semsynth.errors import SemsynthError

FORMATS: dict[str, Writer] = {
    "coco": write_coco,
    "yolo": write_yolo,
    "voc": write_voc,
    "cvat": write_cvat,
    "labelme": write_labelme,
    "cityscapes": write_cityscapes,
}


def export_dataset(
    format: str,
    root: str | Path,
    out: str | Path,
    *,
    split: Sequence[str] = (),
    photos: str | Path | None = None,
    links: bool = False,
    progress: Progress = silent,
    tell: Tell = tell_nobody,
) -> dict[str, int]:
    """Write a dataset folder as the files that detectors and annotation tools read.

    ``semsynth.import_dataset`` of the same format makes the same label maps of them, to the pixel, and the same
    objects; what a format cannot hold is told. Where a split has no instance maps, every connected component of a
    class is an object.

    Args:
        format: ``coco``, ``yolo``, ``voc``, ``cvat``, ``labelme`` or ``cityscapes``.
        root: the dataset folder.
        out: the folder to make, all at once; it must not exist, or be empty.
        split: splits to export; none: all.
        photos: photographs to write instead of the data set's, named like the label maps, for example those that
            ``synthesize`` made of them.
        links: whether photographs are linked instead of copied.
        progress: called with (done, total) after every sample.
        tell: called with what the format cannot hold.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: an unknown format, no such data set or split, a damaged file, classes that the format cannot
            hold, or ``out`` holds something or cannot be written.
    """
    if format not in FORMATS:
        raise SemsynthError(f"there is no format '{format}' to export; known: {', '.join(FORMATS)}")
    place = link if links else copy
    instead = None if photos is None else Path(photos)
    return export_samples(
        Path(root), Path(out), FORMATS[format], only=split, photos=instead, place=place, progress=progress, tell=tell
    )

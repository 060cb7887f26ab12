"""Any folder of photos and label maps with equal names: ids or colours, one split or several."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.data.folder import IMAGES, INSTANCES, LABELS, list_pictures, splits
from semsynth.data.importers.pairs import Pair, Place, import_pairs, link, matched
from semsynth.data.label_files import holds_colors, read_layout, write_layout
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError
from semsynth.layout import Layout


def import_folder(
    source: Path,
    out: Path,
    classes: ClassSet,
    *,
    split: str = "train",
    void: int | None = None,
    place: Place = link,
    progress: Progress = silent,
) -> dict[str, int]:
    """Import ``SOURCE/images`` and ``SOURCE/labels``, or the same below one sub-folder per split.

    Every label map is read and validated. Maps of ids are linked as they are; colour maps become maps of ids.

    Args:
        source: the folder; ``instances`` beside ``labels`` are imported, too.
        out: the dataset folder to make or to go on with.
        classes: what ids and colours mean.
        split: where the pairs go if the source is not divided.
        void: an id of the label maps that means "no class", besides 255 (8 bit) and 65535 (16 bit).
        place: `link` or `copy`.
        progress: called once per pair.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: no such folders, names that do not pair, or a label map outside the class set.
    """
    if not source.is_dir():
        raise SemsynthError(f"there is no folder {source}: check the path")
    if void is not None and void in classes.ids:
        raise SemsynthError(f"id {void} is a class of '{classes.name}': it cannot be void as well")
    names = (split,) if (source / LABELS).is_dir() else splits(source)
    if not names:
        raise SemsynthError(f"{source} has neither {LABELS}/ nor SPLIT/{LABELS}/: arrange it so, beside {IMAGES}/")
    pairs: list[Pair] = []
    for name in names:
        folder = source if (source / LABELS).is_dir() else source / name
        instances = list_pictures(folder / INSTANCES) if (folder / INSTANCES).is_dir() else None
        pairs += matched(name, list_pictures(folder / IMAGES), list_pictures(folder / LABELS), instances, folder)

    def place_label(label: Path, target: Path) -> None:
        if void is not None:
            write_layout(target, _without(void, label, classes))
            return
        layout = read_layout(label, classes)
        if holds_colors(label):
            write_layout(target, layout)
        else:
            place(label, target)

    return import_pairs(pairs, classes, out, place=place, place_label=place_label, progress=progress)


def _without(void: int, label: Path, classes: ClassSet) -> Layout:
    """The label map with id ``void`` turned into void."""
    extra = ClassInfo(id=void, name="void", color=(0, 0, 0))
    wider = ClassSet(name=classes.name, classes=(*classes.classes, extra))
    labels = read_layout(label, wider).labels
    return Layout(np.where(labels == void, np.uint16(VOID), labels), classes)

"""Any folder of photos and label maps with equal names: ids or colours, one split or several."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from semsynth.classes import ClassSet
from semsynth.data.folder import IMAGES, INSTANCES, LABELS, splits
from semsynth.data.importers.ids import widened, without
from semsynth.data.importers.pairs import Listing, Pair, matched
from semsynth.data.listing import list_pictures
from semsynth.errors import SemsynthError
from semsynth.layout import Layout


def list_folder(source: Path, classes: ClassSet, *, split: str = "train", void: int | None = None) -> Listing:
    """List ``SOURCE/images`` and ``SOURCE/labels``, or the same below one sub-folder per split.

    Args:
        source: the folder; ``instances`` beside ``labels`` are listed, too.
        classes: what ids and colours mean.
        split: where the pairs go if the source is not divided.
        void: an id of the label maps that means "no class", besides 255 (8 bit) and 65535 (16 bit).

    Raises:
        SemsynthError: no such folders, or names that do not pair.
    """
    if not source.is_dir():
        raise SemsynthError(f"there is no folder {source}: check the path")
    if void is not None and void in classes.ids:
        raise SemsynthError(f"id {void} is a class of '{classes.name}': it cannot be void as well")
    names = (split,) if (source / LABELS).is_dir() else splits(source)
    if not names:
        raise SemsynthError(f"{source} has neither {LABELS}/ nor SPLIT/{LABELS}/: arrange it so, beside {IMAGES}/")
    read = None if void is None else partial(_without, void, classes)
    pairs: list[Pair] = []
    for name in names:
        folder = source if (source / LABELS).is_dir() else source / name
        instances = list_pictures(folder / INSTANCES) if (folder / INSTANCES).is_dir() else None
        images, labels = list_pictures(folder / IMAGES), list_pictures(folder / LABELS)
        pairs += matched(name, images, labels, instances, folder, read)
    return Listing(tuple(pairs), classes)


def _without(void: int, classes: ClassSet, label: Path) -> Layout:
    return without(Layout.open(label, widened(classes, void)), void, classes)

"""Any folder of photos and label maps with equal names: ids or colours, one split or several."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

from semsynth.classes import ClassSet
from semsynth.data.folder import IMAGES, INSTANCES, LABELS, splits
from semsynth.data.importers.pairs import Listing, Pair, matched
from semsynth.data.listing import list_pictures
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.layout.legend import Holds, Legend


def list_folder(
    source: Path,
    classes: ClassSet,
    *,
    split: str = "train",
    void: int | str | Iterable[int | str] | None = None,
    meaning: Iterable[str] = (),
    holds: Holds | None = None,
) -> Listing:
    """List ``SOURCE/images`` and ``SOURCE/labels``, or the same below one sub-folder per split.

    Args:
        source: the folder; ``instances`` beside ``labels`` are listed, too.
        classes: what ids and colours mean.
        split: where the pairs go if the source is not divided.
        void: numbers and colours of the label maps that mean "no class", besides 255 (8 bit) and 65535 (16 bit).
        meaning: what other numbers and colours mean, as :meth:`Legend.said` reads it.
        holds: what label maps hold that could hold ids or colours.

    Raises:
        SemsynthError: no such folders, names that do not pair, or a meaning that does not fit the classes.
    """
    if not source.is_dir():
        raise SemsynthError(f"there is no folder {source}: check the path")
    legend = Legend.said(classes, holds, meaning, void)
    names = (split,) if (source / LABELS).is_dir() else splits(source)
    if not names:
        raise SemsynthError(f"{source} has neither {LABELS}/ nor SPLIT/{LABELS}/: arrange it so, beside {IMAGES}/")
    read = None if legend.plain else partial(Layout.open, classes=legend)
    pairs: list[Pair] = []
    for name in names:
        folder = source if (source / LABELS).is_dir() else source / name
        instances = list_pictures(folder / INSTANCES) if (folder / INSTANCES).is_dir() else None
        images, labels = list_pictures(folder / IMAGES), list_pictures(folder / LABELS)
        pairs += matched(name, images, labels, instances, folder, read)
    return Listing(tuple(pairs), classes)

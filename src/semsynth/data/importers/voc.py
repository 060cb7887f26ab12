"""Pascal VOC's folders, which CVAT calls "Segmentation mask 1.1": ``SegmentationClass`` and ``SegmentationObject``.

``SegmentationClass/NAME.png`` holds the classes, as a palette or as colours; ``SegmentationObject`` numbers the
objects, in the same way; the photographs lie in ``JPEGImages``, and ``ImageSets/Segmentation`` lists the splits. The
index 255, in the colour (224, 224, 192), marks borders that nobody decided, and is void. ``labelmap.txt`` names the
classes and colours; without it they are the 20 of VOC, and background.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from semsynth.class_files import voc_color
from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.data.annotations.photos import Photos
from semsynth.data.importers.ids import instance_map
from semsynth.data.importers.pairs import Listing, Pair, own_instances
from semsynth.data.importers.records import Broken, listing_of
from semsynth.data.listing import list_pictures
from semsynth.data.source_files import read_lines
from semsynth.data.splitting import SPLITS, split_named
from semsynth.errors import SemsynthError
from semsynth.images import read_image_bytes
from semsynth.layout import Layout, pixels
from semsynth.layout.label_files import is_png, read_instances
from semsynth.layout.legend import Holds, Legend

CLASSES, OBJECTS, LISTS = "SegmentationClass", "SegmentationObject", Path("ImageSets") / "Segmentation"
LABELMAP = "labelmap.txt"
_BORDER = 0xE0E0C0
# fmt: off
_NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
# fmt: on
VOC = ClassSet(
    name="voc", classes=tuple(ClassInfo(id=n, name=name, color=voc_color(n)) for n, name in enumerate(_NAMES))
)
"""The classes of the VOC2012 development kit, in its order and colours."""


def list_voc(
    source: Path,
    classes: str | ClassSet | None = None,
    *,
    void: int | str | Iterable[int | str] | None = None,
    meaning: Iterable[str] = (),
    holds: Holds | None = None,
    val_share: float | None = None,
    photos: Path | None = None,
    skip_broken: bool = False,
) -> Listing:
    """List label maps, instance maps and photographs in VOC's folders.

    Args:
        source: the folder that holds ``SegmentationClass``, or one above it.
        classes: what the colours or indices mean; by default ``labelmap.txt``, else VOC's classes.
        void: numbers and colours that mean "no class", besides VOC's borders.
        meaning: what other numbers and colours mean, as :meth:`Legend.said` reads it.
        holds: what the maps hold; None: grey files ids, and others colours.
        val_share: about how many go to ``val``, where no list divides them; None: none.
        photos: where the photographs lie, if not in ``source``.
        skip_broken: whether label maps that cannot be read or have no photograph are left out.

    Raises:
        SemsynthError: no such folders, a photograph or an instance map is missing, or the classes cannot be read.
    """
    root = voc_root(source)
    if root is None:
        raise SemsynthError(
            f"{source} holds no {CLASSES}/: give the folder of the VOC development kit or of CVAT's export"
        )
    named = classes if classes is not None else root / LABELMAP if (root / LABELMAP).is_file() else VOC
    class_set = named if isinstance(named, ClassSet) else ClassSet.open(named)
    legend = Legend.said(class_set, holds, meaning, void)
    legend = replace(legend, colors={_BORDER: VOID} | dict(legend.colors))
    maps = list_pictures(root / CLASSES)
    objects = list_pictures(root / OBJECTS) if (root / OBJECTS).is_dir() else {}
    files = Photos(photos or root, (root / CLASSES, root / OBJECTS))
    splits, broken, pairs = _splits(root), Broken(skip_broken), list[Pair]()
    for name, path in maps.items():
        if splits and name not in splits:
            continue
        with broken.guarded(str(path)):
            if objects and name not in objects:
                raise SemsynthError(f"its instance map {root / OBJECTS / path.name} is missing")
            photo = files.find(f"JPEGImages/{name}.jpg", path)
            read, sources = (
                partial(_read, path, objects.get(name), legend),
                (path, *([objects[name]] if objects else ())),
            )
            pairs.append(Pair(splits.get(name, ""), name, photo, read, own_instances if objects else None, sources))
    extra = len([name for name in maps if name not in splits]) if splits else 0
    notes = (f"{root / CLASSES}: {extra:,} label maps that no list in {root / LISTS} names were left out",) * bool(
        extra
    )
    left_out = broken.left_out(source, len(pairs))
    listing = listing_of(source, pairs, class_set, val_share)
    return replace(listing, notes=notes, left_out=left_out, skip_broken=skip_broken)


def voc_root(source: Path) -> Path | None:
    """The folder in ``source`` that holds ``SegmentationClass``."""
    for pattern in (CLASSES, f"*/{CLASSES}", f"*/*/{CLASSES}"):
        if found := sorted(path for path in source.glob(pattern) if path.is_dir()):
            return found[0].parent
    return None


def _splits(root: Path) -> Mapping[str, str]:
    """Name -> split, where lists divide the pictures; lists of other names, such as ``default``, do not."""
    found: dict[str, str] = {}
    if (root / LISTS).is_dir():
        for path in sorted((root / LISTS).glob("*.txt")):
            if (split := split_named(path.stem)) in SPLITS:
                for name in read_lines(path):
                    if found.setdefault(name, split) != split:
                        raise SemsynthError(
                            f"{root / LISTS}: {name} is in the lists {found[name]} and {split}: keep one"
                        )
    return found


def _read(path: Path, objects: Path | None, legend: Legend) -> Layout:
    if legend.holds is None:
        grey = is_png(path) and read_image_bytes(path)[25:26] in (b"\x00", b"\x04")  # IHDR's colour type
        legend = replace(legend, holds=None if grey else "colors")
    layout = Layout.open(path, legend)
    if objects is None:
        return layout
    numbers = read_instances(objects)
    if numbers.shape != layout.size:
        raise SemsynthError(
            f"{objects} is {pixels(numbers.shape)}, and {path} is {pixels(layout.size)}: they must be equal"
        )
    _, places = np.unique(numbers, return_inverse=True)
    places = np.where(numbers == 0, -1, places.reshape(numbers.shape))  # 0 is background, where nothing is counted
    return Layout(layout.labels, layout.classes, instance_map(layout.labels, places))

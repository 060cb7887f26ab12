"""Cityscapes: ``leftImg8bit/SPLIT/CITY`` and ``gtFine/SPLIT/CITY`` with ``labelIds`` and ``instanceIds``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from semsynth.classes import VOID, ClassSet, builtin
from semsynth.data.exporters.writing import Exported, has_void
from semsynth.errors import SemsynthError
from semsynth.images import decode_image, save_png
from semsynth.layout.instances import IDS_PER_CLASS

_UNLABELED = 0


def write_cityscapes(
    out: Path, classes: ClassSet, samples: Iterator[Exported], place: Callable[[Exported, Path], None]
) -> Sequence[str]:
    """Write samples in the folders of Cityscapes; as :data:`semsynth.data.exporters.writing.Writer`.

    Photographs become PNG files, as those of Cityscapes are.

    Raises:
        SemsynthError: classes that Cityscapes does not have, or more than 1000 objects of a class in a picture.
    """
    known = {one.name: one.id for one in builtin("cityscapes").classes}
    strange = [one.name for one in classes.classes if one.name not in known]
    if strange:
        raise SemsynthError(
            f"Cityscapes has no class '{strange[0]}' ({len(strange)} of {classes.num_classes} are unknown to it): "
            "export another format"
        )
    ids = np.full(VOID + 1, _UNLABELED, np.uint16)
    ids[classes.ids] = [known[one.name] for one in classes.classes]
    voids = 0
    for sample in samples:
        stem = f"{sample.split}/{sample.name.split('_')[0]}/{sample.name}"
        labels = ids[sample.layout.labels]
        voids += has_void(sample.layout.labels)
        save_png(out / "gtFine" / f"{stem}_gtFine_labelIds.png", labels.astype(np.uint8))
        save_png(out / "gtFine" / f"{stem}_gtFine_instanceIds.png", _instances(sample, ids, labels))
        if sample.photo is not None:
            save_png(out / "leftImg8bit" / f"{stem}_leftImg8bit.png", decode_image(sample.photo))
    return [f"void in {voids:,} samples became the class 'unlabeled' (0)"] if voids else []


def _instances(sample: Exported, ids: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """``1000 * class + k`` for objects, the class for regions."""
    instances, seen = labels.copy(), Counter[int]()
    for thing in sample.things():
        if thing.single:
            number = int(ids[thing.class_id])
            if seen[number] == IDS_PER_CLASS:
                raise SemsynthError(f"{sample.split}/{sample.name} has more than {IDS_PER_CLASS} objects of one class")
            instances[thing.patch.box][thing.patch.mask] = IDS_PER_CLASS * number + seen[number]
            seen[number] += 1
    return instances

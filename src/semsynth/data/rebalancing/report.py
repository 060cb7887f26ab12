"""What a rebalanced set holds, before and after: ``rebalance.json`` and a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from semsynth.classes import ClassInfo, ClassSet
from semsynth.config import Config, dump_config
from semsynth.data.coverage import class_pixels
from semsynth.files import write_bytes
from semsynth.layout import Layout
from semsynth.layout.instances import objects
from semsynth.pages import render

RECORD, PAGE = "rebalance.json", "rebalance.html"


class Tally:
    """Pixels and objects of each class, summed over layouts."""

    def __init__(self, classes: ClassSet) -> None:
        self._classes, self.layouts = classes, 0
        self._pixels = np.zeros(classes.num_classes + 1, np.int64)  # void is last
        self._objects = np.zeros(classes.num_classes, np.int64)

    def add(self, layout: Layout) -> None:
        """Count a layout with instances."""
        self.layouts += 1
        self._pixels += class_pixels(layout)
        found = self._classes.index_of_id[objects(layout).class_ids]
        self._objects += np.bincount(found, minlength=len(self._objects))

    @property
    def known(self) -> int:
        """Labelled pixels."""
        return int(self._pixels[:-1].sum())

    def pixels_of(self, class_id: int) -> int:
        """Pixels of a class."""
        return int(self._pixels[self._classes.index_of_id[class_id]])

    def objects_of(self, class_id: int) -> int:
        """Objects of a class."""
        return int(self._objects[self._classes.index_of_id[class_id]])

    def share_of(self, class_id: int) -> float:
        """Share of the labelled pixels, 0..1."""
        return self.pixels_of(class_id) / max(1, self.known)


class ClassShare(Config):
    """A class before and after."""

    name: str
    before: float
    """Share of the labelled pixels, 0..1."""
    after: float
    objects_before: int
    objects_after: int
    goal: float | None
    """The share that was asked for."""
    pasted: int
    """New objects."""

    @classmethod
    def of(cls, item: ClassInfo, before: Tally, after: Tally, goal: float | None, pasted: int) -> ClassShare:
        """Read off two tallies."""
        return cls(
            name=item.name,
            before=before.share_of(item.id),
            after=after.share_of(item.id),
            objects_before=before.objects_of(item.id),
            objects_after=after.objects_of(item.id),
            goal=goal,
            pasted=pasted,
        )


class Rebalanced(Config):
    """``rebalance.json``: what became of a split."""

    layouts: int
    classes: tuple[ClassShare, ...]
    """In the class set's order."""


def write_report(folder: Path, result: Rebalanced) -> None:
    """Write the record and the page.

    Raises:
        SemsynthError: the folder cannot be written.
    """
    dump_config(result, folder / RECORD)
    most = max(max(one.before, one.after) for one in result.classes) or 1.0
    page = render(Path(__file__).parent / "report.html", result=result, most=most)
    write_bytes(folder / PAGE, page.encode())

"""Whether a split's void hides classes: masks of 0 and 255, ids that mean something else, maps that say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.images import STRIP_PIXELS
from semsynth.layout import Layout

MUCH = 0.1
"""Share of void from which classes that never occur are told."""
MOST = 0.5
"""Share of void above which that is a problem."""
ALONE, FEW = 0.01, 4
"""The same where one of at most ``FEW`` classes occurs only: so it is in masks of 0 and 255."""

_WAYS_OUT = (
    "255 in 8-bit maps and black in colour maps are void: if one of them is a class, import the maps again with "
    "`semsynth data import folder --map 255:CLASS` or `--map '#000000:CLASS'`"
)
_SHOWN = 3


@dataclass(frozen=True)
class Coverage:
    """What void leaves of a split's classes."""

    problem: str | None = None
    note: str | None = None
    nothing: bool = False
    """Whether void is all there is."""

    @property
    def line(self) -> str | None:
        """What there is to say."""
        return self.problem or self.note


def class_pixels(layout: Layout) -> NDArray[np.int64]:
    """[K+1]: pixels per class index, void last; counted in strips."""
    counts = np.zeros(layout.classes.num_classes + 1, np.int64)
    labels = layout.labels.ravel()
    for start in range(0, labels.size, STRIP_PIXELS):
        indices = layout.classes.index_of_id[labels[start : start + STRIP_PIXELS]]
        counts += np.bincount(indices, minlength=len(counts))
    return counts


def coverage(called: str, pixels: NDArray[np.integer], classes: ClassSet) -> Coverage:
    """Judge a split by its pixels.

    Args:
        called: the split, or what was looked at of it.
        pixels: [K+1] per class index, void last.
        classes: of the label maps.
    """
    total, void = int(pixels.sum()), int(pixels[-1])
    missing = [item for item, count in zip(classes.classes, pixels[:-1], strict=True) if not count]
    if not missing or not void:
        return Coverage()
    if void == total:
        return Coverage(f"{called} holds nothing but void, {void} pixels: no class occurs; {_WAYS_OUT}", nothing=True)
    share, occurring = void / total, classes.num_classes - len(missing)
    shown = ", ".join(f"'{item.name}' ({item.id})" for item in missing[:_SHOWN])
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    verb = "never occurs" if len(missing) == 1 else "never occur"
    text = f"{called}: {share:.0%} of the pixels are void, and {shown}{more} {verb}; {_WAYS_OUT}"
    if share > MOST or (occurring == 1 and classes.num_classes <= FEW and share >= ALONE):
        return Coverage(problem=text)
    return Coverage(note=text) if share >= MUCH else Coverage()


def add_coverage(
    called: str, pixels: NDArray[np.integer], classes: ClassSet, problems: list[str], notes: list[str]
) -> None:
    """Add what :func:`coverage` finds to the lists of a report."""
    found = coverage(called, pixels, classes)
    problems += [found.problem] if found.problem else []
    notes += [found.note] if found.note else []

"""Label maps that were anti-aliased, resampled or JPEG-compressed, which invents ids along every border."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from semsynth.images import STRIP_PIXELS
from semsynth.layout import Layout

MAX_IN_BETWEEN = 0.06
"""Share of border pixels that may lie between their neighbours' ids, the commonest id left out, beyond
``MIN_IN_BETWEEN`` pixels.

Measured with :func:`in_between` on CMP Facades, CamVid, LabelMeFacade and samples of Cityscapes and COCO-Stuff: at
most 0.006 in real maps, 0.046 in them scaled down to 64x64 (nearest). After bilinear or bicubic scaling or JPEG at
quality 92, 49 of 50 maps have more than 0.085, and the median is 0.17 to 0.27.
"""
MIN_IN_BETWEEN = 10
MAX_SEVERAL = 0.01
"""Share of them that may differ from the commonest id between the same two sides: at most 0.004 in real maps, 0.018 in
those scaled to 64x64; after smoothing, 19 of 20 have more. Thin classes, outlines say, have none."""


def in_between(
    labels: NDArray[np.integer], order: NDArray[np.integer] | None = None, thin: Sequence[int] = ()
) -> tuple[int, int, int]:
    """Count the pixels that make a label map look anti-aliased, resampled or JPEG-compressed.

    Interpolation leaves ids between those of the two sides all along every border, and several between any two sides.
    Where a class is thin by nature, it is one and the same.

    Args:
        labels: [H,W] ids.
        order: id -> what is compared, for example the class index; default the id itself.
        thin: those of what is compared that are thin by nature, and not counted as lying in between.

    Returns:
        (pixels whose id lies strictly between the differing ids of their left and right, or upper and lower,
        neighbours, without the commonest of those ids; the same without the commonest id between the same two
        sides; all pixels with such differing neighbours). Large maps are counted in strips.
    """
    height, width = labels.shape
    step = max(3, STRIP_PIXELS // width)
    found = [0, 0, 0]
    for top in range(0, height, step):
        strip = labels[max(top - 2, 0) : top + step]  # two rows again: every triple of rows lies in one strip
        compared = np.asarray(strip if order is None else order[strip], np.int32)
        parts = [_triples(compared[min(top, 2) :], thin), _triples(compared.T, thin)]
        counted = _counted(np.concatenate([triples for triples, _ in parts]))
        for place, count in enumerate((*counted, sum(borders for _, borders in parts))):
            found[place] += count
    return found[0], found[1], found[2]


def _triples(rows: NDArray[np.int32], thin: Sequence[int]) -> tuple[NDArray[np.int32], int]:
    """[n,3] (lower side, middle, higher side) of the pixels in between, and the number of borders."""
    before, here, after = rows[:, :-2], rows[:, 1:-1], rows[:, 2:]
    low, high = np.minimum(before, after), np.maximum(before, after)
    between = (low < here) & (here < high)
    if thin:
        between &= ~np.isin(here, thin)
    return np.stack([low[between], here[between], high[between]], 1), int(np.count_nonzero(before != after))


def _counted(triples: NDArray[np.int32]) -> tuple[int, int]:
    """All of them without the commonest middle, and without the commonest middle of the same sides."""
    low, middle, high = triples.astype(np.int64).T
    kinds, counts = np.unique((low << 40) | (high << 20) | middle, return_counts=True)  # ids have 16 bits
    of_middles = np.bincount(middle).max(initial=0)
    _, first = np.unique(kinds >> 20, return_index=True)
    of_sides = np.maximum.reduceat(counts, first).sum() if len(kinds) else 0
    return int(len(triples) - of_middles), int(len(triples) - of_sides)


def resampling_problems(
    labels: NDArray[np.integer],
    called: str,
    order: NDArray[np.integer] | None = None,
    thin: Sequence[int] = (),
) -> list[str]:
    """A line where a label map [H,W] looks anti-aliased, resampled or JPEG-compressed.

    Args:
        labels: as in :func:`in_between`.
        called: begins the line.
        order: as in :func:`in_between`.
        thin: as in :func:`in_between`.
    """
    between, several, borders = in_between(labels, order, thin)
    if between <= MIN_IN_BETWEEN + MAX_IN_BETWEEN * borders or several <= MAX_SEVERAL * borders:
        return []
    return [
        f"{called} looks anti-aliased or compressed: {between} of {borders} border pixels have an id between "
        "their neighbours' ids; export it again with nearest resampling and without JPEG (classes that are this thin "
        "by nature: `semsynth data check DATA --thin CLASS`)"
    ]


def layout_problems(layout: Layout, called: str, thin: Collection[str]) -> list[str]:
    """:func:`resampling_problems` of a layout's class indices; ``thin`` names classes that are thin by nature."""
    classes = layout.classes
    indices = [index for index, item in enumerate(classes.classes) if item.name in thin]
    return resampling_problems(layout.labels, called, classes.index_of_id, indices)

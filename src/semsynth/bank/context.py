"""How far the surroundings of two segments agree: the layout in their boxes and a margin around them.

Source: the score of SIMS, section 3, adds the overlap of contexts; how contexts are aligned, and overlaps of several
classes joined, is not published. Ours: contexts stay where they are in the frame, and the intersections and unions of
all classes are summed before they are divided.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsynth.bank.memory import MemoryBank
from semsynth.bank.segments import Segment, context_windows
from semsynth.classes import VOID, VOID_8BIT
from semsynth.layout.label_files import stored_labels


class Contexts:
    """The contexts of a layout's segments, to be compared with a bank's."""

    def __init__(self, bank: MemoryBank, labels: NDArray[np.integer]) -> None:
        """Compare contexts of the layout ``labels``, [H,W] class ids, of the bank's working size."""
        self._bank = bank
        self._labels = stored_labels(labels.astype(np.uint16), bank.classes)
        self._known = self._labels != (VOID_8BIT if self._labels.dtype == np.uint8 else VOID)

    def bounds(self, segment: Segment, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """[n]: what :meth:`scores` is at most, by the boxes and areas alone."""
        top, left, bottom, right = self._window(segment)
        tops, lefts, bottoms, rights = context_windows(self._bank.boxes[numbers], self._bank.rules.size).T
        heights = np.minimum(bottom, bottoms) - np.maximum(top, tops)
        widths = np.minimum(right, rights) - np.maximum(left, lefts)
        area = int(np.count_nonzero(self._known[top:bottom, left:right]))
        areas = self._bank.context_areas[numbers]
        shared = np.maximum(heights, 0) * np.maximum(widths, 0)
        return overlap_over_union(np.minimum(np.minimum(shared, areas), area), area, areas)

    def scores(self, segment: Segment, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """[n]: the overlap of the segment's context with those of segments of the bank, 0..1."""
        top, left, bottom, right = self._window(segment)
        known = self._known[top:bottom, left:right]
        theirs = self._bank.layouts[self._bank.images[numbers], top:bottom, left:right]  # [n,h,w]
        agree = (theirs == self._labels[top:bottom, left:right]) & known
        tops, lefts, bottoms, rights = context_windows(self._bank.boxes[numbers], self._bank.rules.size).T[..., None]
        rows, columns = np.arange(top, bottom), np.arange(left, right)
        agree &= ((rows >= tops) & (rows < bottoms))[:, :, None]
        agree &= ((columns >= lefts) & (columns < rights))[:, None, :]
        shared = np.count_nonzero(agree, axis=(1, 2))
        return overlap_over_union(shared, int(np.count_nonzero(known)), self._bank.context_areas[numbers])

    def _window(self, segment: Segment) -> tuple[int, int, int, int]:
        top, left, bottom, right = context_windows(np.array([segment.box]), self._bank.rules.size)[0].tolist()
        return top, left, bottom, right


def overlap_over_union(shared: NDArray[np.integer], area: int, areas: NDArray[np.integer]) -> NDArray[np.float64]:
    """[n]: intersection over union of a region of ``area`` pixels with regions of ``areas``; 0 where both are empty."""
    union = area + areas - shared
    share: NDArray[np.float64] = np.divide(shared, union, out=np.zeros(len(shared)), where=union > 0)
    return share

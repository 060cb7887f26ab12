"""Which segments of a bank fit the regions of a layout best: exact search by the overlap of masks.

The score is the intersection over union of two masks in the working frame: where a segment lies counts. Source: SIMS,
section 3, and the released code. Optionally the overlap of their contexts is added, as the paper has it.

The search is exact and compares few masks in full. The boxes and areas of two segments bound their score from above,
for all segments of a class at once. Those with the largest bounds are compared first; for the others that can still be
among the best, a second bound is the product of a mask's pixels, counted in the cells of a coarse grid, with the cells
that the other masks reach. The search ends where no bound reaches the best scores found.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semsynth.bank import masks
from semsynth.bank.context import Contexts, overlap_over_union
from semsynth.bank.memory import MemoryBank
from semsynth.bank.segments import Segment, check_frame

_TOGETHER = 64
"""Segments that are compared in full at a time."""

Scores = NDArray[np.float64]


def retrieve(
    bank: MemoryBank,
    segments: Sequence[Segment],
    count: int,
    *,
    labels: NDArray[np.integer] | None = None,
    exclude_image: int | None = None,
    among: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the segments of the same class with the best scores.

    Args:
        bank: where to look.
        segments: q segments of a layout, found by the bank's rules (:func:`semsynth.bank.segments.find_segments`).
        count: how many to find for each.
        labels: [H,W] class ids of that layout: the overlap of contexts is added to the score. None: masks alone count.
        exclude_image: number of a photo whose segments do not count, such as the layout's own.
        among: [photos]: whether the segments of each photo count; None: all.

    Returns:
        Numbers of segments of the bank, [q,count], the best first and of equal ones the lower number first, and their
        scores, [q,count] in 0..1 (0..2 with contexts). Where a class has fewer segments, -1 with the score 0.

    Raises:
        SemsynthError: ``labels`` of another size than the bank's.
    """
    indices = np.full((len(segments), count), -1, np.int64)
    scores = np.zeros((len(segments), count), np.float32)
    contexts = None
    if labels is not None:
        check_frame(labels.shape, bank.rules)
        contexts = Contexts(bank, labels)
    allowed = _allowed(bank, exclude_image, among)
    for number, segment in enumerate(segments):
        place = bank.of_class(segment.class_id)
        candidates = np.arange(place.start, place.stop)
        if allowed is not None:
            candidates = candidates[allowed[bank.images[place]]]
        best, values = _Query(bank, segment, contexts).search(candidates, count)
        indices[number, : len(best)], scores[number, : len(best)] = best, values
    return indices, scores


def _allowed(bank: MemoryBank, exclude_image: int | None, among: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    """[photos]: whose segments count; None: all."""
    if among is None and exclude_image is None:
        return None
    allowed = np.ones(len(bank.index.photos), np.bool_) if among is None else among.copy()
    if exclude_image is not None:
        allowed[exclude_image] = False
    return allowed


class _Query:
    """One segment that others are compared with."""

    def __init__(self, bank: MemoryBank, segment: Segment, contexts: Contexts | None) -> None:
        self._bank, self._segment, self._contexts = bank, segment, contexts
        self._mask = segment.full_mask(bank.rules.size)
        self._area = int(np.count_nonzero(segment.mask))
        rows, _ = segment.window
        self._words = slice(*masks.words_of_rows(rows.start, rows.stop, bank.rules.size))
        self._bits = masks.pack(self._mask)[self._words]

    def search(self, candidates: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], Scores]:
        """The best ``count`` of the ``candidates``, or fewer, with their scores."""
        best, values = np.empty(0, np.int64), np.empty(0, np.float64)
        bounds = self._box_bounds(candidates)
        refined = False
        while len(candidates) and count:
            order = np.argsort(-bounds, kind="stable")
            some, rest = candidates[order[:_TOGETHER]], order[_TOGETHER:]
            best, values = np.concatenate((best, some)), np.concatenate((values, self._scores(some)))
            first = np.lexsort((best, -values))[:count]
            best, values = best[first], values[first]
            if len(best) == count:
                rest = rest[bounds[rest] >= values[-1]]
            candidates, bounds = candidates[rest], bounds[rest]
            if not refined:
                bounds, refined = np.minimum(bounds, self._cell_bounds(candidates)), True
        return best, values

    def _scores(self, numbers: NDArray[np.int64]) -> Scores:
        """[n]: the scores of segments of the bank."""
        shared = masks.count_bits(self._bank.bits[numbers, self._words] & self._bits)
        scores = overlap_over_union(shared, self._area, self._bank.areas[numbers])
        return scores if self._contexts is None else scores + self._contexts.scores(self._segment, numbers)

    def _box_bounds(self, numbers: NDArray[np.int64]) -> Scores:
        """[n]: what the scores are at most, by boxes and areas."""
        top, left, height, width = self._segment.box
        tops, lefts, heights, widths = self._bank.boxes[numbers].astype(np.int64).T
        rows = np.minimum(top + height, tops + heights) - np.maximum(top, tops)
        columns = np.minimum(left + width, lefts + widths) - np.maximum(left, lefts)
        return self._bounds(np.maximum(rows, 0) * np.maximum(columns, 0), numbers)

    def _cell_bounds(self, numbers: NDArray[np.int64]) -> Scores:
        """[n]: what the scores are at most, by the pixels in those cells of the coarse grid that the others reach."""
        counts = masks.cell_counts(self._mask[None])[0]
        reached = masks.bits_as_numbers(self._bank.coarse[numbers], len(counts))  # [n,cells]
        return self._bounds((reached @ counts).astype(np.int64), numbers)

    def _bounds(self, shared: NDArray[np.int64], numbers: NDArray[np.int64]) -> Scores:
        """[n]: what the scores are at most, for masks that share no more pixels than given."""
        areas = self._bank.areas[numbers]
        bounds = overlap_over_union(np.minimum(np.minimum(shared, areas), self._area), self._area, areas)
        return bounds if self._contexts is None else bounds + self._contexts.bounds(self._segment, numbers)

"""Which segments of a bank fit the regions of a layout best: exact search by the overlap of masks.

The score is the intersection over union of two masks in the working frame: where a segment lies counts. Source: SIMS,
section 3, and the released code. Optionally the overlap of their contexts is added, as the paper has it.

The search is exact and looks at few masks in full. With a mask's pixels counted in the cells of a coarse grid, and the
cells that another mask reaches as bits, their product bounds the intersection from above, for all segments of a class
at once. Segments are compared in full in the order of these bounds, until no bound reaches the best ones found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from semsynth.bank import masks
from semsynth.bank.context import Contexts, overlap_over_union
from semsynth.bank.memory import MemoryBank
from semsynth.bank.segments import Segment, check_frame

_TOGETHER = 64
"""Segments that are compared in full at a time."""
_CHUNK = 512
"""Segments whose coarse bits are turned into numbers at a time, so that these stay in the processor's cache."""

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
    for class_id in sorted({segment.class_id for segment in segments}):
        queries = [number for number, segment in enumerate(segments) if segment.class_id == class_id]
        place = bank.of_class(class_id)
        candidates = np.arange(place.start, place.stop)
        if allowed is not None:
            candidates = candidates[allowed[bank.images[place]]]
        if len(candidates) and count:
            full = masks.place([segments[n].mask for n in queries], _boxes(segments, queries), bank.rules.size)
            overlaps = _largest_overlaps(bank, full, candidates)
            for number, mask, largest in zip(queries, full, overlaps, strict=True):
                best, values = _best(bank, segments[number], mask, largest, candidates, count, contexts)
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


def _boxes(segments: Sequence[Segment], numbers: Sequence[int]) -> NDArray[np.int64]:
    return np.array([segments[number].box for number in numbers], np.int64)


def _largest_overlaps(bank: MemoryBank, full: NDArray[np.bool_], candidates: NDArray[np.int64]) -> NDArray[np.float32]:
    """[q,n]: how many pixels of each mask [q,H,W] the candidates can have at most: those in cells that they reach."""
    counts = masks.cell_counts(full)  # [q,cells]
    return np.concatenate(
        [
            counts @ masks.bits_as_numbers(bank.coarse[candidates[start : start + _CHUNK]], counts.shape[1]).T
            for start in range(0, len(candidates), _CHUNK)
        ],
        axis=1,
    )


def _best(
    bank: MemoryBank,
    segment: Segment,
    mask: NDArray[np.bool_],
    largest: NDArray[np.float32],
    candidates: NDArray[np.int64],
    count: int,
    contexts: Contexts | None,
) -> tuple[NDArray[np.int64], Scores]:
    """The best ``count`` of ``candidates`` for one mask [H,W], and their scores."""
    area, words = int(np.count_nonzero(mask)), masks.pack(mask)
    areas = bank.areas[candidates]
    bounds = overlap_over_union(np.minimum(largest.astype(np.int64), areas), area, areas)
    if contexts is not None:
        bounds += contexts.bounds(segment, candidates)
    best, values = np.empty(0, np.int64), np.empty(0, np.float64)
    for some in _batches(bounds):
        if len(best) == count and bounds[some[0]] < values[-1]:
            break
        chosen = candidates[some]
        shared = masks.count_bits(bank.bits[chosen] & words)
        found = overlap_over_union(shared, area, areas[some])
        if contexts is not None:
            found += contexts.scores(segment, chosen)
        best, values = np.concatenate((best, chosen)), np.concatenate((values, found))
        first = np.lexsort((best, -values))[:count]
        best, values = best[first], values[first]
    return best, values


def _batches(bounds: Scores) -> Iterator[NDArray[np.int64]]:
    """Places of ``bounds`` from the largest to the smallest, some at a time."""
    order = np.argsort(-bounds, kind="stable")
    for start in range(0, len(order), _TOGETHER):
        yield order[start : start + _TOGETHER]

"""Which of the retrieved segments a picture takes: the best ones, or by its seed some of the next ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semsynth.bank.segments import Segment


def choose(segments: Sequence[Segment], indices: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """Choose one of the retrieved segments for each region of a layout.

    Args:
        segments: q regions of the layout.
        indices: [q,count]: what :func:`semsynth.bank.retrieval.retrieve` found for them, -1 where there is none.
        seed: 0 takes the best of each; any other seed draws among those that were found. What is drawn for a region
            depends on the seed and the region alone, so that other regions may change without it.

    Returns:
        [q] numbers of segments of the bank, -1 where none was found.
    """
    chosen = np.full(len(segments), -1, np.int64)
    for number, (segment, row) in enumerate(zip(segments, indices, strict=True)):
        found = row[row >= 0]
        if len(found):
            rank = 0
            if seed:
                own = (seed, segment.class_id, *segment.box, int(np.count_nonzero(segment.mask)))
                rank = int(np.random.default_rng(own).integers(len(found)))
            chosen[number] = found[rank]
    return chosen

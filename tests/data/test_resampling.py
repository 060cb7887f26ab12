from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsynth.data.resampling import in_between


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[0, 0, 3, 3]], (0, 0, 2)),
        ([[0, 0, 2, 3, 3], [5, 5, 6, 9, 9]], (1, 0, 6)),  # two thin classes, each between its own sides
        ([[0, 0, 2, 3, 3], [0, 0, 2, 9, 9]], (0, 0, 6)),  # one thin class
        ([[0, 0, 1, 3, 3], [0, 0, 2, 3, 3], [0, 0, 2, 3, 3]], (1, 1, 10)),
        ([[0, 0], [0, 0], [1, 2], [4, 4]], (1, 1, 4)),  # upright
        ([[0] * 5] * 5, (0, 0, 0)),
        ([[4]], (0, 0, 0)),
    ],
)
def test_by_hand(rows: list[list[int]], expected: tuple[int, int, int]) -> None:
    assert in_between(np.array(rows)) == expected


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 12), st.integers(1, 9))
def test_it_counts_what_a_loop_counts(seed: int, height: int, width: int, num_ids: int) -> None:
    labels = np.random.default_rng(seed).integers(0, num_ids, (height, width))
    triples = [
        (min(a, c), max(a, c), b)
        for lines in (labels.tolist(), labels.T.tolist())
        for line in lines
        for a, b, c in zip(line, line[1:], line[2:], strict=False)
        if a != c
    ]
    between = [(low, high, b) for low, high, b in triples if low < b < high]
    sides: dict[tuple[int, int], Counter[int]] = {}
    for low, high, b in between:
        sides.setdefault((low, high), Counter())[b] += 1
    commonest = max(Counter(b for _, _, b in between).values(), default=0)
    several = sum(sum(kinds.values()) - max(kinds.values()) for kinds in sides.values())
    assert in_between(labels) == (len(between) - commonest, several, len(triples))


def test_what_is_thin_by_nature_does_not_count() -> None:
    labels = np.array([[0, 0, 1, 3, 3], [0, 0, 2, 3, 3], [0, 0, 2, 3, 3]])
    assert in_between(labels, thin=[2]) == (0, 0, 10)
    assert in_between(labels, order=np.array([0, 3, 2, 9])) == (1, 1, 10)


def test_strips_lose_no_border(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.random.default_rng(1).integers(0, 5, (23, 9))
    whole = in_between(labels)
    monkeypatch.setattr("semsynth.data.resampling.STRIP_PIXELS", 40)
    assert in_between(labels)[2] == whole[2]

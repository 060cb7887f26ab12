"""Ids of label maps and instances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from official_trees import SIZE, SKY_AND_CAR

from semsynth.classes import VOID
from semsynth.data.importers.ids import instance_map, translated
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.layout.instances import objects


def test_translated() -> None:
    numbers = np.array([[0, 7, 900], [7, 0, 0]])
    assert translated(numbers, {900: 3, 0: VOID, 7: 1}, Path("a")).tolist() == [[VOID, 1, 3], [1, VOID, VOID]]
    with pytest.raises(SemsynthError, match=r"seg\.png holds ids .*: 7 \(2 pixels\), 900 \(1 pixels\); restore"):
        translated(numbers, {0: VOID, 8: 1}, Path("seg.png"))


def test_instance_map() -> None:
    labels = np.array([[1, 1, 2, 2, 2, VOID, VOID]], np.uint16)
    numbers = np.array([[-1, -1, 40, 7, 40, 7, -1]])
    # 7 lies on the car at place 3; on void nothing is counted
    assert instance_map(labels, numbers).tolist() == [[1, 1, 257, 256, 257, 255, 255]]
    assert instance_map(labels, np.full((1, 7), -1)).tolist() == [[1, 1, 2, 2, 2, 255, 255]]


@given(
    arrays.arrays(np.uint16, SIZE, elements=st.sampled_from([1, 2, VOID])),
    arrays.arrays(np.int64, SIZE, elements=st.integers(-1, 4)),
)
def test_objects_of_instance_maps_are_those_of_the_source(labels: np.ndarray, numbers: np.ndarray) -> None:
    numbers = np.where(numbers >= 0, numbers * 3 + (labels == 2), -1)  # no object has two classes
    table = objects(Layout(labels, SKY_AND_CAR, instance_map(labels, numbers)))
    known = labels != VOID
    keys = np.where(numbers >= 0, numbers, -labels.astype(np.int64))[known]
    assert sorted(table.pixels.tolist()) == sorted(np.unique(keys, return_counts=True)[1].tolist())
    assert set(table.instance_ids[table.instance_ids < 256].tolist()) <= {1, 2}

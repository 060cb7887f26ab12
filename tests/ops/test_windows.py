"""Distinct windows: exact, whatever the input."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.nn import functional as F

from semsynth.ops.windows import distinct_rows, distinct_values, window_columns

matrices = hnp.arrays(np.int64, st.tuples(st.integers(1, 40), st.integers(1, 9)), elements=st.integers(0, 3))


@given(matrices)
@settings(deadline=None)
def test_rows_and_index_rebuild_the_matrix(matrix):
    matrix = torch.from_numpy(matrix)
    found = distinct_rows(matrix.unbind(1))
    assert torch.equal(found.rows[found.index], matrix)
    assert found.count == len(torch.unique(matrix, dim=0))


@given(matrices)
@settings(deadline=None)
def test_order_and_offsets_list_every_place_of_every_row_once(matrix):
    found = distinct_rows(torch.from_numpy(matrix).unbind(1))
    ends = [*found.offsets[1:].tolist(), len(matrix)]
    for row, (start, end) in enumerate(zip(found.offsets.tolist(), ends, strict=True)):
        assert found.order[start:end].tolist() == (found.index == row).nonzero().flatten().tolist()


@given(
    ids=hnp.arrays(np.int32, st.tuples(st.integers(1, 2), *[st.integers(3, 8)] * 2), elements=st.integers(0, 9)),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
)
@settings(deadline=None)
def test_windows_are_those_of_unfold(ids, kernel, stride, padding):
    ids = torch.from_numpy(ids)
    windows = torch.stack(window_columns(ids, kernel, stride, padding, outside=10), -1).flatten(0, 2)
    padded = F.pad(ids[:, None].double(), (padding,) * 4, value=10)
    expected = F.unfold(padded, kernel, stride=stride).transpose(1, 2).reshape(-1, kernel**2)
    assert torch.equal(windows, expected.long())


@given(
    ids=hnp.arrays(np.int32, st.tuples(st.integers(1, 2), *[st.integers(4, 8)] * 2), elements=st.integers(0, 9)),
    padding=st.integers(0, 3),
)
@settings(deadline=None)
def test_mirrored_windows_are_those_of_reflection_padding(ids, padding):
    ids = torch.from_numpy(ids)
    windows = torch.stack(window_columns(ids, 3, padding=padding), -1).flatten(0, 2)
    padded = F.pad(ids[:, None].double(), (padding,) * 4, mode="reflect")
    assert torch.equal(windows.double(), F.unfold(padded, 3).transpose(1, 2).reshape(-1, 9))


def test_distinct_values_are_sorted():
    found = distinct_values(torch.tensor([[5, 3], [5, 9]]))
    assert found.rows.tolist() == [[3], [5], [9]]
    assert found.index.tolist() == [1, 0, 1, 2]

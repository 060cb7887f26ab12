from __future__ import annotations

import pytest
import torch

from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.layout_ops.tables import Projection, hidden_vectors, modulate, project

ENCODING = LayoutEncoding(num_classes=5)


def noise(height: int, width: int) -> LayoutBatch:
    labels = torch.randint(0, 5, (1, height, width), generator=torch.Generator().manual_seed(1))
    return LayoutBatch.from_channels(labels, ENCODING)


@pytest.mark.parametrize(("dtype", "most"), [(torch.bfloat16, 16), (torch.float32, 1000)])
def test_many_numbers_of_windows_become_few_shapes_where_shapes_are_compiled(dtype: torch.dtype, most: int) -> None:
    weight, bias = torch.randn(4, 5, 3, 3, dtype=dtype), torch.randn(4, dtype=dtype)
    counts, rows = set(), set()
    for width in range(20, 60):
        level = noise(16, width).full
        counts.add(level.windows(3).windows.count)
        hidden = hidden_vectors(level, weight, bias)
        rows.add(len(hidden))
        assert hidden[level.windows(3).windows.count :].eq(0).all()
        assert len(hidden) <= 1.125 * (level.windows(3).windows.count + 1) + 15
    assert len(counts) > 30
    assert len(rows) <= most
    assert dtype is torch.bfloat16 or len(rows) == len(counts)


def test_rows_that_nothing_reads_change_nothing() -> None:
    weight, bias = torch.randn(8, 5, 3, 3).bfloat16(), torch.randn(8).bfloat16()
    projection = Projection.of(torch.randn(6, 8, 3, 3).bfloat16(), torch.randn(6).bfloat16())
    level = noise(13, 13).full
    windows = level.windows(3)
    hidden = hidden_vectors(level, weight, bias)
    exact = hidden[: windows.windows.count + 1]
    assert len(exact) < len(hidden)
    x = torch.randn(1, 6, 13, 13).bfloat16()
    made, expected = (
        modulate(x, *(project(one, windows.arrangements, projection),) * 2, windows.arrangements)
        for one in (hidden, exact)
    )
    assert torch.allclose(made.float(), expected.float(), rtol=0.02, atol=0.02)

"""Layouts in files: parts of their levels are those of a layout in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.layout.parts import LevelPart
from semsynth.layout.stored import StoredLayout, SymbolFile
from semsynth.ops.rectangle import Rectangle


def stored(path: Path, batch: LayoutBatch) -> StoredLayout:
    file = SymbolFile.of(path, batch.size, batch.encoding)
    path.write_bytes(batch.full.symbols[0].numpy().astype(file.kind).tobytes())
    return StoredLayout.open(file, batch.encoding)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 10**6),
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(1, 50), st.integers(1, 50)),
    st.sampled_from([5, 300]),
)
def test_parts_of_levels(tmp_path: Path, seed: int, full: tuple[int, int], size: tuple[int, int], classes: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    channels = torch.randint(0, classes + 1, (1, *full), generator=generator)
    batch = LayoutBatch.from_channels(channels, LayoutEncoding(num_classes=classes))
    (top, bottom), (left, right) = (torch.randperm(n + 1, generator=generator)[:2].sort().values for n in size)
    area = Rectangle(int(top), int(left), int(bottom), int(right))
    layout = stored(tmp_path / "symbols", batch)
    level, other = layout.at(*size), batch.at(*size)
    assert layout.size == full
    assert level.size == size
    assert torch.equal(level.cut(area), other.cut(area))
    found, wanted = LevelPart.of(level, area).windows(3), LevelPart.of(other, area).windows(3)
    assert torch.equal(found.windows.rows, wanted.windows.rows)
    assert torch.equal(found.arrangements.index, wanted.arrangements.index)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    file = SymbolFile.of(tmp_path / "none", (2, 2), LayoutEncoding(num_classes=2))
    with pytest.raises(SemsynthError, match=r"cannot read .*none"):
        StoredLayout.open(file, LayoutEncoding(num_classes=2)).full.cut(Rectangle(0, 0, 1, 1))

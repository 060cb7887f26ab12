from __future__ import annotations

import pytest
import torch
from layouts import KINDS, layout_batch
from torch.nn import functional as F

from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.layout.averaging import average_rectangles


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(8, 8), (5, 7), (24, 33), (1, 1), (40, 48)])
def test_rectangles_equal_pooling_of_the_one_hot_form(kind: str, size: tuple[int, int]) -> None:
    level = layout_batch(kind, (24, 40)).full
    dense = F.adaptive_avg_pool2d(level.one_hot(), size)
    torch.testing.assert_close(average_rectangles(level.symbols, level.encoding, *size), dense)


def test_rectangles_by_hand() -> None:
    # Three columns over two: each averages two of them, the middle one twice.
    batch = LayoutBatch.from_channels(
        torch.tensor([[[0, 0, 1], [2, 0, 1]]]), LayoutEncoding(num_classes=2, void="after")
    )
    soft = batch.averaged(1, 2)
    torch.testing.assert_close(soft[0, :, 0], torch.tensor([[0.75, 0.5], [0, 0.5], [0.25, 0]]))

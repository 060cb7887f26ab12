"""Pictures as participants see them."""

from __future__ import annotations

import numpy as np

from semsynth.classes import builtin
from semsynth.study.pictures import highlighted


def test_the_outline_lies_around_the_region():
    from semsynth.layout import Layout

    labels = np.full((12, 12), 7, np.uint16)
    labels[5:7, 5:7] = 26
    shown = highlighted(np.full((12, 12, 3), 100, np.uint8), Layout(labels, builtin("cityscapes")), 26)
    assert (shown[5:7, 5:7] == 100).all()
    outline = (shown == (255, 214, 0)).all(2)
    assert outline.sum() == 36 - 4
    assert outline[3:9, 3:9].sum() == 32

"""Layouts: label maps as people hold them, and as networks read them.

`Layout` is one map of class ids with optional instances: what files, canvases and requests become.
`LayoutBatch` is the tensor form that every network takes. It stays integer: `at` gives a resolution
level, and only a level can be turned into a dense one-hot tensor or into its distinct windows.
"""

from __future__ import annotations

from semsynth.layout.batch import LabelWindows, LayoutBatch, Level, Regions
from semsynth.layout.conditions import Condition, ConditionPicture
from semsynth.layout.encoding import LayoutEncoding
from semsynth.layout.maps import Layout, Size, pixels

__all__ = [
    "Condition",
    "ConditionPicture",
    "LabelWindows",
    "Layout",
    "LayoutBatch",
    "LayoutEncoding",
    "Level",
    "Regions",
    "Size",
    "pixels",
]

"""Layouts: label maps as people hold them, and as networks read them.

`Layout` is one map of class ids with optional instances: what files, canvases and requests become.
`LayoutBatch` is the tensor form that every network takes. It stays integer: `at` gives a resolution
level, and only a level can be turned into a dense one-hot tensor or into its distinct windows.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from semsynth.layout.conditions import Condition, ConditionPicture
from semsynth.layout.maps import Layout, Size, pixels

if TYPE_CHECKING:
    from semsynth.layout.batch import LabelWindows, LayoutBatch, Level, Regions
    from semsynth.layout.encoding import LayoutEncoding

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

_HOME = {
    "LabelWindows": "semsynth.layout.batch",
    "LayoutBatch": "semsynth.layout.batch",
    "LayoutEncoding": "semsynth.layout.encoding",
    "Level": "semsynth.layout.batch",
    "Regions": "semsynth.layout.batch",
}
"""The tensor form, imported when it is first used: reading and editing label maps does not wait for torch."""


def __getattr__(name: str) -> Any:
    """Import a part of the tensor form."""
    if name not in _HOME:
        raise AttributeError(f"module 'semsynth.layout' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)

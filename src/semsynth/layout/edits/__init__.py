"""Edits of a layout, object by object (pix2pixHD, section 4.3, and the verbs of its editor).

Every edit takes a `Layout` and returns a new one; the given one never changes, so that undo is to keep it (`History`).
What an object is, and which instance ids new ones get, is told in `semsynth.layout.instances`. In a layout without
instances whole classes can be removed and relabelled, and objects painted; the other edits need instances.
"""

from __future__ import annotations

from semsynth.layout.edits.filling import Fill, foreground_classes
from semsynth.layout.edits.history import History
from semsynth.layout.edits.verbs import (
    Stamp,
    add,
    bring_forward,
    cut,
    duplicate,
    move,
    relabel,
    relabel_class,
    remove,
    stamp,
)

__all__ = [
    "Fill",
    "History",
    "Stamp",
    "add",
    "bring_forward",
    "cut",
    "duplicate",
    "foreground_classes",
    "move",
    "relabel",
    "relabel_class",
    "remove",
    "stamp",
]

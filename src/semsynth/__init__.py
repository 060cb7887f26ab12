"""Semantic image synthesis: a label map goes in, a photograph comes out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semsynth.classes import ClassSet
    from semsynth.layout import Layout
    from semsynth.synthesizer import Synthesizer, load

from semsynth.version import __version__

__all__ = ["ClassSet", "Layout", "Synthesizer", "__version__", "load"]

_HOME = {
    "ClassSet": "semsynth.classes",
    "Layout": "semsynth.layout",
    "Synthesizer": "semsynth.synthesizer",
    "load": "semsynth.synthesizer",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import semsynth`` alone must not wait for torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'semsynth' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)

"""Semantic image synthesis: a label map goes in, a photograph comes out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semsynth.api.models import ListedModel, list_models
    from semsynth.classes import ClassSet
    from semsynth.convert.converting import convert_checkpoint
    from semsynth.errors import SemsynthError
    from semsynth.evaluation.evaluating import evaluate
    from semsynth.evaluation.reports.report import Report
    from semsynth.evaluation.segmenters.start import resume_segmenter, train_segmenter
    from semsynth.exporting.export import export
    from semsynth.layout import Layout
    from semsynth.synthesizer import Synthesizer, load

from semsynth.version import __version__

__all__ = [
    "ClassSet",
    "Layout",
    "ListedModel",
    "Report",
    "SemsynthError",
    "Synthesizer",
    "__version__",
    "convert_checkpoint",
    "evaluate",
    "export",
    "list_models",
    "load",
    "resume_segmenter",
    "train_segmenter",
]

_HOME = {
    "ClassSet": "semsynth.classes",
    "Layout": "semsynth.layout",
    "ListedModel": "semsynth.api.models",
    "Report": "semsynth.evaluation.reports.report",
    "SemsynthError": "semsynth.errors",
    "Synthesizer": "semsynth.synthesizer",
    "convert_checkpoint": "semsynth.convert.converting",
    "evaluate": "semsynth.evaluation.evaluating",
    "export": "semsynth.exporting.export",
    "list_models": "semsynth.api.models",
    "load": "semsynth.synthesizer",
    "resume_segmenter": "semsynth.evaluation.segmenters.start",
    "train_segmenter": "semsynth.evaluation.segmenters.start",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import semsynth`` alone must not wait for torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'semsynth' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted(__all__)

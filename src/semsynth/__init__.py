"""Semantic image synthesis: a label map goes in, a photograph comes out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semsynth.api.affinity import estimate_affinity
    from semsynth.api.banks import attach_bank
    from semsynth.api.bulk import synthesize_folder
    from semsynth.api.datasets import import_dataset
    from semsynth.api.importers import IMPORTERS
    from semsynth.api.models import ListedModel, list_models
    from semsynth.api.results import BestScore, TrainingResult
    from semsynth.api.studio import run_studio
    from semsynth.api.styles import ClassModes, FittedStyles, fit_styles, list_modes, store_mode
    from semsynth.api.training import plan_resuming, plan_training, resume, train
    from semsynth.bank.building import build_bank
    from semsynth.bank.check import BankReport, check_bank
    from semsynth.bank.memory import MemoryBank
    from semsynth.bulk.run import BulkSummary
    from semsynth.classes import ClassSet
    from semsynth.comparison import ComparisonResult, compare, resume_comparison
    from semsynth.convert.converting import convert_checkpoint
    from semsynth.data.exporters.table import export_dataset
    from semsynth.data.rebalancing.rebalance import rebalance_dataset
    from semsynth.data.toy import write_toy
    from semsynth.errors import SemsynthError
    from semsynth.evaluation.evaluating import evaluate
    from semsynth.evaluation.memorisation import measure_memorisation
    from semsynth.evaluation.record import MemorisationRecord
    from semsynth.evaluation.reports.report import Report
    from semsynth.evaluation.segmenters.start import resume_segmenter, train_segmenter
    from semsynth.exporting.export import export
    from semsynth.hub import push_model
    from semsynth.large.synthesizing import LargeSummary, synthesize_large
    from semsynth.layout import Layout
    from semsynth.study.running import analyse_study, plan_study, serve_study
    from semsynth.synthesizer import Synthesizer, load
    from semsynth.synthesizer.demo import write_demo
    from semsynth.synthesizer.frames import render_frames
    from semsynth.synthesizer.photo_files import synthesize_files
    from semsynth.training.observer import Observer
    from semsynth.training.plan import TrainingPlan

from semsynth.version import __version__

__all__ = [
    "IMPORTERS",
    "BankReport",
    "BestScore",
    "BulkSummary",
    "ClassModes",
    "ClassSet",
    "ComparisonResult",
    "FittedStyles",
    "LargeSummary",
    "Layout",
    "ListedModel",
    "MemorisationRecord",
    "MemoryBank",
    "Observer",
    "Report",
    "SemsynthError",
    "Synthesizer",
    "TrainingPlan",
    "TrainingResult",
    "__version__",
    "analyse_study",
    "attach_bank",
    "build_bank",
    "check_bank",
    "compare",
    "convert_checkpoint",
    "estimate_affinity",
    "evaluate",
    "export",
    "export_dataset",
    "fit_styles",
    "import_dataset",
    "list_models",
    "list_modes",
    "load",
    "measure_memorisation",
    "plan_resuming",
    "plan_study",
    "plan_training",
    "push_model",
    "rebalance_dataset",
    "render_frames",
    "resume",
    "resume_comparison",
    "resume_segmenter",
    "run_studio",
    "serve_study",
    "store_mode",
    "synthesize_files",
    "synthesize_folder",
    "synthesize_large",
    "train",
    "train_segmenter",
    "write_demo",
    "write_toy",
]

_HOME = {
    "BankReport": "semsynth.bank.check",
    "BestScore": "semsynth.api.results",
    "BulkSummary": "semsynth.bulk.run",
    "ClassModes": "semsynth.api.styles",
    "ClassSet": "semsynth.classes",
    "ComparisonResult": "semsynth.comparison",
    "FittedStyles": "semsynth.api.styles",
    "IMPORTERS": "semsynth.api.importers",
    "LargeSummary": "semsynth.large.synthesizing",
    "Layout": "semsynth.layout",
    "ListedModel": "semsynth.api.models",
    "MemorisationRecord": "semsynth.evaluation.record",
    "MemoryBank": "semsynth.bank.memory",
    "Observer": "semsynth.training.observer",
    "Report": "semsynth.evaluation.reports.report",
    "SemsynthError": "semsynth.errors",
    "Synthesizer": "semsynth.synthesizer",
    "TrainingPlan": "semsynth.training.plan",
    "TrainingResult": "semsynth.api.results",
    "analyse_study": "semsynth.study.running",
    "attach_bank": "semsynth.api.banks",
    "build_bank": "semsynth.bank.building",
    "check_bank": "semsynth.bank.check",
    "compare": "semsynth.comparison",
    "convert_checkpoint": "semsynth.convert.converting",
    "evaluate": "semsynth.evaluation.evaluating",
    "export": "semsynth.exporting.export",
    "export_dataset": "semsynth.data.exporters.table",
    "estimate_affinity": "semsynth.api.affinity",
    "fit_styles": "semsynth.api.styles",
    "import_dataset": "semsynth.api.datasets",
    "list_models": "semsynth.api.models",
    "list_modes": "semsynth.api.styles",
    "load": "semsynth.synthesizer",
    "measure_memorisation": "semsynth.evaluation.memorisation",
    "plan_resuming": "semsynth.api.training",
    "plan_study": "semsynth.study.running",
    "plan_training": "semsynth.api.training",
    "push_model": "semsynth.hub",
    "rebalance_dataset": "semsynth.data.rebalancing.rebalance",
    "render_frames": "semsynth.synthesizer.frames",
    "resume": "semsynth.api.training",
    "resume_comparison": "semsynth.comparison",
    "resume_segmenter": "semsynth.evaluation.segmenters.start",
    "run_studio": "semsynth.api.studio",
    "serve_study": "semsynth.study.running",
    "store_mode": "semsynth.api.styles",
    "synthesize_files": "semsynth.synthesizer.photo_files",
    "synthesize_folder": "semsynth.api.bulk",
    "synthesize_large": "semsynth.large.synthesizing",
    "train": "semsynth.api.training",
    "train_segmenter": "semsynth.evaluation.segmenters.start",
    "write_demo": "semsynth.synthesizer.demo",
    "write_toy": "semsynth.data.toy",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: ``import semsynth`` alone must not wait for torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'semsynth' has no attribute '{name}'")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted(__all__)

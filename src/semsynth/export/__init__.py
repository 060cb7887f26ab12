"""Generators as files that run without their Python code: ONNX, and torch.export archives.

``semsynth.convert`` turns other people's checkpoints into ours; this goes the other way. The package lies below
:mod:`semsynth.synthesizer`, which runs exported models, too.
"""

from __future__ import annotations

from semsynth.export.record import SUFFIXES, DType, ExportFormat, ExportRecord
from semsynth.export.running import ExportedModel, open_exported
from semsynth.export.writing import export_model

__all__ = ["SUFFIXES", "DType", "ExportFormat", "ExportRecord", "ExportedModel", "export_model", "open_exported"]

"""Generators as files that run without their Python code: ONNX, and torch.export archives.

``semsynth.convert`` turns other people's checkpoints into ours; this goes the other way. The package lies below
:mod:`semsynth.synthesizer`, which runs exported models, too.
"""

from __future__ import annotations

from semsynth.exporting.record import SUFFIXES, DType, ExportFormat, ExportRecord
from semsynth.exporting.running import ExportedModel, open_exported
from semsynth.exporting.writing import export_model

__all__ = ["SUFFIXES", "DType", "ExportFormat", "ExportRecord", "ExportedModel", "export_model", "open_exported"]

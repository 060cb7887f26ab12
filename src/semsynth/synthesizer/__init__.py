"""Layout in, photograph out: the one path that the command line, scripts and servers share."""

from __future__ import annotations

from semsynth.synthesizer.backend import Backend, OpenPicture, TorchBackend
from semsynth.synthesizer.conditions import ConditionReader, ConditionSource, LayoutSource
from semsynth.synthesizer.core import BATCH_SIZE, Synthesizer
from semsynth.synthesizer.devices import Precision, choose_device, choose_dtype, settled_precision
from semsynth.synthesizer.loading import DEFAULT_MODEL, load
from semsynth.synthesizer.styling import Style

__all__ = [
    "BATCH_SIZE",
    "DEFAULT_MODEL",
    "Backend",
    "ConditionReader",
    "ConditionSource",
    "LayoutSource",
    "OpenPicture",
    "Precision",
    "Style",
    "Synthesizer",
    "TorchBackend",
    "choose_device",
    "choose_dtype",
    "load",
    "settled_precision",
]

"""Layout in, photograph out: the one path that the command line, scripts and servers share."""

from __future__ import annotations

from semsynth.synthesizer.conditions import ConditionReader, ConditionSource, LayoutSource
from semsynth.synthesizer.core import BATCH_SIZE, DEFAULT_MODEL, Style, Synthesizer, load
from semsynth.synthesizer.devices import Precision, choose_device, choose_dtype

__all__ = [
    "BATCH_SIZE",
    "DEFAULT_MODEL",
    "ConditionReader",
    "ConditionSource",
    "LayoutSource",
    "Precision",
    "Style",
    "Synthesizer",
    "choose_device",
    "choose_dtype",
    "load",
]

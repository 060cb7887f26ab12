"""From what people call a model to one that is ready."""

from __future__ import annotations

from pathlib import Path

from semsynth.checkpoint import find_model, load_model
from semsynth.errors import SemsynthError
from semsynth.exporting import SUFFIXES, open_exported
from semsynth.synthesizer.core import Synthesizer
from semsynth.synthesizer.devices import Precision, choose_device, choose_dtype

DEFAULT_MODEL = "facades"
"""The bundled model that is used where none is named."""


def load(model: str | Path = DEFAULT_MODEL, device: str = "auto", precision: Precision = "auto") -> Synthesizer:
    """Load a model, ready to synthesise.

    Args:
        model: a bundled model's name, a model folder, a run folder, a Hugging Face id ``user/name`` or
            ``user/name@revision``, or an exported model, ``FILE.onnx`` or ``FILE.pt2``.
        device: ``auto`` (CUDA, else Apple's MPS, else the CPU) or any name that torch knows.
        precision: ``auto`` takes bfloat16 where the hardware multiplies in it, else float32. Exported models have
            theirs.

    Raises:
        SemsynthError: no such model, a damaged one, or no such device.
    """
    path = Path(model)
    if path.suffix in SUFFIXES.values() and not path.is_dir():
        if precision != "auto":
            raise SemsynthError(f"{path} keeps the precision that it was exported with: leave out {precision}")
        return Synthesizer(open_exported(path, device))
    chosen = choose_device(device)
    return Synthesizer(load_model(find_model(model)), chosen, choose_dtype(precision, chosen))

"""The models that the studio serves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from semsynth.checkpoint import CONFIG, find_model, load_model
from semsynth.layout import Layout, Size
from semsynth.styles.bank import STYLES
from semsynth.synthesizer import Precision, Synthesizer, choose_device, choose_dtype

Segment = Callable[[NDArray[np.uint8], Size], Layout]
"""Turns a photograph, [H,W,3] uint8, into a layout of the given (height, width), in the classes of a model."""


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A model under an id."""

    id: str
    """Of letters, digits, ``_``, ``-`` and dots."""
    synthesizer: Synthesizer
    hash: str
    """Changes with the weights."""
    default_size: Size
    """(height, width) that is offered first."""
    images_per_layout: int = 1
    style_length: int = 0
    """Length of the whole picture's style vector; 0 where there is none."""
    modes: Mapping[int, int] = field(default_factory=dict)
    """Class id -> how many modes its objects can have."""
    segment: Segment | None = None
    """From photos to layouts."""


def serve(model: str, device: str = "auto", precision: Precision = "auto") -> ServedModel:
    """Load a model to be served.

    Args:
        model: as in :func:`semsynth.synthesizer.load`.
        device: likewise.
        precision: likewise.

    Raises:
        SemsynthError: no such model, a damaged one, or no such device.
    """
    folder = find_model(model)
    loaded = load_model(folder)
    chosen = choose_device(device)
    synthesizer = Synthesizer(loaded, chosen, choose_dtype(precision, chosen))
    style = synthesizer.style(seed=0) if synthesizer.has_styles else None
    config = synthesizer.config
    return ServedModel(
        id=_identifier(model),
        synthesizer=synthesizer,
        hash=_fingerprint(folder),
        default_size=synthesizer.conditions.default_size,
        images_per_layout=config.images_per_layout,
        style_length=len(style) if isinstance(style, Tensor) else 0,
        modes=synthesizer.style_modes,
    )


def with_distinct_ids(models: Sequence[ServedModel]) -> list[ServedModel]:
    """The models, later ones of the same id numbered: ``facades``, ``facades-2``."""
    taken: set[str] = set()
    renamed = []
    for model in models:
        names = [model.id, *(f"{model.id}-{number}" for number in range(2, len(models) + 2))]
        name = next(name for name in names if name not in taken)
        taken.add(name)
        renamed.append(replace(model, id=name))
    return renamed


def _identifier(model: str) -> str:
    path = Path(model)
    name = path.absolute().parent.name if path.name == "model" else path.name  # RUN/model
    return re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip(".-") or "model"


def _fingerprint(folder: Path) -> str:
    """Of the config, which holds the checksums of all weights, and of the style bank."""
    files = [folder / CONFIG, folder / STYLES]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files if file.is_file()))
    return digest.hexdigest()[:12]

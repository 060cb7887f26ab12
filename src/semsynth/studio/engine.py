"""What the studio asks of models, and the models that it serves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from semsynth.checkpoint import CONFIG, Card, find_model, load_model
from semsynth.classes import ClassSet
from semsynth.layout import Condition, Layout, Size
from semsynth.styles.bank import STYLES
from semsynth.styles.choice import ObjectStyle, StyleChoice
from semsynth.synthesizer import ConditionReader, Precision, Style, Synthesizer, choose_device, choose_dtype

Segment = Callable[[NDArray[np.uint8], Size], Layout]
"""Turns a photograph, [H,W,3] uint8, into a layout of the given (height, width), in the classes of a model."""


class Engine(Protocol):
    """The part of :class:`semsynth.synthesizer.Synthesizer` that the studio uses."""

    classes: ClassSet
    card: Card
    conditions: ConditionReader

    @property
    def has_styles(self) -> bool: ...  # noqa: D102
    @property
    def has_object_styles(self) -> bool: ...  # noqa: D102
    @property
    def reads_photos(self) -> bool: ...  # noqa: D102
    @property
    def needs_instances(self) -> bool: ...  # noqa: D102
    @property
    def uses_instances(self) -> bool: ...  # noqa: D102
    def __call__(  # noqa: D102
        self,
        layout: Condition,
        style: Style | None = None,
        seed: int | None = None,
        size: Size | None = None,
        object_styles: Mapping[int, ObjectStyle] | None = None,
    ) -> Image.Image: ...
    def variations(  # noqa: D102
        self,
        layout: Condition,
        count: int = 4,
        *,
        seed: int | None = None,
        object_styles: Mapping[int, ObjectStyle] | None = None,
    ) -> list[Image.Image]: ...
    def style(self, style: Style | None = None, seed: int | None = None) -> StyleChoice | None: ...  # noqa: D102
    def style_choices(  # noqa: D102
        self, layout: Layout, instance_id: int, seed: int = 0, object_styles: Mapping[int, ObjectStyle] | None = None
    ) -> list[Image.Image]: ...


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A model under an id."""

    id: str
    """Of letters, digits, ``_``, ``-`` and dots."""
    engine: Engine
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
    engine = Synthesizer(loaded, chosen, choose_dtype(precision, chosen))
    style = engine.style(seed=0) if engine.has_styles else None
    config = engine.config
    return ServedModel(
        id=_identifier(model),
        engine=engine,
        hash=_fingerprint(folder),
        default_size=engine.conditions.default_size,
        images_per_layout=config.images_per_layout,
        style_length=len(style) if isinstance(style, Tensor) else 0,
        modes=engine.style_modes,
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

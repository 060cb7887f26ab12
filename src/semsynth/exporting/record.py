"""What an exported file says of itself, so that it stands alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from semsynth.checkpoint import Card, ModelConfig, model_config
from semsynth.classes import ClassSet
from semsynth.config import Config, validated
from semsynth.documents import parse_json
from semsynth.errors import SemsynthError
from semsynth.version import __version__

ExportFormat = Literal["onnx", "torch"]
"""ONNX, or an archive of ``torch.export``."""
DType = Literal["fp32", "fp16"]
"""Of weights and arithmetic; inputs and outputs are float32 in both."""
SUFFIXES: dict[ExportFormat, str] = {"onnx": ".onnx", "torch": ".pt2"}
"""How the files' names end, by which :func:`semsynth.load` knows them."""

FORMAT = 1
"""Version of the record that this release writes; it reads this one and all before it."""
PREFIX = "semsynth."
"""Of the names of our entries among a file's metadata."""


class TensorRecord(Config):
    """One input, or the output."""

    name: str
    dtype: Literal["int32", "float32"]
    shape: tuple[int | str, ...]
    """Numbers, or names of what is free."""
    about: str
    """What it holds."""


class GraphRecord(Config):
    """How to feed the graph."""

    format: int = FORMAT
    inputs: tuple[TensorRecord, ...] = Field(min_length=1)
    """In the graph's order."""
    output: TensorRecord
    dtype: DType
    size: tuple[int, int]
    """(height, width) that it was recorded at, the only one unless ``step`` is set."""
    step: int = Field(0, ge=0)
    """Both sides are multiples of this and at least twice it; 0: the size is fixed."""
    model: str
    """SHA-256 of the ``config.json`` that the model was loaded with, which holds those of its weights."""
    styles: dict[int, list[list[float]]] = Field(default_factory=dict)
    """Class id -> modes of its objects' features (pix2pixHD) or of its noise (OASIS)."""
    style_names: dict[int, list[str]] = Field(default_factory=dict)
    """Class id -> names of its modes, where they have any."""
    version: str = __version__
    """Of semsynth, when it was exported."""


class ExportRecord(Config):
    """All of it."""

    graph: GraphRecord
    model: ModelConfig
    classes: ClassSet
    card: Card

    def entries(self) -> dict[str, str]:
        """As metadata: names and JSON."""
        parts = {"graph": self.graph, "model": self.model, "classes": self.classes, "card": self.card}
        return {PREFIX + name: json.dumps(part.model_dump(mode="json")) for name, part in parts.items()}

    @classmethod
    def of_entries(cls, entries: Mapping[str, str], source: str) -> ExportRecord:
        """Read the metadata of a file.

        Args:
            entries: names and JSON, others among them.
            source: the file, for messages.

        Raises:
            SemsynthError: it was not exported by semsynth, or by a newer release.
        """
        values = {}
        for name in ("graph", "model", "classes", "card"):
            if PREFIX + name not in entries:
                raise SemsynthError(
                    f"{source} does not say what it is ({PREFIX}{name}): export the model with 'semsynth export'"
                )
            values[name] = parse_json(entries[PREFIX + name], f"{source}, {PREFIX}{name}", "export the model again")
        found = values["graph"].get("format") if isinstance(values["graph"], dict) else None
        if isinstance(found, int) and found > FORMAT:
            raise SemsynthError(
                f"{source} has format {found}, this release reads up to {FORMAT}: "
                "upgrade with 'pip install -U semsynth'"
            )
        return cls(
            graph=validated(GraphRecord, values["graph"], source),
            model=model_config(values["model"], source),
            classes=validated(ClassSet, values["classes"], source),
            card=validated(Card, values["card"], source),
        )

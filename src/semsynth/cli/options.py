"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Device = Annotated[str, typer.Option(help="Device: auto, cpu, cuda or mps.")]
NoPerceptual = Annotated[bool, typer.Option("--no-perceptual", help="Train without the VGG term.")]
PerceptualWeights = Annotated[
    Path | None, typer.Option(metavar="FILE", help="VGG-19 weights; the first layers suffice (default: downloaded).")
]
Precision = Annotated[str, typer.Option(help="Arithmetic: 32-true, bf16-mixed, 16-mixed or 64-true.")]
TrainingData = Annotated[
    str | None, typer.Option(metavar="DIR|URL", help="Dataset folder with train/ and val/, or its shards.")
]

"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.layout import Size

TRAINING_PRECISION = "Arithmetic: float32, bfloat16 or float16 (both mixed with float32), or float64."

Device = Annotated[str, typer.Option(help="Device: auto, cpu, cuda or mps.")]
InitFrom = Annotated[
    str | None,
    typer.Option(help="Weights of a new run: a run or model folder, a bundled model's name, or a Hugging Face id."),
]
Affinity = Annotated[
    str | None,
    typer.Option(
        metavar="segmenter|FILE",
        help="What classes of other names than the model's start with: measured with a segmenter, or a JSON file.",
    ),
]
Proxies = Annotated[
    list[str] | None,
    typer.Option(
        "--proxy",
        metavar="ADDRESS",
        help="Address from which a proxy asks: limits then count the clients that it names; repeatable.",
    ),
]
Nodes = Annotated[int, typer.Option(min=1, help="Number of machines, each with --devices (set by torchrun if used).")]
NoPerceptual = Annotated[bool, typer.Option("--no-perceptual", help="Train without the VGG term.")]
PerceptualWeights = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Perceptual network, VGG-19 or its first layers (default: downloaded)."),
]
FeatureWeights = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Weights of the feature discriminator's network (default: downloaded)."),
]
Precision = Annotated[str, typer.Option(help=TRAINING_PRECISION)]
SkipDamaged = Annotated[bool, typer.Option("--skip-damaged", help="Replace damaged samples of shards and log them.")]
TrainingData = Annotated[
    str | None,
    typer.Option(
        metavar="DIR|URL", help="Dataset folder with train/ and val/, or its shards (resumed: their new place)."
    ),
]
InferencePrecision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    typer.Option(help="Arithmetic of the networks; auto is bfloat16 where the hardware has it."),
]
SynthesisModel = Annotated[
    str | None,
    typer.Option(help="Model or run folder, bundled name, or Hugging Face id (default: the bundled facades)."),
]


def parse_size(text: str) -> Size:
    """(height, width) of 'WIDTHxHEIGHT'."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise SemsynthError(f"--size {text}: expected WIDTHxHEIGHT in pixels, for example 512x256")
    if not (0 < int(width) < 2**20 and 0 < int(height) < 2**20):
        raise SemsynthError(f"--size {text}: both sides must be between 1 and a million pixels")
    return int(height), int(width)


def parse_region_seeds(texts: Sequence[str]) -> dict[int | str, int]:
    """Class name, class id or instance id -> seed, of texts such as ``door=7``."""
    seeds: dict[int | str, int] = {}
    for text in texts:
        region, equals, seed = text.rpartition("=")
        if not (equals and region and seed.isascii() and seed.isdigit()):
            raise SemsynthError(f"--region-seed {text}: expected REGION=SEED, for example door=7 or 26001=4")
        seeds[int(region) if region.removeprefix("-").isdecimal() else region] = int(seed)
    return seeds


def parse_shares(texts: Sequence[str]) -> dict[str, float]:
    """Class name -> share, 0 to 1, of texts such as ``bicycle=5%`` or ``bicycle=0.05``."""
    shares: dict[str, float] = {}
    for text in texts:
        name, equals, share = text.rpartition("=")
        try:
            value = float(share.removesuffix("%")) / (100 if share.endswith("%") else 1)
        except ValueError:
            value = 0.0
        if not (equals and name and 0 < value < 1):
            raise SemsynthError(f"--class {text}: expected NAME=SHARE with a share below 100%, for example bicycle=5%")
        shares[name] = value
    return shares


def parse_settings(texts: Sequence[str]) -> dict[str, str]:
    """Name -> value, of texts such as ``dataset_mode=coco``."""
    settings = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (equals and name.strip()):
            raise SemsynthError(f"--set {text}: expected NAME=VALUE, for example dataset_mode=coco")
        settings[name.strip()] = value.strip()
    return settings

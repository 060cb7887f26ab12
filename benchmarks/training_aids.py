"""Images per second of a training with and without each of its aids, on this machine's CPU or GPU.

    python benchmarks/training_aids.py --data DATA/cmp_facades [--steps 8] [--set generator.width=8] [--out FILE.json]
        [--feature-weights EFFICIENTNET_LITE0]

Every aid is switched off and on in turns, so that what else the machine does falls on both. Batches are read and
prepared in the training's own process: their time counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from report import machine, print_table, write_report

from semsynth.data.decoded import DecodedSamples, write_decoded
from semsynth.training.data import MicroBatches, Share
from semsynth.training.devices import make_fabric
from semsynth.training.learner import Learner
from semsynth.training.records import new_record
from semsynth.training.run import RunRecord
from semsynth.training.start import build_recipe, open_data

LAZY = 16
"""Steps between two penalties, of the computed row."""


@dataclass(frozen=True)
class Aid:
    """A setting, off and on."""

    name: str
    off: tuple[str, ...]
    on: tuple[str, ...]


AIDS = (
    Aid("fused Adam", ("training.fused_optimizer=false",), ("training.fused_optimizer=true",)),
    Aid("bfloat16 autocast", ("training.precision=32-true",), ("training.precision=bf16-mixed",)),
    Aid("moving average", ("training.ema=0",), ("training.ema=0", "training.ema_half_life=10000")),
    Aid(
        "colour and cutout before the discriminator",
        ("augmentation.color=false", "augmentation.cutout=0"),
        ("augmentation.color=true", "augmentation.cutout=0.5"),
    ),
    Aid("R1 in every step", (), ("gradient_penalty.weight=10", "gradient_penalty.every=1")),
    Aid("decoded cache", (), ("training.decoded_cache=true",)),
)
FEATURES = (
    Aid("feature discriminator beside the own one", (), ("feature_discriminator={}",)),
    Aid("feature discriminator in its place", (), ('feature_discriminator={"discriminator_weight": 0}',)),
)
"""Measured where the network's weights are given."""


class Side:
    """One training, ready to step."""

    def __init__(self, arguments: argparse.Namespace, settings: list[str], folder: Path) -> None:
        features = (
            arguments.feature_weights if any(one.startswith("feature_discriminator") for one in settings) else None
        )
        record = new_record(
            arguments.system,
            arguments.data,
            preset=arguments.preset,
            overrides=settings,
            feature_weights=features,
        )
        assert isinstance(record, RunRecord)
        opened = open_data(record.data)
        recipe = build_recipe(record, opened)
        config = recipe.config
        self.images = config.training.batch_size
        self.learner = Learner(recipe, make_fabric(arguments.device, 1, config.training.precision), len(opened.train))
        samples = opened.train
        if config.training.decoded_cache:
            write_decoded(samples, folder)
            samples = DecodedSamples(folder)
        share = Share(self.images, config.training.accumulate)
        self.batches = MicroBatches(samples, config.data, recipe.collate, config.training.seed, share)

    def step(self) -> float:
        """Seconds of one step, reading included."""
        start = time.perf_counter()
        accumulate = self.batches.share.accumulate
        numbers = range(self.learner.step * accumulate, (self.learner.step + 1) * accumulate)
        self.learner.train_step([self.learner.to_device(self.batches[number]) for number in numbers])
        if self.learner.fabric.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start


def measure(aid: Aid, arguments: argparse.Namespace, folder: Path) -> tuple[float, float]:
    """Images per second without and with the aid: medians over the steps."""
    sides = [Side(arguments, [*arguments.set, *settings], folder) for settings in (aid.off, aid.on)]
    seconds: tuple[list[float], list[float]] = ([], [])
    for side in sides:
        side.step()  # the first step prepares
    for _ in range(arguments.steps):
        for side, times in zip(sides, seconds, strict=True):
            times.append(side.step())
    off, on = (side.images / statistics.median(times) for side, times in zip(sides, seconds, strict=True))
    return off, on


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="dataset folder with train/")
    parser.add_argument("--system", default="oasis")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="settings of both sides")
    parser.add_argument("--steps", type=int, default=8, help="measured steps of each side")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--feature-weights", type=Path, help="file with EfficientNet-lite0")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found: dict[str, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for aid in (*AIDS, *(FEATURES if arguments.feature_weights else ())):
            found[aid.name] = measure(aid, arguments, Path(folder))
    off, on = found["R1 in every step"]
    found[f"R1 in every {LAZY}th step (computed)"] = off, LAZY / ((LAZY - 1) / off + 1 / on)
    print(machine())
    rows = [[name, f"{off:.2f}", f"{on:.2f}", f"{on / off:.2f}"] for name, (off, on) in found.items()]
    print_table(f"{arguments.system}/{arguments.preset}, images per second", ["aid", "off", "on", "ratio"], rows)
    if arguments.out is not None:
        write_report(arguments.out, {name: {"off": off, "on": on} for name, (off, on) in found.items()})


if __name__ == "__main__":
    main()

"""SPADE's modulation, dense against layout tables: time, images per second and peak memory of the generator.

    python benchmarks/modulation.py --data ../shared/data [--case coco ...] [--repeats 5] [--json FILE]

Every repetition takes another real layout and runs all sides on it, one after the other; the table
shows medians, and the medians of the ratios within repetitions. Every run starts from integer
labels: dense sides make their one-hot tensors, table sides find their windows, in that time.

Sides: ``dense`` is NCHW in float32, as the official code runs; ``dense channels-last`` the better
memory order; ``tables`` float32; ``tables bf16`` bfloat16 (training: under autocast).
Peak memory is the growth of the process above weights (and gradients), in a fresh process per side.
"""

from __future__ import annotations

import argparse
import copy
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from memory import peak_mib
from numpy.typing import NDArray
from report import machine, print_table, write_report
from torch import Tensor, nn

from semsynth.classes import VOID
from semsynth.data.folder import DatasetFolder, splits
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.spade import SPADEGenerator, SPADEGeneratorConfig
from semsynth.ops.norm import MOMENTUM, ParameterFreeNorm


@dataclass(frozen=True)
class Case:
    """One shape of the problem."""

    name: str
    title: str
    dataset: str
    encoding: LayoutEncoding
    void_channel: int
    size: tuple[int, int]
    tiles: int = 1
    """Layouts per side of a mosaic: full-size street maps put together from the half-size ones at hand."""
    huge: bool = False
    """Whether one picture takes minutes: then no warm-up, two repetitions, and no training: some 30 GB."""
    upsamplings: Literal[5, 6, 7] = 6
    """Of the paper's generator for this data."""
    width: int = 64
    """The generator's; 64 is the paper's."""

    @property
    def config(self) -> SPADEGeneratorConfig:
        """The generator."""
        height, width = self.size
        return SPADEGeneratorConfig(
            encoding=self.encoding,
            width=self.width,
            crop_size=width,
            aspect_ratio=width / height,
            upsamplings=self.upsamplings,
        )


COCO = LayoutEncoding(num_classes=182, void="after", edges=True)
CITYSCAPES = LayoutEncoding(num_classes=35, edges=True)
CASES = (
    Case("coco", "184 channels, 256x256 (COCO-Stuff)", "cocostuff_sample", COCO, 182, (256, 256), upsamplings=5),
    Case("city", "36 channels, 256x512 (Cityscapes)", "cityscapes_sample", CITYSCAPES, 0, (256, 512)),
    Case(
        "city-full",
        "36 channels, 1024x2048 (Cityscapes)",
        "cityscapes_sample",
        CITYSCAPES,
        0,
        (1024, 2048),
        2,
        huge=True,
    ),
)


@dataclass(frozen=True)
class Side:
    """One way to compute the same generator."""

    name: str
    path: str
    channels_last: bool = True
    bf16: bool = False


SIDES = (
    Side("dense", "dense", channels_last=False),
    Side("dense channels-last", "dense"),
    Side("tables", "tables"),
    Side("tables bf16", "tables", bf16=True),
)


# Layouts --------------------------------------------------------------------------------------------------------


def read_maps(case: Case, data: Path) -> list[tuple[NDArray[np.uint16], NDArray[np.int32]]]:
    """Label and instance maps at the case's size, from all splits."""
    root = data / case.dataset
    height, width = (n // case.tiles for n in case.size)
    maps = []
    for split in splits(root):
        folder = DatasetFolder(root, split, images=False, instances=True)
        for i in range(len(folder)):
            layout = folder[i].layout.resized((height, width))
            assert layout.instances is not None
            maps.append((layout.labels, layout.instances))
    if case.tiles == 1:
        return maps
    count = case.tiles**2
    return [
        (_mosaic([m[0] for m in group], case.tiles), _mosaic([m[1] for m in group], case.tiles))
        for group in (maps[i : i + count] for i in range(0, len(maps) - count + 1, count))
    ]


def _mosaic(maps: list[NDArray[Any]], tiles: int) -> NDArray[Any]:
    return np.block([[maps[row * tiles + column] for column in range(tiles)] for row in range(tiles)])


def as_batch(case: Case, labels: NDArray[np.uint16], instances: NDArray[np.int32]) -> LayoutBatch:
    """A fresh batch of one layout, in which nothing has been computed yet."""
    channels = np.where(labels == VOID, case.void_channel, labels).astype(np.int64)
    return LayoutBatch.from_channels(torch.from_numpy(channels)[None], case.encoding, torch.from_numpy(instances)[None])


# The two measured operations ------------------------------------------------------------------------------------


def build(generator: SPADEGenerator, side: Side, *, training: bool) -> SPADEGenerator:
    """Make ``generator`` one that runs as ``side`` does."""
    generator.train(training)
    generator.use(side.path)  # type: ignore[arg-type]
    if side.channels_last:
        generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    else:
        keep_nchw(generator)
    if not training:
        generator.freeze(torch.bfloat16 if side.bf16 else torch.float32)
    return generator


def with_statistics(config: SPADEGeneratorConfig, layout: LayoutBatch) -> SPADEGenerator:
    """Random weights whose batch statistics fit them, as those of a trained generator do."""
    torch.manual_seed(0)
    generator = SPADEGenerator(config)
    norms = [module for module in generator.modules() if isinstance(module, ParameterFreeNorm)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        generator(layout)
    for norm in norms:
        norm.momentum = MOMENTUM
    return generator


def keep_nchw(generator: SPADEGenerator) -> None:
    """Undo the channels-last order that the library's layouts bring: the official code knows only NCHW."""

    def contiguous(_: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(a.contiguous() if isinstance(a, Tensor) else a for a in arguments)

    for module in generator.modules():
        if module is generator.head or isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(contiguous)


def forward(generator: SPADEGenerator, layout: LayoutBatch, side: Side) -> Tensor:
    """Synthesis."""
    with torch.inference_mode():
        return generator(layout)  # type: ignore[no-any-return]


def training_pass(generator: SPADEGenerator, layout: LayoutBatch, side: Side) -> Tensor:
    """Forward and backward of the generator in training mode."""
    for parameter in generator.parameters():
        if parameter.grad is not None:
            parameter.grad.zero_()
    with torch.autocast("cpu", torch.bfloat16) if side.bf16 else nullcontext():
        image: Tensor = generator(layout)
    image.float().square().mean().backward()
    return image.detach()


OPERATIONS: dict[str, Callable[[SPADEGenerator, LayoutBatch, Side], Tensor]] = {
    "forward": forward,
    "training": training_pass,
}


# Time -----------------------------------------------------------------------------------------------------------


def measure_times(
    case: Case, operation: str, maps: list[Any], repeats: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Seconds of every repetition by side, and each side's largest difference from ``dense``."""
    training = operation == "training"
    weights = with_statistics(case.config, as_batch(case, *maps[0]))
    generators = {side: build(copy.deepcopy(weights), side, training=training) for side in SIDES}
    del weights
    times: dict[str, list[float]] = {side.name: [] for side in SIDES}
    differences = dict.fromkeys(times, 0.0)
    for repetition in range(0 if case.huge else -1, repeats):  # number -1 warms up
        labels, instances = maps[repetition % len(maps)]
        expected: Tensor | None = None
        for side, generator in generators.items():
            start = time.perf_counter()
            image = OPERATIONS[operation](generator, as_batch(case, labels, instances), side)
            seconds = time.perf_counter() - start
            expected = image if expected is None else expected
            differences[side.name] = max(differences[side.name], (image - expected).abs().max().item())
            if repetition >= 0:
                times[side.name].append(seconds)
    return times, differences


# Memory ---------------------------------------------------------------------------------------------------------


def measure_peak(case: Case, side: Side, operation: str, maps: list[Any]) -> float:
    """Peak growth of a fresh process above weights and gradients, in MiB; nan where the system does not tell."""
    return peak_mib(prepare, case, side, operation, maps[0])


def prepare(case: Case, side: Side, operation: str, maps: tuple[Any, Any]) -> Callable[[], object]:
    """Everything but the operation itself, warmed up on something small."""
    training = operation == "training"
    small = replace(case, width=4, size=tuple(n // 4 for n in case.size))
    quarter = tuple(m[: small.size[0], : small.size[1]] for m in maps)
    OPERATIONS[operation](build(SPADEGenerator(small.config), side, training=training), as_batch(small, *quarter), side)
    generator = build(SPADEGenerator(case.config), side, training=training)
    if training:
        for parameter in generator.parameters():
            parameter.grad = torch.zeros_like(parameter).add_(0)
    layout = as_batch(case, *maps)
    return lambda: OPERATIONS[operation](generator, layout, side)


# The report -----------------------------------------------------------------------------------------------------


def results(
    cases: list[Case], operations: list[str], data: Path, repeats: int, memory: bool
) -> Iterator[dict[str, Any]]:
    """Measure and print one table per case and operation."""
    for case, operation in product(cases, operations):
        if operation == "training" and case.huge:
            continue
        maps = read_maps(case, data)
        count = min(repeats, 2) if case.huge else repeats
        times, differences = measure_times(case, operation, maps, count)
        gc.collect()
        base = times[SIDES[0].name]
        rows = []
        for side in SIDES:
            seconds = times[side.name]
            rows.append(
                {
                    "side": side.name,
                    "seconds": statistics.median(seconds),
                    "images_per_second": 1 / statistics.median(seconds),
                    "speedup": statistics.median(b / s for b, s in zip(base, seconds, strict=True)),
                    "peak_mib": measure_peak(case, side, operation, maps) if memory else float("nan"),
                    "largest_difference": differences[side.name],
                }
            )
        for row in rows:
            row["peak_ratio"] = row["peak_mib"] / rows[0]["peak_mib"]
        _print(f"{operation}: {case.title}", rows)
        yield {"case": case.name, "operation": operation, "repeats": count, "sides": rows}


def _print(title: str, rows: list[dict[str, Any]]) -> None:
    columns = ["side", "seconds", "images/s", "times as fast", "peak MiB", "of dense", "largest difference"]
    cells = [
        [
            row["side"],
            f"{row['seconds']:.2f}",
            f"{row['images_per_second']:.2f}",
            f"{row['speedup']:.2f}",
            f"{row['peak_mib']:.0f}",
            f"{row['peak_ratio']:.2f}",
            f"{row['largest_difference']:.1e}",
        ]
        for row in rows
    ]
    print_table(title, columns, cells)
    sys.stdout.flush()


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with cocostuff_sample and cityscapes_sample")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="default: all")
    parser.add_argument("--operation", action="append", choices=list(OPERATIONS), help="default: all")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, help="default: what torch chooses")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    cases = [case for case in CASES if not arguments.case or case.name in arguments.case]
    operations = arguments.operation or list(OPERATIONS)
    found = list(results(cases, operations, arguments.data, arguments.repeats, not arguments.no_memory))
    if arguments.json:
        write_report(arguments.json, found)


if __name__ == "__main__":
    main()

"""Cascaded refinement networks at full width: a plain NCHW float32 implementation against the default path."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from memory import peak_mib
from numpy.typing import NDArray
from report import machine, print_table, write_report
from torch import Tensor
from torch.nn import functional as F

from semsynth.classes import VOID
from semsynth.data.folder import DatasetFolder
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.losses.distance import mean_absolute_difference
from semsynth.models.crn import NEGATIVE_SLOPE, CascadedRefinementNetwork, CRNGeneratorConfig
from semsynth.ops.layer_norm import EPSILON

ENCODING = LayoutEncoding(num_classes=35)
SIZE = (512, 1024)
REFINEMENTS = 8
SIDES = ("plain", "default", "default bf16", "checkpointing", "checkpointing bf16")
"""One-hot, NCHW, float32 and torch's group norm; the default path; the same in bfloat16 (training: autocast); the same
two with activation checkpointing per module, which matters in training alone."""
OPERATIONS = ("forward", "training")


def build(side: str, operation: str) -> CascadedRefinementNetwork:
    """The paper's cascade for 1024 x 512 with random weights."""
    torch.manual_seed(0)
    config = CRNGeneratorConfig(
        encoding=ENCODING, refinements=REFINEMENTS, checkpointing=side.startswith("checkpointing")
    )
    generator = config.build()
    if side != "plain":
        generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if operation == "forward":
        generator.eval().requires_grad_(False)
        if side.endswith("bf16"):
            generator.freeze(torch.bfloat16)
    return generator


def plain(generator: CascadedRefinementNetwork, layout: LayoutBatch) -> Tensor:
    """What the paper and the official code compute, written down directly: [N,3,H,W]."""
    pyramid = [layout.full.one_hot().contiguous()]
    for _ in range(REFINEMENTS - 1):
        pyramid.append(F.avg_pool2d(pyramid[-1], 2))
    x = None
    for module in generator.cascade:
        labels = pyramid.pop()
        if x is not None:
            x = F.interpolate(x, labels.shape[2:], mode="bilinear", align_corners=True)
            labels = torch.cat([labels, x], 1)
        x = labels
        for conv, norm in ((module.conv_0, module.norm_0), (module.conv_1, module.norm_1)):
            x = F.group_norm(conv(x), 1, norm.weight, norm.bias, EPSILON)
            x = F.leaky_relu(x, NEGATIVE_SLOPE)
    return generator.to_rgb(x)  # type: ignore[no-any-return]


def run(generator: CascadedRefinementNetwork, side: str, operation: str, labels: NDArray[Any]) -> Tensor:
    """From integer labels to an image, or to gradients and an image."""
    layout = LayoutBatch.from_channels(torch.from_numpy(labels)[None], ENCODING)
    if operation == "forward":
        with torch.inference_mode():
            return plain(generator, layout) if side == "plain" else generator(layout)
    with torch.autocast("cpu", torch.bfloat16, enabled=side.endswith("bf16")):
        image = plain(generator, layout) if side == "plain" else generator(layout)
    mean_absolute_difference(image, torch.zeros_like(image)).backward()
    generator.zero_grad(set_to_none=False)
    return image.detach()


def prepare(side: str, operation: str, labels: NDArray[Any]) -> Callable[[], Tensor]:
    """The operation, its network ready, gradients allocated."""
    generator = build(side, operation)
    if operation == "training":
        for parameter in generator.parameters():
            parameter.grad = torch.zeros_like(parameter)
    return lambda: run(generator, side, operation, labels)


def read_labels(data: Path, count: int) -> list[NDArray[Any]]:
    """Real streets, [512,1024] int64."""
    folder = DatasetFolder(data / "cityscapes_sample", "train", images=False)
    maps = [folder[i % len(folder)].layout.resized(SIZE).labels for i in range(count)]
    return [np.where(one == VOID, ENCODING.num_labels, one).astype(np.int64) for one in maps]


def measure(operation: str, maps: list[NDArray[Any]], memory: bool) -> list[dict[str, Any]]:
    """Time all sides on the same maps, in turns."""
    sides = [side for side in SIDES if operation == "training" or not side.startswith("checkpointing")]
    times: dict[str, list[float]] = {side: [] for side in sides}
    differences = dict.fromkeys(sides, 0.0)
    for labels in maps:
        expected = None
        for side in sides:
            work = prepare(side, operation, labels)
            start = time.perf_counter()
            image = work()
            times[side].append(time.perf_counter() - start)
            expected = image if expected is None else expected
            differences[side] = max(differences[side], (image.float() - expected).abs().max().item())
    return [
        {
            "side": side,
            "seconds": statistics.median(times[side]),
            "speedup": statistics.median(a / b for a, b in zip(times["plain"], times[side], strict=True)),
            "peak_mib": peak_mib(prepare, side, operation, maps[0]) if memory else float("nan"),
            "largest_difference": differences[side],
        }
        for side in sides
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with cityscapes_sample")
    parser.add_argument("--operation", action="append", choices=OPERATIONS)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    maps = read_labels(arguments.data, arguments.repeats)
    found = []
    for operation in arguments.operation or OPERATIONS:
        rows = measure(operation, maps, not arguments.no_memory)
        columns = ["side", "seconds", "times as fast", "peak MiB", "largest difference"]
        formats = ("{side}", "{seconds:.2f}", "{speedup:.2f}", "{peak_mib:.0f}", "{largest_difference:.1e}")
        print_table(f"CRN at 1024x512, {operation}", columns, [[one.format(**row) for one in formats] for row in rows])
        found.append({"operation": operation, "repeats": arguments.repeats, "sides": rows})
    if arguments.json:
        write_report(arguments.json, found)


if __name__ == "__main__":
    main()

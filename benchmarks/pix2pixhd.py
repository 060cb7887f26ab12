"""pix2pixHD's generators at full size: dense float32 as the official code runs against the default path.

Also instance-wise average pooling against one plain pass over the tensor.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from memory import peak_mib
from numpy.typing import NDArray
from report import machine, print_table, write_report
from torch import Tensor, nn

from semsynth.classes import VOID
from semsynth.data.folder import DatasetFolder
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.layout_ops.objects import ObjectMap, object_means, spread
from semsynth.models.pix2pixhd import Pix2PixHDGenerator, Pix2PixHDGeneratorConfig

ENCODING = LayoutEncoding(num_classes=35, edges=True)


@dataclass(frozen=True)
class Case:
    """A generator and the size that it makes."""

    name: str
    title: str
    size: tuple[int, int]
    enhancers: int

    def build(self) -> Pix2PixHDGenerator:
        """The paper's generator with random weights, ready to infer."""
        torch.manual_seed(0)
        config = Pix2PixHDGeneratorConfig(encoding=ENCODING, enhancers=self.enhancers)
        generator = Pix2PixHDGenerator(config).eval().requires_grad_(False)
        for module in generator.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
        return generator


CASES = (
    Case("g1", "G1 at 1024x512", (512, 1024), 0),
    Case("g2", "G1 + G2 at 2048x1024", (1024, 2048), 1),
)
SIDES = ("dense", "tables", "tables bf16")
"""NCHW float32 on a one-hot tensor, as the official code runs; the default path; the default path in bfloat16."""


def read_maps(data: Path, size: tuple[int, int], count: int) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Label and instance maps of real streets; beyond their own size they are enlarged."""
    folder = DatasetFolder(data / "cityscapes_sample", "train", images=False, instances=True)
    layouts = [folder[i % len(folder)].layout.resized(size) for i in range(count)]
    channels = [np.where(one.labels == VOID, ENCODING.num_labels, one.labels).astype(np.int64) for one in layouts]
    return [(labels, one.instances) for labels, one in zip(channels, layouts, strict=True) if one.instances is not None]


def prepare(case: Case, side: str, maps: tuple[NDArray[Any], NDArray[Any]]) -> Callable[[], Tensor]:
    """Synthesis from integer maps to an image; the networks are ready."""
    generator = case.build()
    if side != "dense":
        generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        generator.freeze(torch.bfloat16 if side.endswith("bf16") else torch.float32)
    return lambda: _synthesize(generator, side, *maps)


@torch.inference_mode()
def _synthesize(generator: Pix2PixHDGenerator, side: str, labels: NDArray[Any], instances: NDArray[Any]) -> Tensor:
    channels = torch.from_numpy(labels)[None]
    batch = LayoutBatch.from_channels(channels, ENCODING, torch.from_numpy(instances)[None])
    if side == "dense":
        return generator(batch.full.one_hot().contiguous())  # type: ignore[no-any-return]
    return generator(batch)  # type: ignore[no-any-return]


def generators(cases: list[Case], data: Path, repeats: int, memory: bool) -> Iterator[dict[str, Any]]:
    """Measure and print one table per case."""
    for case in cases:
        maps = read_maps(data, case.size, repeats)
        built = {side: case.build() for side in SIDES}
        for side, generator in built.items():
            if side != "dense":
                generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
                generator.freeze(torch.bfloat16 if side.endswith("bf16") else torch.float32)
        times: dict[str, list[float]] = {side: [] for side in SIDES}
        differences = dict.fromkeys(SIDES, 0.0)
        for number in range(repeats):
            expected = None
            for side, generator in built.items():
                start = time.perf_counter()
                image = _synthesize(generator, side, *maps[number])
                times[side].append(time.perf_counter() - start)
                expected = image if expected is None else expected
                differences[side] = max(differences[side], (image.float() - expected).abs().max().item())
        del built
        peaks = {side: peak_mib(prepare, case, side, maps[0]) if memory else float("nan") for side in SIDES}
        rows = [
            {
                "side": side,
                "seconds": statistics.median(times[side]),
                "speedup": statistics.median(a / b for a, b in zip(times["dense"], times[side], strict=True)),
                "peak_mib": peaks[side],
                "largest_difference": differences[side],
            }
            for side in SIDES
        ]
        cells = [
            [
                row["side"],
                f"{row['seconds']:.2f}",
                f"{row['speedup']:.2f}",
                f"{row['peak_mib']:.0f}",
                f"{row['largest_difference']:.1e}",
            ]
            for row in rows
        ]
        print_table(case.title, ["side", "seconds", "times as fast", "peak MiB", "largest difference"], cells)
        yield {"case": case.name, "repeats": repeats, "sides": rows}


def pooling(data: Path, repeats: int) -> dict[str, Any]:
    """Instance-wise pooling of [1,3,1024,2048] against ``x + 1``, with few and with many objects."""
    x = torch.randn(1, 3, 1024, 2048).contiguous(memory_format=torch.channels_last)
    (_, instances), *_ = read_maps(data, (1024, 2048), 1)
    blocks = np.arange(1024)[:, None] // 8 * 256 + np.arange(2048) // 8
    rows = []
    plain = statistics.median(_seconds(lambda: x + 1) for _ in range(repeats))
    for name, ids in (("a real street", instances), ("blocks of 8x8", blocks.astype(np.int64))):
        objects = ObjectMap.of(torch.from_numpy(ids.astype(np.int64))[None])
        mean = statistics.median(_seconds(lambda o=objects: object_means(x, o)) for _ in range(repeats))
        both = statistics.median(_seconds(lambda o=objects: spread(object_means(x, o), o)) for _ in range(repeats))
        rows.append([name, str(len(objects)), f"{1000 * plain:.1f}", f"{1000 * mean:.1f}", f"{1000 * both:.1f}"])
    columns = ["objects", "number", "x + 1, ms", "means, ms", "means and spreading, ms"]
    print_table("Instance-wise pooling, 3 channels, 2048x1024", columns, rows)
    return {"case": "pooling", "rows": [dict(zip(columns, row, strict=True)) for row in rows]}


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with cityscapes_sample")
    parser.add_argument("--case", action="append", choices=[*(case.name for case in CASES), "pooling"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    wanted = arguments.case or [*(case.name for case in CASES), "pooling"]
    cases = [case for case in CASES if case.name in wanted]
    found = list(generators(cases, arguments.data, arguments.repeats, not arguments.no_memory))
    if "pooling" in wanted:
        found.append(pooling(arguments.data, 10 * arguments.repeats))
    if arguments.json:
        write_report(arguments.json, found)


if __name__ == "__main__":
    main()

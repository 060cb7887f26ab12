"""What a stroke costs: the part of a picture that it changes against the whole picture.

    python benchmarks/strokes.py [--precision float32] [--seconds 5] [--json FILE]

A disc of 4, 8 or 16 pixels across is dragged over drawn fronts, by half its width between two pictures, in a class
that is not there yet. *Arithmetic* is the share of the whole picture's multiplications that such a step takes. *Time*
is one step's against a whole picture's: they take turns, and the ratio's median is given. Networks are SPADE generators
as the bundled models have them (width 16) and of the paper's width, with random weights. The first drag of each is not
counted, because the CPU's library prepares code for each size of rectangle once.

The last table sorts steps at 256x256 by their arithmetic, with nothing falling back to the whole picture: it shows from
which share on a part is not worth it, ``semsynth.models.kept.MAX_SHARE``.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from report import machine, print_table, write_report
from torch import Tensor

from semsynth.data.facades import draw_facade
from semsynth.layout import Layout, LayoutBatch, LayoutEncoding, Size
from semsynth.layout.difference import Reading
from semsynth.models.generator import LayoutGenerator
from semsynth.models.kept import MAX_SHARE, KeptPicture, changed_areas, share_of
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.synthesizer import choose_dtype

BRUSHES = (4, 8, 16)
CASES = ((16, 256, BRUSHES), (16, 512, BRUSHES), (16, 1024, BRUSHES), (64, 1024, (8, 16)))
"""Width, side of the pictures, brushes."""
STEPS_PER_DRAG = 12
FEWEST_STEPS = 8
"""That are timed, however long they take."""
WHOLE_EVERY = 4
"""Steps after which a whole picture is made."""
SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)
PLENTY = 2**33


def drags(brush: int, side: int, seed: int) -> Iterator[Iterator[Layout]]:
    """Drags on fronts; of each the layouts, the first one before it."""
    rng = np.random.default_rng(seed)
    for number in itertools.count():
        yield _drag(draw_facade(number % 8, side), brush, rng)


def _drag(layout: Layout, brush: int, rng: np.random.Generator) -> Iterator[Layout]:
    yield layout
    height, width = layout.size
    rows, columns = np.ogrid[:height, :width]
    (row, column), angle, label = (
        rng.uniform(0.15, 0.85, 2) * layout.size,
        rng.uniform(0, 2 * math.pi),
        rng.integers(12),
    )
    labels = layout.labels
    for _ in range(STEPS_PER_DRAG):
        labels = labels.copy()
        for _ in range(2):
            labels[(rows - row) ** 2 + (columns - column) ** 2 <= brush**2 / 4] = label
            row, column = row + brush / 4 * math.sin(angle), column + brush / 4 * math.cos(angle)
        angle += rng.normal(0, 0.25)
        yield Layout(labels, layout.classes)


def build(width: int, dtype: torch.dtype) -> LayoutGenerator:
    """A generator ready to infer."""
    torch.manual_seed(0)
    hidden = 64 if width == 16 else 128
    config = SPADEGeneratorConfig(
        encoding=LayoutEncoding(num_classes=12), width=width, hidden=hidden, crop_size=256, noise_injection=width == 16
    )
    generator = config.build().eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator.freeze(dtype)
    return generator  # type: ignore[no-any-return]


@dataclass
class Measured:
    """Steps of one brush at one size."""

    shares: list[float] = field(default_factory=list)
    step_seconds: list[float] = field(default_factory=list)
    whole_seconds: list[float] = field(default_factory=list)
    ratios: list[tuple[float, float]] = field(default_factory=list)
    """Share of the arithmetic, and of the time."""

    def row(self) -> dict[str, float]:
        """What the table shows."""
        ratios = [ratio for _, ratio in self.ratios]
        return {
            "share": statistics.median(self.shares),
            "share_p90": float(np.quantile(self.shares, 0.9)),
            "step_ms": 1000 * statistics.median(self.step_seconds),
            "whole_ms": 1000 * statistics.median(self.whole_seconds),
            "ratio": statistics.median(ratios),
            "ratio_p90": float(np.quantile(ratios, 0.9)),
            "steps": len(ratios),
        }


def shares_of(generator: LayoutGenerator, brush: int, side: int, count: int, max_share: float) -> list[float]:
    """The arithmetic of many steps, without doing it."""
    found: list[float] = []
    for drag in drags(brush, side, seed=1):
        before: list[Reading | None] | None = None
        for layout in drag:
            stages = generator.local_stages(_batch(layout, generator), None, (side, side))
            now = [None if one.layout is None else Reading.of(one.layout) for one in stages]
            if before is not None:
                differences = [a.difference(b) if a and b else None for a, b in zip(before, now, strict=True)]
                share = share_of(stages, changed_areas(stages, differences, (side, side)), (side, side))
                found.append(share if share <= max_share else 1.0)
            before = now
            if len(found) == count:
                return found
    raise AssertionError


def times_of(
    generator: LayoutGenerator, brush: int, side: int, seconds: float, max_share: float, into: Measured
) -> None:
    """Steps and whole pictures in turn, for so many seconds after a first drag."""
    kept = KeptPicture(generator, PLENTY, max_share)
    end, begun = math.inf, len(into.ratios)
    for number, drag in enumerate(drags(brush, side, seed=2)):
        if number == 1:
            end = time.perf_counter() + seconds
        whole = math.nan
        for step, layout in enumerate(drag):
            if time.perf_counter() > end and len(into.ratios) - begun >= FEWEST_STEPS:
                return
            taken = _seconds(kept.update, layout, generator)
            if number and step % WHOLE_EVERY == 1 and not (whole > seconds):
                whole = _seconds(generator.synthesize, layout, generator)
                into.whole_seconds.append(whole)
            if number and step:
                into.step_seconds.append(taken)
                into.ratios.append((kept.share, taken / whole))


def _batch(layout: Layout, generator: LayoutGenerator) -> LayoutBatch:
    return LayoutBatch.from_layouts([layout], generator.config.encoding)


def _seconds(make: Callable[[LayoutBatch, None, Size], Tensor], layout: Layout, generator: LayoutGenerator) -> float:
    batch = _batch(layout, generator)  # whose windows are still to be found
    start = time.perf_counter()
    make(batch, None, layout.size)
    return time.perf_counter() - start


def strokes(
    dtype: torch.dtype, seconds: float, steps: int, cases: tuple[tuple[int, int, tuple[int, ...]], ...]
) -> list[dict[str, Any]]:
    """A row for every network, size and brush."""
    rows = []
    for width, side, brushes in cases:
        generator = build(width, dtype)
        for brush in brushes:
            found = Measured(shares_of(generator, brush, side, steps * 256 // side, MAX_SHARE))
            times_of(generator, brush, side, seconds, MAX_SHARE, found)
            rows.append({"width": width, "side": side, "brush": brush, **found.row()})
    return rows


def by_share(dtype: torch.dtype, seconds: float) -> list[dict[str, float]]:
    """The time of steps by their share of the arithmetic, at 256x256."""
    generator, found = build(16, dtype), Measured()
    for brush in BRUSHES[1:]:
        times_of(generator, brush, 256, seconds, 1.0, found)
    rows = []
    for low, high in itertools.pairwise(SHARES):
        ratios = [ratio for share, ratio in found.ratios if low <= share < high]
        if ratios:
            rows.append({"from": low, "to": min(high, 1), "steps": len(ratios), "ratio": statistics.median(ratios)})
    return rows


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--seconds", type=float, default=5, help="for each brush and size")
    parser.add_argument(
        "--steps", type=int, default=300, help="whose arithmetic is counted, at 256x256; fewer at larger sizes"
    )
    parser.add_argument("--tiny", action="store_true", help="256x256 alone, for tests")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    dtype = choose_dtype(arguments.precision, torch.device("cpu"))
    with torch.inference_mode():
        cases = CASES[:1] if arguments.tiny else CASES
        rows = strokes(dtype, arguments.seconds, arguments.steps, cases)
        shares = by_share(dtype, arguments.seconds)
    print_table(
        f"A step of a drag, {str(dtype)[6:]}: median (90 % of steps are below)",
        ["width", "picture", "brush", "arithmetic", "step, ms", "whole, ms", "time", "steps timed"],
        [
            [
                f"{row['width']}",
                f"{row['side']}x{row['side']}",
                f"{row['brush']}",
                f"{row['share']:.3f} ({row['share_p90']:.2f})",
                f"{row['step_ms']:.0f}",
                f"{row['whole_ms']:.0f}",
                f"{row['ratio']:.2f} ({row['ratio_p90']:.2f})",
                f"{row['steps']}",
            ]
            for row in rows
        ],
    )
    print_table(
        "Time by arithmetic, 256x256",
        ["arithmetic", "steps", "time"],
        [[f"{row['from']:.1f}-{row['to']:.1f}", f"{row['steps']}", f"{row['ratio']:.2f}"] for row in shares],
    )
    if arguments.json:
        write_report(arguments.json, {"strokes": rows, "by_share": shares})


if __name__ == "__main__":
    main()

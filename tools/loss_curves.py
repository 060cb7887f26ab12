"""Draw the loss terms of trainings as one SVG: a panel per system and term, a curve per dataset.

    python tools/loss_curves.py RUN [RUN ...] --out FILE.svg [--skip REGEX]

Each RUN is a run folder, of which ``recipe.json`` and ``log.jsonl`` are read. Vertical axes are logarithmic where a
term is positive throughout.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from semsynth.files import write_bytes
from semsynth.training.run import RunFolder

COLUMNS = 4
WIDTH, HEIGHT = 210, 150
"""Of a panel, in SVG units, labels included."""
LEFT, RIGHT, TOP, BOTTOM = 42, 8, 36, 22
"""Margins of the plot inside its panel."""
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Of the datasets, told apart by people with any colour vision (Okabe and Ito)."""


@dataclass(frozen=True)
class Curve:
    """One term of one run."""

    data: str
    steps: list[int]
    values: list[float]


def read_curves(runs: Sequence[Path], skip: str) -> dict[str, list[Curve]]:
    """The curves of each panel, ``SYSTEM: PHASE/TERM``, in the order of the runs."""
    panels: dict[str, list[Curve]] = {}
    for root in runs:
        record = RunFolder(root).open()
        system = record.system if record.preset in ("default", "small") else f"{record.system} {record.preset}"
        lines = [json.loads(line) for line in RunFolder(root).log.read_text("utf-8").splitlines()]
        names = dict.fromkeys(name for line in lines for name in line["terms"] if not re.search(skip, name))
        for name in names:
            points = [(line["step"], line["terms"][name]) for line in lines if name in line["terms"]]
            curve = Curve(Path(record.data).name, [step for step, _ in points], [value for _, value in points])
            panels.setdefault(f"{system}: {name}", []).append(curve)
    return panels


def panel(title: str, curves: Sequence[Curve], colors: dict[str, str]) -> str:
    """One plot."""
    values = [value for curve in curves for value in curve.values]
    logarithmic = min(values) > 0
    scale = math.log10 if logarithmic else float
    low, high = scale(min(values)), scale(max(values))
    high = high if high > low else low + 1
    last = max(step for curve in curves for step in curve.steps)
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(step: int) -> float:
        return LEFT + (right - LEFT) * step / last

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * (scale(value) - low) / (high - low)

    system, term = title.split(": ")
    marks = [
        f'<text x="{LEFT}" y="{TOP - 22}" class="title">{escape(system)}</text>',
        f'<text x="{LEFT}" y="{TOP - 9}">{escape(term)}</text>',
        f'<path d="M{LEFT} {TOP}V{bottom}H{right}" class="axis"/>',
    ]
    for value in (min(values), max(values)):
        marks.append(f'<text x="{LEFT - 4}" y="{y(value) + 3:.1f}" text-anchor="end">{value:.3g}</text>')
    marks += [
        f'<text x="{x(step):.1f}" y="{bottom + 13}" text-anchor="{anchor}">{step}</text>'
        for step, anchor in ((0, "start"), (last, "end"))
    ]
    for curve in curves:
        points = " ".join(
            f"{x(step):.1f},{y(value):.1f}" for step, value in zip(curve.steps, curve.values, strict=True)
        )
        marks.append(f'<polyline points="{points}" stroke="{colors[curve.data]}" class="curve"/>')
    return "".join(marks)


def draw(panels: dict[str, list[Curve]]) -> str:
    """All plots with a legend."""
    datasets = list(dict.fromkeys(curve.data for curves in panels.values() for curve in curves))
    colors = {name: COLORS[number % len(COLORS)] for number, name in enumerate(datasets)}
    width, height = COLUMNS * WIDTH, 24 + HEIGHT * -(-len(panels) // COLUMNS)
    legend = "".join(
        f'<circle cx="{LEFT + 150 * number}" cy="12" r="5" fill="{color}"/>'
        f'<text x="{LEFT + 9 + 150 * number}" y="16" class="title">{escape(name)}</text>'
        for number, (name, color) in enumerate(colors.items())
    )
    plots = "".join(
        f'<g transform="translate({number % COLUMNS * WIDTH} {24 + number // COLUMNS * HEIGHT})">'
        f"{panel(title, curves, colors)}</g>\n"
        for number, (title, curves) in enumerate(panels.items())
    )
    style = (
        "text{font:10px sans-serif;fill:#444}.title{font-size:11px;fill:#111}"
        ".axis{fill:none;stroke:#999}.curve{fill:none;stroke-width:1.3}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{legend}\n{plots}</svg>\n'
    )


def main() -> None:
    """Read arguments, write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--skip", default="^$", help="terms that match this regular expression are left out")
    arguments = parser.parse_args()
    write_bytes(arguments.out, draw(read_curves(arguments.runs, arguments.skip)).encode())


if __name__ == "__main__":
    main()

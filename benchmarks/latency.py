"""How long one waits: for a photo of each bundled model, and for ``semsynth --help``.

    python benchmarks/latency.py [--repeats 20] [--json FILE]

*Cold* is one layout that the synthesiser has never seen, *warm* one photo more of the same layout in
another style: its windows are known. Layouts come from the grammar of the model's classes.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from report import machine, print_table, write_report

import semsynth
from semsynth.data.grammars import grammar_of
from semsynth.layout import LayoutBatch
from semsynth.synthesizer import Synthesizer

MODELS = ("facades", "streets")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def seconds_of(work: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def synthesis(model: str, repeats: int) -> list[dict[str, Any]]:
    """Milliseconds per photo, by precision; the precisions take turns."""
    synthesizers = {name: semsynth.load(model, precision=name, device="cpu") for name in PRECISIONS}
    any_of_them = next(iter(synthesizers.values()))
    grammar, size = grammar_of(any_of_them.classes), any_of_them.config.output_size
    assert grammar is not None
    cold: dict[str, list[float]] = {name: [] for name in PRECISIONS}
    warm: dict[str, list[float]] = {name: [] for name in PRECISIONS}
    for seed in range(-1, repeats):  # the first one warms up
        layout = grammar.draw(max(seed, 0), size)
        for name, synthesizer in synthesizers.items():
            batch = LayoutBatch.from_layouts([layout], synthesizer.config.encoding)
            first = seconds_of(lambda s=synthesizer, b=batch: _photo(s, b, 0))
            second = seconds_of(lambda s=synthesizer, b=batch: _photo(s, b, 1))
            if seed >= 0:
                cold[name].append(first)
                warm[name].append(second)
    return [
        {
            "model": model,
            "precision": name,
            "cold_ms": 1000 * statistics.median(cold[name]),
            "warm_ms": 1000 * statistics.median(warm[name]),
            "warm_p95_ms": 1000 * sorted(warm[name])[int(0.95 * (repeats - 1))],
        }
        for name in PRECISIONS
    ]


def _photo(synthesizer: Synthesizer, batch: LayoutBatch, seed: int) -> None:
    style = synthesizer.style(seed=seed)
    synthesizer.synthesize_tensor(batch, None if style is None else style[None])


def commands(repeats: int) -> list[dict[str, Any]]:
    """Wall time of starting Python for nothing and for a command that does nearly nothing.

    Processes, because what is measured is their start: imports that this one has done already would cost nothing.
    """
    code = "from semsynth.cli.main import main; main()"
    rows = {
        "python -c ''": ["-c", ""],
        "semsynth --help": ["-c", code, "--help"],
        "import semsynth": ["-c", "import semsynth"],
    }
    found = []
    for name, arguments in rows.items():
        run = [sys.executable, *arguments]
        times = [seconds_of(lambda r=run: subprocess.run(r, check=True, capture_output=True)) for _ in range(repeats)]
        found.append({"command": name, "median_ms": 1000 * statistics.median(times), "best_ms": 1000 * min(times)})
    return found


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    starts = commands(arguments.repeats)
    rows = [[row["command"], f"{row['median_ms']:.0f}", f"{row['best_ms']:.0f}"] for row in starts]
    print_table("Commands", ["command", "median ms", "best ms"], rows)
    photos = [row for model in MODELS for row in synthesis(model, arguments.repeats)]
    times = ("cold_ms", "warm_ms", "warm_p95_ms")
    rows = [[row["model"], row["precision"], *(f"{row[key]:.0f}" for key in times)] for row in photos]
    columns = ["model", "precision", "new layout, ms", "same layout, ms", "p95, ms"]
    print_table("One photo of each bundled model", columns, rows)
    if arguments.json:
        write_report(arguments.json, {"commands": starts, "synthesis": photos})


if __name__ == "__main__":
    main()

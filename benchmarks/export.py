"""Exported generators beside the model folder: ONNX Runtime, a torch.export archive and PyTorch's default path.

    python benchmarks/export.py [--case facades] [--repeats 7] [--json FILE]

All sides make photos of the same layouts in turns, in float32, each layout new to all of them: finding its distinct
windows is part of PyTorch's time. Weights are random but for the bundled model.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from memory import peak_mib
from report import machine, print_table, write_report
from torch import Tensor

from semsynth.checkpoint import (
    Card,
    GeneratorModel,
    ModelConfig,
    OASISModel,
    Pix2PixHDModel,
    SPADEModel,
    find_model,
    load_model,
    save_model,
)
from semsynth.classes import ClassSet, builtin
from semsynth.data.grammars import grammar_of
from semsynth.exporting import export_model, open_exported
from semsynth.layout import Layout, LayoutEncoding, Size
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.oasis import OASISGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.synthesizer import Backend, TorchBackend

CLASSES = builtin("labelmefacade")
SIZE = (256, 256)
SIDES = ("PyTorch", "torch.export", "ONNX Runtime")
SUFFIX = {"torch.export": "model.pt2", "ONNX Runtime": "model.onnx"}


def _cases() -> dict[str, Callable[[], ModelConfig]]:
    labels = LayoutEncoding(num_classes=CLASSES.num_classes)
    void_first = LayoutEncoding(num_classes=CLASSES.num_classes, void="before")
    return {
        "spade, width 64": lambda: SPADEModel(generator=SPADEGeneratorConfig(encoding=labels)),
        "pix2pixhd, width 64": lambda: Pix2PixHDModel(generator=Pix2PixHDGeneratorConfig(encoding=labels)),
        "crn, widths of the paper / 4": lambda: GeneratorModel(
            generator=CRNGeneratorConfig(encoding=labels, width_scale=0.25)
        ),
        "oasis, width 32": lambda: OASISModel(generator=OASISGeneratorConfig(encoding=void_first, width=32)),
    }


def prepared(case: str, folder: Path) -> Path:
    """The model folder of a case, with its exported files beside it."""
    if case == "facades":
        model = load_model(find_model("facades"))
    else:
        torch.manual_seed(0)
        config = _cases()[case]()
        save_model(folder / "model", config, CLASSES, config.build(), Card(name=case))
        model = load_model(folder / "model")
    export_model(model, folder / SUFFIX["ONNX Runtime"], "onnx", size=SIZE)
    export_model(model, folder / SUFFIX["torch.export"], "torch", size=SIZE)
    return folder


def backend(side: str, case: str, folder: Path) -> Backend:
    """One of :data:`SIDES`."""
    if side != "PyTorch":
        return open_exported(folder / SUFFIX[side], "cpu")
    model = find_model("facades") if case == "facades" else folder / "model"
    return TorchBackend(load_model(model), torch.device("cpu"), torch.float32)


def layout_of(classes: ClassSet, seed: int, size: Size = SIZE) -> Layout:
    """A drawn layout."""
    grammar = grammar_of(classes)
    assert grammar is not None
    return grammar.draw(seed, size)


def style_of(made_by: Backend, seed: int) -> Tensor | None:
    """[1,z_dim], where the generator reads one."""
    reads = isinstance(made_by.config, OASISGeneratorConfig) or getattr(made_by.config, "input", "") == "noise"
    if not reads:
        return None
    return torch.randn(1, made_by.config.z_dim, generator=torch.Generator().manual_seed(seed))  # type: ignore[attr-defined]


def photo(made_by: Backend, case: str, seed: int) -> Tensor:
    """[1,3,H,W] of drawn layout number ``seed``."""
    classes = builtin("cmp_facades") if case == "facades" else CLASSES
    return made_by.photograph([layout_of(classes, seed)], style_of(made_by, seed))


def photo_of(side: str, case: str, folder: Path) -> Callable[[], Tensor]:
    """For the memory benchmark: the operation, with the model loaded and run once in a small way."""
    made_by = backend(side, case, folder)
    return lambda: photo(made_by, case, 1)


def measure(case: str, repeats: int) -> list[dict[str, Any]]:
    """Seconds, memory and the largest difference, of each side."""
    with tempfile.TemporaryDirectory() as name:
        folder = prepared(case, Path(name))
        backends = {side: backend(side, case, folder) for side in SIDES}
        times: dict[str, list[float]] = {side: [] for side in SIDES}
        off = dict.fromkeys(SIDES, 0.0)
        for seed in range(repeats + 1):  # the first one warms up
            made = {}
            for side, made_by in backends.items():
                start = time.perf_counter()
                made[side] = photo(made_by, case, seed)
                if seed:
                    times[side].append(time.perf_counter() - start)
            off = {side: max(off[side], float((made[side] - made["PyTorch"]).abs().max())) for side in SIDES}
        ratios = {side: [a / b for a, b in zip(times["PyTorch"], times[side], strict=True)] for side in SIDES}
        return [
            {
                "case": case,
                "side": side,
                "seconds": statistics.median(times[side]),
                "times_as_fast": statistics.median(ratios[side]),
                "peak_mib": peak_mib(photo_of, side, case, folder),
                "file_mib": _size(folder, side) / 2**20,
                "difference": off[side],
            }
            for side in SIDES
        ]


def _size(folder: Path, side: str) -> float:
    files = [folder / SUFFIX[side]] if side in SUFFIX else list((folder / "model").glob("generator.safetensors"))
    return float(sum(file.stat().st_size for file in files)) if files else float("nan")


def main() -> None:
    """Run the benchmark."""
    names = ["facades", *_cases()]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case", action="append", choices=names, help="default: all")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    rows = [row for case in arguments.case or names for row in measure(case, arguments.repeats)]
    shown = [
        [
            row["case"],
            row["side"],
            f"{1000 * row['seconds']:.0f}",
            f"{row['times_as_fast']:.2f}",
            f"{row['peak_mib']:.0f}",
            f"{row['file_mib']:.0f}" if np.isfinite(row["file_mib"]) else "",
            f"{row['difference']:.0e}",
        ]
        for row in rows
    ]
    columns = ["model", "side", "ms a photo", "times as fast as PyTorch", "peak MiB", "file MiB", "largest difference"]
    print_table(f"One photo of {SIZE[1]}x{SIZE[0]}", columns, shown)
    if arguments.json:
        write_report(arguments.json, rows)


if __name__ == "__main__":
    main()

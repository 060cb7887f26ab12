"""What a GPU gains from layout tables, bfloat16, channels-last memory, CUDA graphs and torch.compile.

    python benchmarks/gpu.py [--seconds 360] [--json FILE] [--tiny]

Synthesis is measured for SPADE generators of widths 16 and 64 with 184 channels at 256x256, a training step for every
system's preset ``small``. All layouts are drawn, so that no data is needed. Windows of layouts are found on the CPU
beforehand, as data workers do. Compilation and graphs come last: what does not begin within ``--seconds`` is listed as
not run. ``--tiny`` runs a few cases of a few thousand parameters on any device, to show that the script works.

Sides: ``dense`` convolves one-hot layouts, ``tables`` look distinct windows up. ``float32`` is with TF32 off. A graph
or a compiled generator of tables holds for layouts with as many distinct windows: here, for the measured layouts.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from modulation import keep_nchw, with_statistics
from report import machine, print_table, write_report
from torch import Tensor

from semsynth.config import override
from semsynth.data.toy import TOY_CLASSES, draw_scene
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.layout_ops.spade_layer import ModulationPath
from semsynth.models.spade import SPADEGenerator, SPADEGeneratorConfig
from semsynth.recipes import RECIPES
from semsynth.recipes.base import Recipe
from semsynth.training.data import MicroBatches, Share
from semsynth.training.devices import make_fabric
from semsynth.training.learner import Learner

Arithmetic = Literal["float32", "tf32", "bfloat16"]
Execution = Literal["eager", "graph", "compile"]
SYSTEMS = {
    "spade": ("loss.perceptual=0",),
    "oasis": (),
    "pix2pixhd": ("loss.perceptual=0",),
    "crn": ("loss.kind=image_space",),
}
"""Systems, and what keeps their presets from needing a pretrained network."""
TINY_SYSTEMS = {"generator": {"width": 8, "hidden": 8, "crop_size": 64}, "data": {"load_size": 72, "crop_size": 64}}
ENOUGH_SECONDS = 0.5
"""A case is repeated until it has run so long, but at most :data:`MOST_REPEATS` times."""
MOST_REPEATS = 50


@dataclass(frozen=True)
class Problem:
    """The generator and the layouts of all cases."""

    widths: tuple[int, ...] = (16, 64)
    batches: tuple[int, ...] = (1, 16)
    classes: int = 182
    size: int = 256

    def generator(self, width: int) -> SPADEGenerator:
        """With random weights, in evaluation mode on the CPU."""
        config = SPADEGeneratorConfig(encoding=self.encoding, width=width, crop_size=self.size, upsamplings=5)
        return with_statistics(config, self.layouts(1)).eval().requires_grad_(False)

    @property
    def encoding(self) -> LayoutEncoding:
        """COCO-Stuff's: void and edges have channels."""
        return LayoutEncoding(num_classes=self.classes, void="after", edges=True)

    def layouts(self, count: int) -> LayoutBatch:
        """Drawn scenes, each with a random choice of the classes."""
        rng = np.random.default_rng(0)
        scenes = [draw_scene(seed, self.size).layout for seed in range(count)]
        labels = [rng.permutation(self.classes)[one.labels] for one in scenes]
        instances = [one.instances for one in scenes if one.instances is not None]
        channels, objects = (torch.from_numpy(np.stack(maps).astype(np.int64)) for maps in (labels, instances))
        return LayoutBatch.from_channels(channels, self.encoding, objects)


TINY = Problem(widths=(4,), batches=(1, 2), classes=12, size=64)


@dataclass(frozen=True)
class Case:
    """One way to run one generator."""

    width: int
    batch: int
    path: ModulationPath
    arithmetic: Arithmetic
    channels_last: bool
    execution: Execution

    @property
    def cells(self) -> list[str]:
        """For a table."""
        memory = "channels-last" if self.channels_last else "NCHW"
        return [str(self.width), str(self.batch), self.path, self.arithmetic, memory, self.execution]


def cases(problem: Problem, cuda: bool) -> Iterator[Case]:
    """Everything eager, then graphs and compiled generators of what is used: channels-last."""
    arithmetics: tuple[Arithmetic, ...] = ("float32", "tf32", "bfloat16") if cuda else ("float32", "bfloat16")
    paths: tuple[ModulationPath, ...] = ("dense", "tables")
    for width, batch in product(problem.widths, problem.batches):
        for arithmetic, channels_last, path in product(arithmetics, (False, True), paths):
            yield Case(width, batch, path, arithmetic, channels_last, "eager")
    executions: tuple[Execution, ...] = ("graph", "compile") if cuda else ()
    for execution, width, batch, path in product(executions, problem.widths, problem.batches, paths):
        yield Case(width, batch, path, "bfloat16", True, execution)


# Synthesis ------------------------------------------------------------------------------------------------------


def picture_of(generator: SPADEGenerator, layouts: LayoutBatch) -> Tensor:
    """By dense float32 on the CPU."""
    generator.use("dense")
    with torch.inference_mode():
        return cast(Tensor, generator(layouts))


def prepared(generator: SPADEGenerator, layouts: LayoutBatch, case: Case, device: torch.device) -> Callable[[], Tensor]:
    """Synthesis of the same layouts, whose windows have been found."""
    generator.to(device)
    generator.use(case.path)
    if case.channels_last:
        generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    else:
        keep_nchw(generator)
    generator.freeze(torch.bfloat16 if case.arithmetic == "bfloat16" else torch.float32)
    if case.path == "tables":
        generator.config.prepare(layouts)
    layouts = layouts.to(device)
    run = torch.compile(generator) if case.execution == "compile" else generator
    with torch.inference_mode():
        return captured(lambda: run(layouts)) if case.execution == "graph" else lambda: cast(Tensor, run(layouts))


def captured(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """The same as one CUDA graph, which writes its picture to the same place each time."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        picture = work()

    def replay() -> Tensor:
        graph.replay()
        return picture

    return replay


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Median time of a call, after one that warms up."""
    times: list[float] = []
    began = None
    while began is None or (len(times) < MOST_REPEATS and time.perf_counter() - began < ENOUGH_SECONDS):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if began is None:
            began = time.perf_counter()  # the first call allocates, chooses algorithms and compiles
        else:
            times.append(time.perf_counter() - start)
    return statistics.median(times) if times else time.perf_counter() - start


@contextmanager
def tf32(enabled: bool) -> Iterator[None]:
    """Let float32 products round their factors to 10 bits, or not."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = enabled
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def synthesis(problem: Problem, device: torch.device, end: float) -> Iterator[dict[str, Any]]:
    """Measure all cases; the largest difference is to dense float32 on the CPU, of the first picture."""
    generators = {width: problem.generator(width) for width in problem.widths}
    expected = {width: picture_of(generator, problem.layouts(1)) for width, generator in generators.items()}
    for case in cases(problem, device.type == "cuda"):
        row: dict[str, Any] = {"case": case.cells}
        if time.perf_counter() > end:
            yield row | {"error": "not run: out of time"}
            continue
        try:
            with tf32(case.arithmetic == "tf32"), torch.inference_mode():
                work = prepared(copy.deepcopy(generators[case.width]), problem.layouts(case.batch), case, device)
                reset_peak(device)
                row["seconds"] = seconds_of(work, device)
                row["peak_mib"] = peak(device)
                row["largest_difference"] = (work()[:1].float().cpu() - expected[case.width]).abs().max().item()
            row["images_per_second"] = case.batch / row["seconds"]
        except (RuntimeError, torch.OutOfMemoryError) as error:  # one case that fails must not take the others with it
            row["error"] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        yield row


def reset_peak(device: torch.device) -> None:
    """Begin to measure memory anew."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()


def peak(device: torch.device) -> float:
    """MiB that tensors took at most; nan on CPUs."""
    return torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else float("nan")


# Training -------------------------------------------------------------------------------------------------------


def training(device: torch.device, end: float, tiny: bool) -> Iterator[dict[str, Any]]:
    """Measure a step of each system's preset ``small`` on a batch of drawn scenes, windows found beforehand."""
    for system, arithmetic in product(SYSTEMS, ("float32", "bfloat16")):
        row: dict[str, Any] = {"case": [system, arithmetic]}
        if time.perf_counter() > end:
            yield row | {"error": "not run: out of time"}
            continue
        recipe = small_recipe(system, arithmetic, tiny)
        fabric = make_fabric(device.type, 1, arithmetic)
        learner = Learner(recipe, fabric, 100)
        count = learner.settings.batch_size
        scenes = [draw_scene(seed, 64 if tiny else 256) for seed in range(count)]
        batch = learner.to_device(MicroBatches(scenes, recipe.pipeline, recipe.collate, 0, Share(batch_size=count))[0])
        reset_peak(device)
        row["seconds"] = seconds_of(lambda learner=learner, batch=batch: learner.train_step([batch]), device)
        row["images_per_second"] = count / row["seconds"]
        row["peak_mib"] = peak(device)
        yield row


def small_recipe(system: str, arithmetic: str, tiny: bool) -> Recipe:
    """A system's preset ``small`` for drawn scenes."""
    config = RECIPES[system].presets["small"](TOY_CLASSES, True)
    values, settings = config.model_dump(), [*SYSTEMS[system], f"training.precision={arithmetic}"]
    for part, sizes in TINY_SYSTEMS.items() if tiny else ():
        settings += [f"{part}.{name}={size}" for name, size in sizes.items() if name in values[part]]
    return RECIPES[system].build(override(config, settings), TOY_CLASSES, None)


# The report -----------------------------------------------------------------------------------------------------


def cells_of(row: dict[str, Any]) -> list[str]:
    """Milliseconds, images per second, memory and difference; or why there are none."""
    if "error" in row:
        return [*row["case"], row["error"], "", "", ""]
    difference = row.get("largest_difference")
    numbers = [f"{1000 * row['seconds']:.2f}", f"{row['images_per_second']:.1f}", f"{row['peak_mib']:.0f}"]
    return [*row["case"], *numbers, "" if difference is None else f"{difference:.1e}"]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=360.0, help="after so long no further case begins")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tiny", action="store_true", help="a few small cases, to show that it works")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    device, began = torch.device(arguments.device), time.perf_counter()
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    end = began + arguments.seconds
    steps = list(training(device, began + arguments.seconds / 3, arguments.tiny))
    columns = ["ms", "images/s", "peak MiB", "largest difference"]
    print_table("Training step, preset small", ["system", "arithmetic", *columns], [cells_of(row) for row in steps])
    made = list(synthesis(TINY if arguments.tiny else Problem(), device, end))
    described = ["width", "batch", "modulation", "arithmetic", "memory", "execution"]
    print_table("Synthesis, SPADE, 256x256", [*described, *columns], [cells_of(row) for row in made])
    if arguments.json:
        write_report(arguments.json, {"training": steps, "synthesis": made})


if __name__ == "__main__":
    main()

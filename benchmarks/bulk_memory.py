"""Memory of bulk synthesis by the number of pictures: tiny pictures, scored, filtered and summed up.

    python benchmarks/bulk_memory.py [--counts 1000 20000] [--all] [--json FILE]

Each count runs in a process of its own, which is driver and worker at once; the figures say by how much it grows beyond
what it needs with the model loaded. *Made* is a job from the beginning, *checked* the same command again, which finds
everything there. The pictures are 32x32, by a network of a few thousand parameters; the judge sees what is bright.

There are 50 different layouts: the pictures of the others are links to theirs, with lines of their own in the manifest,
so that 20,000 take minutes. ``--all`` makes every picture.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from memory import peak_mib
from numpy.typing import NDArray
from report import machine, print_table, write_report

from semsynth.bulk.engine import BulkEngine, OpenMaker, in_this_process
from semsynth.bulk.faithfulness import FaithfulnessRule, Judge
from semsynth.bulk.job import BulkJob, make_job, with_faithfulness
from semsynth.bulk.run import run_job
from semsynth.bulk.sources import open_layouts
from semsynth.bulk.task import BulkTask, Outcome
from semsynth.checkpoint import Card, SPADEModel, save_model
from semsynth.classes import VOID, builtin
from semsynth.data.facades import draw_facade
from semsynth.data.progress import Tell
from semsynth.layout import Layout, LayoutEncoding
from semsynth.models.spade import SPADEGeneratorConfig

CLASSES = builtin("cmp_facades")
DRAWN = 50
"""Different layouts; the files of the others are links to them."""


@dataclass(frozen=True, eq=False)
class Score:
    """What the judge says."""

    mean_iou: float
    class_iou: dict[str, float]
    seen: NDArray[np.uint16]


def judge(picture: NDArray[np.uint8], layout: Layout) -> Score:
    """Classes are seen where the picture is bright."""
    bright = picture.mean(2) > np.median(picture)
    found = [one for one in CLASSES.classes if (layout.labels == one.id).any()]
    shares = {one.name: float(bright[layout.labels == one.id].mean()) for one in found}
    seen = np.where(bright, layout.labels, VOID).astype(np.uint16)
    return Score(sum(shares.values()) / len(shares), shares, seen)


def open_judge(device: str) -> Judge:
    """A judge that needs no network."""
    return judge


def prepare(folder: Path, count: int) -> None:
    """Write a model and ``count`` layouts."""
    encoding = LayoutEncoding(num_classes=CLASSES.num_classes, void="after")
    generator = SPADEGeneratorConfig(encoding=encoding, width=2, crop_size=32, hidden=8, input="noise", z_dim=8)
    config = SPADEModel(generator=generator)
    torch.manual_seed(0)
    save_model(folder / "model", config, CLASSES, config.build(), Card(name="tiny"))
    for number in range(DRAWN):
        draw_facade(number, 32).save(folder / "drawn" / f"{number}.png")
    (folder / "layouts").mkdir()
    for number in range(count):
        os.link(folder / "drawn" / f"{number % DRAWN}.png", folder / "layouts" / f"front_{number:06d}.png")


def linking(
    open_maker: OpenMaker[BulkTask], tasks: Sequence[BulkTask], tell: Tell
) -> Generator[Outcome[BulkTask], None, None]:
    """An engine that makes the pictures of different layouts, and links those of equal ones."""
    make, known = open_maker("cpu"), dict[int, Outcome[BulkTask]]()
    for task in tasks:
        number = int(task.name.rpartition("_")[2]) % DRAWN
        if number not in known:
            yield known.setdefault(number, make(task))
            continue
        (line,) = known[number].lines
        name = {"name": f"{task.split}/{task.name}", "layout": task.layout.path, "layout_name": task.name}
        copy = line.model_copy(update={**name, "output": f"{task.split}/images/{task.name}.png"})
        if copy.kept:
            root = Path(task.layout.path).parent.parent / "out"
            for kind in ("labels", "images"):
                folder = root / task.split / kind
                os.link(folder / f"{line.layout_name}.png", folder / f"{task.name}.png")
        yield Outcome(task, (copy,))


def operation(folder: Path, engine: BulkEngine) -> Callable[[], object]:
    """The job, to be run once."""
    job, synthesizer = make_job(folder / "model")
    rule = FaithfulnessRule(
        segmenter="bright", segmenter_sha256="bright", min_faithfulness=0.45, tries=2, ignore_below=0.3
    )
    return partial(run, folder, with_faithfulness(job, synthesizer, rule), engine)


def run(folder: Path, job: BulkJob, engine: BulkEngine) -> None:
    """Run the job in this process."""
    layouts = open_layouts(folder / "layouts", pictures=False, instances=None)
    tasks = list(layouts.tasks(job.numbers, instances=False))
    summary = run_job(job, tasks, CLASSES, folder / "out", engine, open_judge=open_judge)
    assert summary.failed == 0, summary.first_error


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 20000])
    parser.add_argument("--all", action="store_true", help="make every picture")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    engine = in_this_process if arguments.all else linking
    results: dict[int, list[float]] = {}
    for count in arguments.counts:
        with tempfile.TemporaryDirectory() as folder:
            prepare(Path(folder), count)
            results[count] = [peak_mib(operation, Path(folder), engine) for _ in ("made", "checked")]
    print(machine())
    rows = [[f"{count:,}", f"{made:.0f} MiB", f"{checked:.0f} MiB"] for count, (made, checked) in results.items()]
    print_table("Growth of a process during bulk synthesis", ["layouts", "made", "checked"], rows)
    if arguments.json:
        write_report(arguments.json, results)


if __name__ == "__main__":
    main()

"""Bulk synthesis by Ray beside the local engine, with the same stage, layouts and workers.

    python benchmarks/bulk.py [--model facades] [--layouts 200] [--workers 2] [--rounds 2] [--json FILE]

Each engine makes the pictures of the same drawn house fronts, 256x256, in turn and ``--rounds`` times. *First* is the
time to the first outcome: processes start and load torch and the model. *Rate* counts the pictures after it; Ray's
outcomes come in blocks, so that it means something for some hundred layouts only. ``one process`` is the stage alone,
without any engine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from report import machine, print_table, write_report

from semsynth.bulk.engine import BulkEngine, in_this_process
from semsynth.bulk.job import BulkJob, lasting_name, model_digest
from semsynth.bulk.local import local_engine
from semsynth.bulk.ray_engine import ray_engine
from semsynth.bulk.run import run_job
from semsynth.bulk.sources import open_layouts
from semsynth.bulk.task import BulkTask
from semsynth.checkpoint import find_model
from semsynth.classes import builtin
from semsynth.data.facades import draw_facade
from semsynth.data.progress import Progress


def measure(engine: BulkEngine, job: BulkJob, tasks: list[BulkTask], out: Path) -> dict[str, float]:
    """Seconds to the first picture, pictures per second after it, and all seconds."""
    times: list[float] = []
    start = time.perf_counter()

    def report(name: str) -> Progress:
        return (lambda done, total: times.append(time.perf_counter())) if name == "synthesising" else _silent

    summary = run_job(job, tasks, builtin("cmp_facades"), out, engine, report)
    assert summary.made == len(tasks), summary.first_error
    first = times[1]  # times[0] is before any picture
    return {
        "first": first - start,
        "rate": (len(tasks) - 1) / (times[-1] - first),
        "seconds": time.perf_counter() - start,
    }


def _silent(done: int, total: int) -> None: ...


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="facades")
    parser.add_argument("--layouts", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    engines: dict[str, Callable[[], BulkEngine]] = {
        "one process": lambda: in_this_process,
        "local": lambda: local_engine(["cpu"] * arguments.workers),
        "ray": lambda: ray_engine(workers=arguments.workers, gpus=0),
    }
    results: dict[str, list[dict[str, float]]] = {name: [] for name in engines}
    job = BulkJob(model=lasting_name(arguments.model), model_sha256=model_digest(find_model(arguments.model)))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.layouts):
            draw_facade(number, 256).save(Path(folder) / "layouts" / f"front_{number:05d}.png")
        layouts = open_layouts(Path(folder) / "layouts", pictures=False, instances=None)
        tasks = list(layouts.tasks(job.numbers, instances=False))
        for turn in range(arguments.rounds):
            for name, engine in engines.items():
                results[name].append(measure(engine(), job, tasks, Path(folder) / f"{name}_{turn}"))
    print(machine())
    rows = [
        [
            name,
            f"{median(one['first'] for one in found):.1f} s",
            f"{median(one['rate'] for one in found):.2f} /s",
            f"{median(one['seconds'] for one in found):.1f} s",
        ]
        for name, found in results.items()
    ]
    title = f"{arguments.layouts} pictures of {arguments.model}, {arguments.workers} workers"
    print_table(title, ["engine", "first picture", "rate", "all"], rows)
    if arguments.json:
        write_report(arguments.json, results)


if __name__ == "__main__":
    main()

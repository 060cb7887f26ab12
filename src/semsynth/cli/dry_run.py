"""``semsynth train --dry-run``: show a plan."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from semsynth.training.plan import RunPlan, TrainingPlan


def show_plan(plan: TrainingPlan, as_json: bool = False) -> None:
    """Print time, parameters and memory of every stage, or everything as JSON."""
    if as_json:
        import json

        total = {"steps": plan.steps, "seconds": plan.seconds}
        typer.echo(json.dumps({**total, "runs": [_described(run) for run in plan.runs]}, indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    for run in plan.runs:
        if run.stage is not None:
            console.print(f"stage {run.stage}", style="bold")
        _show(run, console)
    console.print(
        "Time is measured on a few throw-away steps, without reading photos and saving. Activations are those kept for "
        "the backward pass, measured on one image; the workspace of convolutions and the allocator's reserve come on "
        "top. --json prints the resolved configuration, too."
    )


def _described(run: RunPlan) -> dict[str, Any]:
    return {
        "stage": run.stage,
        "steps": run.steps,
        "seconds_per_step": run.seconds_per_step,
        "seconds": run.seconds,
        "device": run.device,
        "parameters": run.parameters,
        "micro_batch_size": run.micro_batch_size,
        "memory": {**dataclasses.asdict(run.memory), "total": run.memory.total},
        "record": run.record.model_dump(mode="json"),
    }


def _show(run: RunPlan, console: Console) -> None:
    from rich.table import Table

    from semsynth.pages import duration

    time = Table("what", "time", title=f"time on {run.device}")
    if run.seconds_per_step is None or run.seconds is None:
        time.add_row("one step", "not measured: the device has too little memory")
    else:
        time.add_row("one step", f"{run.seconds_per_step:.3g} s")
        time.add_row(f"all {run.steps:,} steps", duration(run.seconds))
    parameters = Table("network", "parameters", title="trained")
    for name, count in run.parameters.items():
        parameters.add_row(name, f"{count:,}")
    images = "1 image" if run.micro_batch_size == 1 else f"{run.micro_batch_size} images"
    needed = Table("what", "MiB per device", title=f"memory, {images} at a time")
    for name, size in (*dataclasses.asdict(run.memory).items(), ("total", run.memory.total)):
        needed.add_row(name, f"{size / 2**20:,.1f}")
    console.print(time, parameters, needed)

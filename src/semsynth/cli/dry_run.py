"""``semsynth train --dry-run``: show a plan."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from semsynth.training.plan import RunPlan, TrainingPlan


def show_plan(plan: TrainingPlan) -> None:
    """Print the configuration, the parameters and the memory of every stage."""
    from rich.console import Console

    console = Console(soft_wrap=True)
    for run in plan.runs:
        if run.stage is not None:
            console.print(f"stage {run.stage}", style="bold", highlight=False)
        _show(run, console)


def _show(run: RunPlan, console: Console) -> None:
    from rich.table import Table

    console.print_json(run.record.model_dump_json())
    parameters = Table("network", "parameters", title="trained")
    for name, count in run.parameters.items():
        parameters.add_row(name, f"{count:,}")
    needed = Table("what", "MiB per device", title="memory")
    for name, size in (*dataclasses.asdict(run.memory).items(), ("total", run.memory.total)):
        needed.add_row(name, f"{size / 2**20:,.1f}")
    console.print(parameters, needed)
    images = "one image" if run.micro_batch_size == 1 else f"{run.micro_batch_size} images"
    console.print(
        f"Activations are those kept for the backward pass of {images}, measured on one; the workspace of convolutions "
        "and the allocator's reserve come on top."
    )

"""``semsynth train --dry-run``: the recipe, its networks and the memory it needs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from semsynth.training.run import RunRecord
    from semsynth.training.stages import StagesRecord


def describe(root: Path, record: RunRecord | StagesRecord, devices: int) -> None:
    """Print what a training would be.

    Args:
        root: its run folder, which need not exist.
        record: the run, or the stages.
        devices: how many share a batch, over all machines.

    Raises:
        SemsynthError: a configuration that does not fit the data, or a batch size that does not divide.
    """
    from rich.console import Console

    from semsynth.training.run import RunRecord
    from semsynth.training.stages import StagesFolder

    console = Console(soft_wrap=True)
    if isinstance(record, RunRecord):
        _describe_run(record, devices, console)
        return
    for run, one in StagesFolder(root).runs(record):
        console.print(f"stage {run.root.name}", style="bold", highlight=False)
        _describe_run(one, devices, console)


def _describe_run(record: RunRecord, devices: int, console: Console) -> None:
    from rich.table import Table

    from semsynth.training.data import Share
    from semsynth.training.devices import make_fabric
    from semsynth.training.memory import count_parameters, estimate_memory
    from semsynth.training.start import build_recipe, example_batch, open_data

    data = open_data(record.data, record.skip_damaged, record.shards)
    recipe = build_recipe(record, data)
    settings = recipe.config.training
    share = Share(settings.batch_size, settings.accumulate, 0, devices)
    precision = "bf16-mixed" if settings.precision == "16-mixed" else settings.precision
    memory = estimate_memory(
        recipe, make_fabric("cpu", 1, precision), example_batch(recipe, data), share.micro_batch_size
    )
    console.print_json(record.model_dump_json())
    parameters = Table("network", "parameters", title="trained")
    for name, network in recipe.networks.items():
        parameters.add_row(name, f"{count_parameters(network):,}")
    needed = Table("what", "MiB per device", title="memory")
    for name, size in (*dataclasses.asdict(memory).items(), ("total", memory.total)):
        needed.add_row(name, f"{size / 2**20:,.1f}")
    console.print(parameters, needed)
    console.print(
        f"Activations are those kept for the backward pass of {share.micro_batch_size} image(s), measured on one; "
        "work space of convolutions and the allocator's reserve come on top."
    )

"""``semsynth train SYSTEM``: from a dataset folder to a model folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.recipes.base import System
    from semsynth.training.run import RunFolder, RunRecord


def train(
    system: Annotated[str, typer.Argument(help="The paper's system: spade.")],
    data: Annotated[Path | None, typer.Option(help="Dataset folder: train/ and val/ with images/ and labels/.")] = None,
    out: Annotated[Path | None, typer.Option(help="New run folder.")] = None,
    preset: Annotated[str, typer.Option(help="Configuration to begin with; --dry-run shows it.")] = "default",
    steps: Annotated[int | None, typer.Option(min=1, help="Total steps, also with --resume.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the configuration, as generator.width=32."),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="32-true, bf16-mixed, 16-mixed or 64-true.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="How many of them; the batch is shared among them.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Of weights, data order, augmentation and noise.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Run folder to continue in place.")] = None,
    init_from: Annotated[Path | None, typer.Option(help="Model folder whose weights a new run begins with.")] = None,
    perceptual_weights: Annotated[Path | None, typer.Option(help="File with VGG-19 or its beginning.")] = None,
    no_perceptual: Annotated[bool, typer.Option("--no-perceptual", help="Train without the VGG term.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show recipe, parameters and memory; train nothing.")
    ] = False,
) -> None:
    """Train a system on pairs of label maps and photos.

    Ctrl-C or SIGTERM saves and leaves with 130 or 143; --resume then continues to the bit. A second one leaves at once.
    """
    from semsynth.recipes import RECIPES
    from semsynth.training.run import RunFolder

    if system not in RECIPES:
        raise SemsynthError(f"there is no system '{system}': choose {', '.join(RECIPES)}")
    assignments = list(settings or [])
    assignments += [] if steps is None else [f"training.steps={steps}"]
    assignments += [] if seed is None else [f"training.seed={seed}"]
    assignments += [] if precision is None else [f"training.precision={precision}"]
    assignments += ["loss.perceptual=0"] if no_perceptual else []
    if resume is not None:
        run = RunFolder(resume)
        given = {"--data": data, "--out": out, "--init-from": init_from, "--perceptual-weights": perceptual_weights}
        wrong = [name for name, value in given.items() if value is not None]
        wrong += ["--preset"] if preset != "default" else []
        if wrong:
            raise SemsynthError(f"--resume takes everything from {run.record}: leave out {', '.join(wrong)}")
        record = _resumed(RECIPES[system], system, run, assignments)
    elif data is None or (out is None and not dry_run):
        raise SemsynthError("a new run needs --data DIR and --out RUN (or --resume RUN to continue one)")
    else:
        run = RunFolder(out or Path())
        files = {"perceptual_weights": perceptual_weights, "init_from": init_from}
        record = _new(RECIPES[system], system, preset, data, assignments).model_copy(
            update={key: str(path.absolute()) for key, path in files.items() if path is not None}
        )
    if dry_run:
        _describe(record, devices)
    else:
        _train(run, record, device, devices, fresh=resume is None)


def _new(system: System, name: str, preset: str, data: Path, assignments: list[str]) -> RunRecord:
    from semsynth.config import override
    from semsynth.data.folder import load_classes
    from semsynth.training.run import RunRecord

    if preset not in system.presets:
        raise SemsynthError(f"--preset {preset}: '{name}' has {', '.join(system.presets)}")
    config = override(system.presets[preset](load_classes(data), _has_instances(data)), assignments)
    return RunRecord(system=name, preset=preset, data=str(data.absolute()), config=config.model_dump(mode="json"))


def _resumed(system: System, name: str, run: RunFolder, assignments: list[str]) -> RunRecord:
    from semsynth.config import override, validated
    from semsynth.training.run import CHANGEABLE

    record = run.open()
    if record.system != name:
        raise SemsynthError(f"{run.record} is a training of '{record.system}', not of '{name}'")
    for assignment in assignments:
        key = assignment.partition("=")[0].strip()
        if key not in {f"training.{changeable}" for changeable in CHANGEABLE}:
            raise SemsynthError(
                f"--resume with {assignment}: '{key}' would make it another training; resuming can change only "
                f"training.{{{','.join(CHANGEABLE)}}} (a new run with --init-from can change everything)"
            )
    config = override(validated(system.config, record.config, f"{run.record}: config"), assignments)
    return record.model_copy(update={"config": config.model_dump(mode="json")})


def _has_instances(data: Path) -> bool:
    return (data / "train" / "instances").is_dir()


def _train(run: RunFolder, record: RunRecord, device: str, devices: int, fresh: bool) -> None:
    from semsynth.cli.progress import ProgressBar
    from semsynth.training.devices import is_first_process, make_fabric
    from semsynth.training.start import begin_with, build_recipe, open_data
    from semsynth.training.trainer import Trainer

    fabric = make_fabric(device, devices, record.config["training"]["precision"])
    if fresh and is_first_process():
        run.check_unused()
    data = open_data(Path(record.data))
    recipe = build_recipe(record, data)
    begins = record.init_from is not None and not run.state.checkpoints()
    taken = begin_with(Path(record.init_from), recipe) if begins and record.init_from else []
    fabric.launch()
    with ProgressBar(fabric.is_global_zero) as progress:
        trainer = Trainer(recipe, data, run, fabric, progress)
        if taken:
            progress.note(f"a new training that begins with the {' and '.join(taken)} of {record.init_from}")
        if not fresh:
            trainer.resume()
        if fabric.is_global_zero:  # not earlier: whatever is wrong has been found by now
            run.begin(record) if fresh else run.rewrite(record)
        if not fresh:
            progress.note(f"continuing {run.root} after step {trainer.step} of {trainer.total_steps}")
        signal = trainer.fit()
        if signal is not None:
            progress.note(f"stopped and saved after step {trainer.step}: go on with --resume {run.root}")
            raise typer.Exit(128 + signal)
        progress.note(f"done after {trainer.step} steps: the model is {run.model}")


def _describe(record: RunRecord, devices: int) -> None:
    from rich.console import Console
    from rich.table import Table

    from semsynth.training.data import Share
    from semsynth.training.devices import make_fabric
    from semsynth.training.memory import count_parameters, estimate_memory
    from semsynth.training.start import build_recipe, example_batch, open_data

    data = open_data(Path(record.data))
    recipe = build_recipe(record, data)
    settings = recipe.config.training
    share = Share(settings.batch_size, settings.accumulate, 0, devices)
    precision = "bf16-mixed" if settings.precision == "16-mixed" else settings.precision
    memory = estimate_memory(
        recipe, make_fabric("cpu", 1, precision), example_batch(recipe, data), share.micro_batch_size
    )
    console = Console(soft_wrap=True)
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

"""``semsynth train SYSTEM``: from a dataset folder to a model folder, in one run or in stages."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from semsynth.cli.progress import ProgressBar
    from semsynth.evaluation.during_training import BestModel
    from semsynth.training.run import RunFolder, RunRecord
    from semsynth.training.stages import StagesRecord
    from semsynth.training.trainer import Data


def train(
    system: Annotated[
        str,
        typer.Argument(
            help="spade, pix2pixhd, crn or oasis; or a baseline: pix2pix, encoder_decoder, full_resolution, "
            "image_space, gan_segmentation."
        ),
    ],
    data: Annotated[
        str | None, typer.Option(metavar="DIR|URL", help="Dataset folder with train/ and val/, or shards of one.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New run folder.")] = None,
    preset: Annotated[str, typer.Option(help="Configuration to begin with; --dry-run shows it.")] = "default",
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Total steps, also with --resume; with stages of each (resumed: from this one on)."),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Change the configuration, as generator.width=32, or one stage's: 3-joint:training.steps=9.",
        ),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="32-true, bf16-mixed, 16-mixed or 64-true.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    devices: Annotated[int, typer.Option(min=1, help="How many of them; the batch is shared among them.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="How many machines with so many devices; torchrun tells.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Of weights, data order, augmentation and noise.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Run folder to continue in place.")] = None,
    init_from: Annotated[
        Path | None, typer.Option(help="Model or run folder whose weights a new run begins with.")
    ] = None,
    perceptual_weights: Annotated[Path | None, typer.Option(help="File with VGG-19 or its beginning.")] = None,
    no_perceptual: Annotated[bool, typer.Option("--no-perceptual", help="Train without the VGG term.")] = False,
    stages: Annotated[
        bool,
        typer.Option(
            "--stages",
            help="Coarse to fine (pix2pixhd): the global generator, then a local enhancer at twice the preset's size, "
            "then both; a run folder each, in RUN.",
        ),
    ] = False,
    score_every: Annotated[
        int | None, typer.Option(metavar="EPOCHS", min=1, help="Score the model on val, and keep the best as RUN/best.")
    ] = None,
    score: Annotated[
        str,
        typer.Option(help="What chooses: kernel_distance, frechet_distance, mean_iou or pixel_accuracy."),
    ] = "kernel_distance",
    score_segmenter: Annotated[
        str | None, typer.Option(help="Who scores; default the segmenter that ships for the class set.")
    ] = None,
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Of shards: take another sample for a damaged one, and name it.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show recipe, parameters and memory; train nothing.")
    ] = False,
) -> None:
    """Train a system on pairs of label maps and photos.

    Ctrl-C or SIGTERM saves and leaves with 130 or 143; --resume then continues to the bit. A second one leaves at once.
    """
    from semsynth.cli.dry_run import describe
    from semsynth.recipes import RECIPES
    from semsynth.training.devices import make_fabric, may_be_restarted
    from semsynth.training.run import RunFolder

    if system not in RECIPES:
        raise SemsynthError(f"there is no system '{system}': choose {', '.join(RECIPES)}")
    assignments = list(settings or [])
    assignments += [] if steps is None else [f"training.steps={steps}"]
    assignments += [] if seed is None else [f"training.seed={seed}"]
    assignments += [] if precision is None else [f"training.precision={precision}"]
    assignments += ["loss.perceptual=0"] if no_perceptual else []
    if resume is not None:
        given = {"--data": data, "--out": out, "--init-from": init_from, "--perceptual-weights": perceptual_weights}
        wrong = [name for name, value in given.items() if value is not None]
        wrong += ["--preset"] if preset != "default" else []
        record = _resumed(system, resume, wrong, assignments, stages)
    elif data is None or (out is None and not dry_run):
        raise SemsynthError("a new run needs --data DIR and --out RUN (or --resume RUN to continue one)")
    else:
        files = {"perceptual_weights": perceptual_weights, "init_from": init_from}
        absolute = {key: str(path.absolute()) for key, path in files.items() if path is not None}
        values = {**absolute, "data": data, "skip_damaged": skip_damaged}
        record = _new(system, preset, values, assignments, stages)
        if out is not None and may_be_restarted() and RunFolder(out).begun:
            _check_same(record, _resumed(system, out, [], [], False), out)
            resume = out
    if skip_damaged:
        record = record.model_copy(update={"skip_damaged": True})
    root = resume or out or Path()
    if dry_run:
        describe(root, record, devices * nodes)
    else:
        fabric = make_fabric(device, devices, _precision(record), nodes)
        scoring = None if score_every is None else _Scoring(score_every, score, score_segmenter, device)
        _train(root, record, fabric, fresh=resume is None, scoring=scoring)


def _new(
    system: str, preset: str, values: dict[str, Any], assignments: list[str], staged: bool
) -> RunRecord | StagesRecord:
    from semsynth.config import override
    from semsynth.data.sample import INSTANCE
    from semsynth.data.source import absolute, open_source
    from semsynth.recipes import RECIPES
    from semsynth.training.run import RunRecord
    from semsynth.training.stages import of_stage, split
    from semsynth.training.start import TRAIN

    presets = RECIPES[system].presets
    if preset not in presets:
        raise SemsynthError(f"--preset {preset}: '{system}' has {', '.join(presets)}")
    of_stages = [assignment for assignment in assignments if of_stage(assignment)[0] is not None]
    if of_stages and not staged:
        raise SemsynthError(f"--set {of_stages[0]} is of a stage: add --stages, or leave out what is before the colon")
    of_all = [assignment for assignment in assignments if assignment not in of_stages]
    data = open_source(values["data"], values["skip_damaged"])
    values = values | {"data": absolute(values["data"])}
    config = override(presets[preset](data.classes, INSTANCE in data.kinds(TRAIN)), of_all).model_dump(mode="json")
    record = RunRecord(system=system, preset=preset, config=config, shards=data.fingerprint, **values)
    return split(record, of_stages) if staged else record


def _resumed(
    system: str, root: Path, wrong: list[str], assignments: list[str], staged: bool
) -> RunRecord | StagesRecord:
    from semsynth.config import override, validated
    from semsynth.recipes import RECIPES
    from semsynth.training.run import CHANGEABLE, RunFolder
    from semsynth.training.stages import StagesFolder, StagesRecord, change, of_stage

    stages, run = StagesFolder(root), RunFolder(root)
    in_stages = stages.record.is_file()
    path = stages.record if in_stages else run.record
    wrong = wrong + (["--stages"] if staged and run.record.is_file() else [])
    if wrong:
        raise SemsynthError(f"--resume takes everything from {path}: leave out {', '.join(wrong)}")
    record = stages.open() if in_stages else run.open()
    if record.system != system:
        raise SemsynthError(f"{path} is a training of '{record.system}', not of '{system}'")
    for assignment in assignments:
        key = (of_stage(assignment)[1] if in_stages else assignment).partition("=")[0].strip()
        if key not in {f"training.{changeable}" for changeable in CHANGEABLE}:
            raise SemsynthError(
                f"--resume with {assignment}: '{key}' would make it another training; resuming can change only "
                f"training.{{{','.join(CHANGEABLE)}}} (a new run with --init-from can change everything)"
            )
    if isinstance(record, StagesRecord):
        return change(record, assignments, stages.reached(record))
    config = override(validated(RECIPES[system].config, record.config, f"{path}: config"), assignments)
    return record.model_copy(update={"config": config.model_dump(mode="json")})


def _check_same(record: RunRecord | StagesRecord, begun: RunRecord | StagesRecord, out: Path) -> None:
    """Refuse to go on with a run that another command line began.

    Raises:
        SemsynthError: it is one.
    """
    from semsynth.training.run import RunRecord, changed_setting

    def parts(one: RunRecord | StagesRecord) -> list[dict[str, Any]]:
        own = one.model_dump(mode="json", exclude={"semsynth", "skip_damaged", "config", "stages"})
        return [own, *([one.config] if isinstance(one, RunRecord) else one.stages.values())]

    if len(parts(begun)) != len(parts(record)):
        raise SemsynthError(f"{out} was begun {'without' if isinstance(begun, RunRecord) else 'with'} --stages")
    for before, now in zip(parts(begun), parts(record), strict=True):
        changed = changed_setting(before, now)
        if changed is not None:
            key, then, new = changed
            raise SemsynthError(
                f"{out} was begun with {key} {then}, now it is {new}: torchrun --max-restarts goes on with what has "
                "begun, so choose another --out"
            )


def _precision(record: RunRecord | StagesRecord) -> str:
    from semsynth.training.run import RunRecord

    config = record.config if isinstance(record, RunRecord) else next(iter(record.stages.values()))
    precision: str = config["training"]["precision"]
    return precision


@dataclasses.dataclass(frozen=True)
class _Scoring:
    """How a training is scored as it goes on."""

    every_epochs: int
    score: str
    segmenter: str | None
    device: str

    def scorer(self, run: Path, data: str) -> BestModel:
        """Open what scores.

        Raises:
            SemsynthError: an unknown score, no segmenter for these classes, or no val split with photos.
        """
        from semsynth.data.source import open_source
        from semsynth.evaluation.choices import find_segmenter
        from semsynth.evaluation.during_training import CHOICES, BestModel, ScoreModel
        from semsynth.evaluation.protocols.shipped import find_protocol

        chosen = next((one for one in CHOICES if one == self.score), None)
        if chosen is None:
            raise SemsynthError(f"--score {self.score}: choose {', '.join(CHOICES)}")
        classes = open_source(data).classes
        segmenter = find_segmenter(self.segmenter, None, classes, self.device)
        evaluate = ScoreModel(data, find_protocol("semsynth-2026", classes), segmenter, device=self.device)
        return BestModel(run, evaluate, chosen, self.every_epochs)


def _train(root: Path, record: RunRecord | StagesRecord, fabric: Fabric, fresh: bool, scoring: _Scoring | None) -> None:
    from semsynth.cli.progress import ProgressBar
    from semsynth.training.devices import is_first_process
    from semsynth.training.run import RunFolder, RunRecord
    from semsynth.training.stages import StagesFolder, train_stages
    from semsynth.training.start import open_data

    if fresh and is_first_process():
        RunFolder(root).check_unused()
    data = open_data(record.data, record.skip_damaged, record.shards)
    if isinstance(record, RunRecord):
        _train_run(RunFolder(root), record, data, fabric, fresh, scoring)
        return
    if scoring is not None:
        raise SemsynthError("--score-every is for a training in one run: leave it out, or train without --stages")
    fabric.launch()
    folder = StagesFolder(root)
    with ProgressBar(fabric.is_global_zero) as progress:
        _leave_if_stopped(train_stages(folder, record, data, fabric, progress), root, progress)
        progress.note(f"all {len(record.stages)} stages are done: the model is {folder.model}")


def _train_run(
    run: RunFolder, record: RunRecord, data: Data, fabric: Fabric, fresh: bool, scoring: _Scoring | None
) -> None:
    from semsynth.cli.progress import ProgressBar
    from semsynth.training.start import prepare
    from semsynth.training.trainer import Trainer

    scorer = None if scoring is None else scoring.scorer(run.root, record.data)
    recipe, beginning = prepare(run, record, data)
    fabric.launch()
    with ProgressBar(fabric.is_global_zero) as progress:
        if scorer is not None:
            scorer.note = progress.note
        trainer = Trainer(recipe, data, run, fabric, progress, scorer)
        if beginning.networks:
            progress.note(f"a new training that begins with {record.init_from}: {beginning}")
        if not fresh:
            trainer.resume()
        if fabric.is_global_zero:  # not earlier: whatever is wrong has been found by now
            run.begin(record) if fresh else run.rewrite(record)
        if not fresh:
            progress.note(f"continuing {run.root} after step {trainer.step} of {trainer.total_steps}")
        signal = trainer.fit()
        _leave_if_stopped(signal, run.root, progress, f" after step {trainer.step}")
        styles = "encoder" in recipe.networks and record.shards is None
        fit = (
            f"; 'semsynth styles fit {run.root} --data {record.data}' finds the styles that seeds draw"
            if styles
            else ""
        )
        progress.note(f"done after {trainer.step} steps: the model is {run.model}{fit}")


def _leave_if_stopped(signal: int | None, root: Path, progress: ProgressBar, step: str = "") -> None:
    if signal is not None:
        progress.note(f"stopped and saved{step}: go on with --resume {root}")
        raise typer.Exit(128 + signal)

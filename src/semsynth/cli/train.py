"""``semsynth train SYSTEM``: train a system, or resume a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsynth.cli import options
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.api.results import TrainingResult
    from semsynth.cli.progress import ProgressBar

_SYSTEM = (
    "spade, pix2pixhd, crn, oasis or sims; or a baseline: pix2pix, encoder_decoder, full_resolution, image_space, "
    "gan_segmentation."
)
_STAGES = (
    "Train coarse to fine (spade, oasis, pix2pixhd, crn), each stage in a run folder inside RUN: at the preset's size, "
    "then larger."
)
_SCORE = "Selects the best checkpoint: kernel_distance, frechet_distance, mean_iou, pixel_accuracy or detectability."
_SET = "Override a setting, as generator.width=32, or one of a single stage, as 3-joint:training.steps=9."


def train(
    system: Annotated[str, typer.Argument(help=_SYSTEM)],
    data: options.TrainingData = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="New run folder.")] = None,
    preset: Annotated[str, typer.Option(help="Configuration to start from; --dry-run --json shows it.")] = "default",
    steps: Annotated[int | None, typer.Option(min=1, help="Total steps. With --stages: steps per stage.")] = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help=_SET)] = None,
    precision: Annotated[str | None, typer.Option(help=options.TRAINING_PRECISION)] = None,
    device: options.Device = "auto",
    devices: Annotated[int, typer.Option(min=1, help="Number of devices; they share the batch.")] = 1,
    nodes: options.Nodes = 1,
    seed: Annotated[
        int | None, typer.Option(help="Random seed for weights, data order, augmentation and noise.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Run folder to continue in place.")] = None,
    init_from: options.InitFrom = None,
    affinity: options.Affinity = None,
    perceptual_weights: options.PerceptualWeights = None,
    feature_weights: options.FeatureWeights = None,
    bank: Annotated[
        Path | None,
        typer.Option(help="Memory bank of the training photos (sims), from 'semsynth bank build'.", show_default=False),
    ] = None,
    no_perceptual: options.NoPerceptual = False,
    stages: Annotated[bool, typer.Option("--stages", help=_STAGES)] = False,
    score_every: Annotated[
        int | None,
        typer.Option(metavar="EPOCHS", min=1, help="Score the model on val, and keep the best one as RUN/best."),
    ] = None,
    score: Annotated[str, typer.Option(help=_SCORE)] = "kernel_distance",
    score_segmenter: Annotated[
        str | None, typer.Option(help="Segmenter that scores the model (default: the bundled one for the class set).")
    ] = None,
    score_features: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="Feature network for --score, or a file of its weights (default: the segmenter)."
        ),
    ] = None,
    skip_damaged: options.SkipDamaged = False,
    accept_changed_data: Annotated[
        bool, typer.Option("--accept-changed-data", help="With --resume: continue though the data has changed.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show time, parameters and memory; train nothing.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --dry-run: print everything, and the resolved configuration, as JSON.")
    ] = False,
) -> None:
    """Train a system on pairs of label maps and photos.

    Ctrl-C or SIGTERM saves and exits with 130 or 143; --resume then continues to the bit. A second one exits at once.
    """
    from semsynth.api import training as api
    from semsynth.cli.dry_run import show_plan
    from semsynth.cli.progress import ProgressBar

    files = {"out": out, "init_from": init_from, "perceptual_weights": perceptual_weights}
    new: dict[str, Any] = {**files, "preset": preset, "seed": seed, "precision": precision, "stages": stages}
    new |= {"no_perceptual": no_perceptual, "affinity": affinity}
    both: dict[str, Any] = {"steps": steps, "overrides": overrides or (), "skip_damaged": skip_damaged}
    both |= {"feature_weights": feature_weights, "bank": bank}
    machines: dict[str, Any] = {"device": device, "devices": devices, "nodes": nodes}
    scoring: dict[str, Any] = {"score_every": score_every, "score": score, "score_segmenter": score_segmenter}
    scoring["score_features"] = score_features
    if as_json and not dry_run:
        raise SemsynthError("--json prints what a run would be: add --dry-run")
    if resume is not None:
        given = [name for name, value in new.items() if value not in (None, "default") and value is not False]
        if given:
            wrong = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise SemsynthError(f"--resume takes everything else from {resume}: leave out {wrong}")
        both |= {"system": system, "data": data, "accept_changed_data": accept_changed_data}
        if dry_run:
            show_plan(api.plan_resuming(resume, device=device, devices=devices * nodes, **both), as_json)
            return
        with ProgressBar() as bar:
            _end(api.resume(resume, **both, **machines, **scoring, progress=bar), bar)
        return
    if accept_changed_data:
        raise SemsynthError("--accept-changed-data applies to runs that are continued: add --resume RUN")
    if data is None or (out is None and not dry_run):
        raise SemsynthError("a new run needs --data DIR and --out RUN (or --resume RUN to continue one)")
    taken = ("preset", "seed", "precision", "stages", "init_from", "affinity", "perceptual_weights")
    both |= {name: new[name] for name in taken}
    both["perceptual"] = not no_perceptual
    if dry_run or out is None:
        show_plan(api.plan_training(system, data, device=device, devices=devices * nodes, **both), as_json)
        return
    with ProgressBar() as bar:
        _end(api.train(system, data, out, **both, **machines, **scoring, progress=bar), bar)


def _end(result: TrainingResult, bar: ProgressBar) -> None:
    from semsynth.training.devices import is_first_process

    steps = f"{result.steps} step{'' if result.steps == 1 else 's'}"
    where = steps if result.stage is None else f"{steps} of {result.stage}"
    if is_first_process():
        if result.interrupted:
            bar.note(f"stopped and saved after {where}: continue with --resume {result.run}")
        else:
            bar.note(f"done after {where}: the model is {result.model}")
            if result.has_encoder:
                bar.note(f"'semsynth styles fit {result.run} --data DATA' finds the styles that seeds draw")
    if result.signal is not None:
        raise typer.Exit(128 + result.signal)

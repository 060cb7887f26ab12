"""``semsynth evaluate``: scores of a model or of a folder of pictures, by a named protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.last_net import interruptible
from semsynth.cli.options import Device, InferencePrecision
from semsynth.cli.progress import stage_bars
from semsynth.errors import SemsynthError


def evaluate(
    model: Annotated[
        str | None, typer.Argument(help="Bundled name, model or run folder, or Hugging Face id.", show_default=False)
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR|URL", help="Dataset folder with photos, or shards of one.", show_default=False),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the report.", show_default=False)] = None,
    protocol: Annotated[
        str, typer.Option(help="semsynth-2026, spade-2019, oasis-2021, pix2pixhd-2018, or semsynth-2026-512x256.")
    ] = "semsynth-2026",
    split: Annotated[str, typer.Option(help="Dataset split; papers use val.")] = "val",
    images: Annotated[
        Path | None, typer.Option(help="Pictures made elsewhere, named like the photos, instead of a model.")
    ] = None,
    segmenter: Annotated[
        str | None, typer.Option(help="Folder, Hugging Face id, or none; default the one that ships for the class set.")
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="What the segmenter's outputs mean: a mapping file or a built-in mapping.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Label maps that the protocol's own segmenter predicted on the pictures.")
    ] = None,
    oracle_predictions: Annotated[
        Path | None, typer.Option(help="Label maps that it predicted on the real photos.")
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="inception, segmenter, random, vgg19, vgg16, efficientnet_lite0, mobilenet_v1, stlpips_alex, a file "
            "of weights of one of the last four, or none; default the protocol's."
        ),
    ] = None,
    feature_weights: Annotated[Path | None, typer.Option(help="File of the weights of --features.")] = None,
    nearest_training: Annotated[
        bool,
        typer.Option("--nearest-training", help="Also compare pictures and photos with the nearest training photos."),
    ] = False,
    allow_trained_features: Annotated[
        bool,
        typer.Option("--allow-trained-features", help="Score also with a network that took part in the training."),
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Evaluate only the first N images.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Pictures per layout: from 2 on diversity is measured.")] = 1,
    train_on_synthetic: Annotated[
        int | None,
        typer.Option(metavar="STEPS", min=1, help="Also train segmenters on synthesised and on real photos."),
    ] = None,
    device: Device = "auto",
    precision: InferencePrecision = "auto",
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through networks together.")] = 4,
    workers: Annotated[int, typer.Option(min=0, help="Threads that read files.")] = 1,
    comparing: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", help="Compare two reports, if their protocols are equal.", show_default=False),
    ] = None,
) -> None:
    """Score a model's photos, or a folder of pictures, beside the real photos.

    Writes report.json, report.md and report.html. The same command resumes an evaluation that was interrupted.
    """
    if comparing is not None:
        if model is not None or data is not None or out is not None or images is not None:
            raise SemsynthError("--compare reads two reports: leave out everything else")
        from rich import print as show

        from semsynth.evaluation.reports.report import Report

        show(*Report.open(comparing[0]).beside(Report.open(comparing[1])))
        return
    if data is None or out is None or (model is None) == (images is None):
        raise SemsynthError("give a MODEL or --images DIR, and --data DIR and --out REPORT (or --compare A B)")
    if images is not None and not images.is_dir():
        raise SemsynthError(f"--images {images}: there is no such folder")
    from semsynth.evaluation.evaluating import evaluate as run

    with interruptible(f"the same command resumes, and takes from {out} what is there"), stage_bars() as progress:
        report = run(
            images or str(model),
            data,
            protocol,
            out=out,
            split=split,
            segmenter=segmenter,
            mapping=mapping,
            predictions=predictions,
            oracle_predictions=oracle_predictions,
            features=features,
            feature_weights=feature_weights,
            limit=limit,
            samples=samples,
            nearest_training=nearest_training,
            allow_trained_features=allow_trained_features,
            train_on_synthetic=train_on_synthetic,
            device=device,
            precision=precision,
            batch_size=batch_size,
            workers=workers,
            progress=progress,
        )
    for text in report.warnings:
        typer.echo(f"note: {text}", err=True)
    typer.echo(report.headline)
    typer.echo(f"report: {out / 'report.html'}")

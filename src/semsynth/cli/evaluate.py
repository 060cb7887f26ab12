"""``semsynth evaluate``: scores of a model or of a folder of pictures, by a named protocol."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from semsynth.cli.progress import count_bar
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.data.source import LabelledSamples
    from semsynth.evaluation.features import FeatureNetwork
    from semsynth.evaluation.pictures import PictureSource
    from semsynth.evaluation.protocols.definition import Protocol
    from semsynth.evaluation.result import UsefulnessResult
    from semsynth.evaluation.run import Evaluation
    from semsynth.evaluation.segmenters.hugging_face import HuggingFaceSegmenter
    from semsynth.synthesizer import Precision


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
    split: Annotated[str, typer.Option(help="Of the dataset folder; papers' protocols say val.")] = "val",
    images: Annotated[
        Path | None, typer.Option(help="Pictures made elsewhere, named like the photos, instead of a model.")
    ] = None,
    segmenter: Annotated[
        str | None, typer.Option(help="Folder or Hugging Face id; default the one that ships for the class set.")
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="What the segmenter's outputs mean: a mapping file or a ready one's name.")
    ] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Label maps that the protocol's own segmenter predicted on the pictures.")
    ] = None,
    oracle_predictions: Annotated[Path | None, typer.Option(help="And on the real photos.")] = None,
    features: Annotated[
        str | None, typer.Option(help="inception, segmenter, random, vgg19 or none; default the protocol's.")
    ] = None,
    feature_weights: Annotated[Path | None, typer.Option(help="File of Inception's or VGG-19's weights.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Evaluate the first so many images only.")] = None,
    samples: Annotated[int, typer.Option(min=1, help="Pictures per layout: from 2 on diversity is measured.")] = 1,
    train_on_synthetic: Annotated[
        int | None,
        typer.Option(metavar="STEPS", min=1, help="Also train segmenters on synthesised and on real photos."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"],
        typer.Option(help="Of the synthesis; auto is bfloat16 where it is fast."),
    ] = "auto",
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through networks together.")] = 4,
    workers: Annotated[int, typer.Option(min=0, help="Threads that read files.")] = 1,
    comparing: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", help="Compare two reports, if their protocols are equal.", show_default=False),
    ] = None,
) -> None:
    """Score a model's photos, or a folder of pictures, beside the real photos.

    Writes report.json, report.md and report.html. Started again with the same options, it goes on where it was
    interrupted.
    """
    if comparing is not None:
        if model is not None or data is not None or out is not None or images is not None:
            raise SemsynthError("--compare reads two reports: leave out everything else")
        _compare(*comparing)
        return
    if data is None or out is None or (model is None) == (images is None):
        raise SemsynthError("give a MODEL or --images DIR, and --data DIR and --out REPORT (or --compare A B)")
    if images is not None and (samples > 1 or train_on_synthetic is not None):
        raise SemsynthError("--images has one picture per layout: leave out --samples and --train-on-synthetic")
    from semsynth.evaluation.choices import (
        evaluated_classes,
        evaluated_indices,
        find_features,
        find_segmenter,
        open_split,
    )
    from semsynth.evaluation.judges import Judges, assemble
    from semsynth.evaluation.pictures import FolderPictures
    from semsynth.evaluation.protocols.shipped import find_protocol

    opened = open_split(data, split)
    chosen = find_protocol(protocol, opened.classes).model_copy(update={"split": split})
    indices, classes = evaluated_indices(opened, chosen, limit), evaluated_classes(chosen, opened)
    names = [opened.names[i] for i in indices]
    size = chosen.picture_size or chosen.synthesis_size
    source: PictureSource = (
        FolderPictures(images, names, opened.names, size)
        if images is not None
        else _model(str(model), opened, chosen, device, precision, (samples, batch_size))
    )
    labeller = None if predictions is not None else find_segmenter(segmenter, mapping, classes, device)
    wanted = features or chosen.features or "none"
    networks = (
        find_features(wanted, labeller, feature_weights, device),
        _diversity(chosen, labeller, device) if samples > 1 else None,
    )
    if predictions is not None:
        judges = Judges.from_files((predictions, oracle_predictions), names, opened.names, classes, *networks)
    else:
        assert labeller is not None
        judges = Judges.from_segmenter(labeller, chosen, classes, *networks)
    evaluation = assemble(opened, chosen, indices, classes, source, judges, samples, batch_size)
    _run(evaluation, out, workers, train_on_synthetic, device)


def _model(
    model: str, data: LabelledSamples, protocol: Protocol, device: str, precision: Precision, counts: tuple[int, int]
) -> PictureSource:
    from semsynth.checkpoint import CONFIG, find_model
    from semsynth.evaluation.choices import has_instances
    from semsynth.evaluation.pictures import ModelPictures
    from semsynth.files import sha256
    from semsynth.synthesizer import load

    folder = find_model(model)
    synthesizer = load(folder, device, precision)
    synthesizer.conditions.check_classes(data.classes, str(data.root))
    samples, batch_size = counts
    if samples > 1:
        synthesizer.check_count(samples)
    if synthesizer.needs_instances and not has_instances(data):
        raise SemsynthError(
            f"this model reads instance boundaries, and {data.root}/{data.split} has no instances/: "
            f"'semsynth data components {data.root}' makes them"
        )
    dtype = str(synthesizer.dtype).removeprefix("torch.")
    fingerprint = f"{sha256(folder / CONFIG)} {dtype}"
    size, seed = protocol.synthesis_size, protocol.style_seed
    return ModelPictures(synthesizer, model, fingerprint, size, seed, batch_size)


def _diversity(protocol: Protocol, segmenter: HuggingFaceSegmenter | None, device: str) -> FeatureNetwork | None:
    from semsynth.evaluation.choices import find_features

    name = "random" if segmenter is None else protocol.diversity_features
    return find_features(name, segmenter, None, device)


def _run(evaluation: Evaluation, out: Path, workers: int, steps: int | None, device: str) -> None:
    from semsynth.evaluation.reports.tables import headline
    from semsynth.evaluation.reports.writing import write_report

    useful = None if steps is None else _usefulness(evaluation, out, steps, workers, device)
    with count_bar("evaluating") as bar:
        result = evaluation.run(out, workers, bar, useful)
    shown = dict.fromkeys(image.name for image in (*result.worst, *result.best))
    write_report(out, result, evaluation.illustrate(shown), evaluation.instruments.evaluated)
    for text in result.warnings:
        typer.echo(f"note: {text}", err=True)
    typer.echo(headline(result))
    typer.echo(f"report: {out / 'report.html'}")


def _usefulness(evaluation: Evaluation, out: Path, steps: int, workers: int, device: str) -> UsefulnessResult:
    from semsynth.evaluation.choices import open_split
    from semsynth.evaluation.usefulness import measure_usefulness

    with ExitStack() as bars:
        return measure_usefulness(
            evaluation.instruments.source,
            open_split(evaluation.data.root, "train"),
            evaluation.data,
            evaluation.resolved.protocol,
            evaluation.instruments.evaluated,
            out / "usefulness",
            steps=steps,
            device=device,
            workers=workers,
            report=lambda name: bars.enter_context(count_bar(name)),
        )


def _compare(first: Path, second: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    from semsynth.evaluation.reports.tables import tables
    from semsynth.evaluation.result import compare

    results = compare(first, second)
    console = Console(soft_wrap=True)
    for one, other in zip(*map(tables, results), strict=False):
        if one.title == "Protocol" or one.header != other.header:
            continue
        table = Table(one.header[0], *(result.subject.name for result in results), title=one.title)
        beside = {row[0]: row[1] for row in other.rows}
        for row in one.rows:
            table.add_row(row[0], row[1], beside.get(row[0], "–"))
        console.print(table)

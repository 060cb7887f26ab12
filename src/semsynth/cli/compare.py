"""``semsynth compare``: systems and variants at an equal budget, side by side on a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.comparison import Budget, ComparisonFolder, Evaluate, Plan


RESUMING = ("out", "steps", "minutes", "count", "device", "segmenter")
"""Options that may come with ``--out`` where everything else is taken from there."""


def compare(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Folder for runs and page; a stopped comparison goes on.")],
    data: Annotated[
        str | None, typer.Option(metavar="DIR|URL", help="Dataset folder with train/ and val/, or shards of one.")
    ] = None,
    recipes: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Systems, each as RECIPE or RECIPE/PRESET.")
    ] = None,
    variants: Annotated[
        list[str] | None,
        typer.Option(
            "--variant",
            metavar="NAME=RECIPE[/PRESET][:KEY=VALUE,...]",
            help="A system with settings of its own, as wide=spade:generator.width=32; as often as needed.",
        ),
    ] = None,
    table: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Entries from a file, as in examples/paper_tables.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Budget of each: steps of the common batch size.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.001, help="Budget of each: minutes of training.")] = None,
    preset: Annotated[str, typer.Option(help="Of entries that name none.")] = "small",
    width_scale: Annotated[float, typer.Option(min=0.001, help="Factor on the channels of all networks.")] = 1.0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change all entries that have the key, as data.crop_size=128."),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Validation layouts on the page; default 6.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, data order, augmentation, noise and styles.")] = 0,
    title: Annotated[str | None, typer.Option(help="Of the page.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    perceptual_weights: Annotated[Path | None, typer.Option(help="File with VGG-19 or its beginning.")] = None,
    segmenter: Annotated[
        str | None,
        typer.Option(help="Who scores the trained models: a folder, a Hugging Face id or a class set; default nobody."),
    ] = None,
    no_perceptual: Annotated[
        bool, typer.Option("--no-perceptual", help="Train without the VGG term; an entry's own settings may keep it.")
    ] = False,
) -> None:
    """Train systems or variants at an equal budget and show them side by side on a page.

    Each sees equally many images (--steps) or trains equally long (--minutes), in the same order and from the same
    seed. Ctrl-C or SIGTERM saves and leaves with 130 or 143; the same command, or just --out, goes on from there.
    """
    from semsynth.comparison import Budget, ComparisonFolder
    from semsynth.data.source import absolute

    if steps is not None and minutes is not None:
        raise SemsynthError("--steps and --minutes are two budgets: give one of them")
    budget = None if steps is None and minutes is None else Budget(steps=steps, minutes=minutes)
    if not (recipes or variants or table):
        plan = _earlier(ComparisonFolder(out), budget, count, context)
    elif data is None or budget is None:
        raise SemsynthError("a new comparison needs --data DIR, and --steps N or --minutes M")
    else:
        values = {
            "data": absolute(data),
            "budget": budget,
            "seed": seed,
            "settings": [*(settings or []), *(["loss.perceptual=0"] if no_perceptual else [])],
            "width_scale": width_scale,
            "perceptual_weights": None if perceptual_weights is None else str(perceptual_weights.absolute()),
        } | ({} if count is None else {"count": count})
        plan = _new(values, title, recipes, variants or [], table, preset)
    _train(out, plan, device, None if segmenter is None else _scorer(plan, segmenter, device))


def _earlier(folder: ComparisonFolder, budget: Budget | None, count: int | None, context: typer.Context) -> Plan:
    """The plan of a comparison that was begun, with more budget or another number of pictures where these are given."""
    given = [name for name in context.params if context.get_parameter_source(name).name == "COMMANDLINE"]  # type: ignore[union-attr]
    if not folder.record.is_file():
        raise SemsynthError(
            f"what is to be compared? Give --recipes, --variant or --table ({folder.record} does not exist, so there "
            "is no earlier comparison to go on with)"
        )
    wrong = [f"--{name.replace('_', '-')}" for name in given if name not in RESUMING]
    if wrong:
        raise SemsynthError(
            f"--out {folder.root} alone goes on with what {folder.record} says: leave out {', '.join(wrong)}, or "
            "repeat the whole command"
        )
    changes = {"budget": budget, "count": count}
    return folder.open().plan.model_copy(update={key: value for key, value in changes.items() if value is not None})


def _new(
    values: dict[str, Any], title: str | None, recipes: str | None, variants: list[str], table: Path | None, preset: str
) -> Plan:
    from semsynth.comparison import Plan, parse_recipe, parse_variant, read_table

    entries = [parse_recipe(text, preset) for text in recipes.split(",")] if recipes else []
    entries += [parse_variant(text, preset) for text in variants]
    if table is not None:
        read = read_table(table, preset)
        title, entries = title or read.title, [*entries, *read.entries]
        values = values | {"source": read.source}
    names = [entry.name for entry in entries]
    joined = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    return Plan(title=title or joined, entries=tuple(entries), **values)


def _scorer(plan: Plan, segmenter: str, device: str) -> Evaluate:
    """Scores models on the validation split by ``semsynth-2026``, at the size of the page's pictures.

    Raises:
        SemsynthError: no such segmenter, other classes, or no validation split with photographs.
    """
    from semsynth.comparison import picture_size
    from semsynth.data.source import open_source
    from semsynth.evaluation.choices import find_segmenter
    from semsynth.evaluation.during_training import ScoreModel
    from semsynth.evaluation.protocols.shipped import find_protocol

    classes, size = open_source(plan.data).classes, picture_size(plan)
    protocol = find_protocol("semsynth-2026" if size is None else f"semsynth-2026-{size[1]}x{size[0]}", classes)
    score = ScoreModel(plan.data, protocol, find_segmenter(segmenter, None, classes, device), device=device)
    return lambda model: {f"{name}, val": value for name, value in score(model).items()}


def _train(out: Path, plan: Plan, device: str, evaluate: Evaluate | None) -> None:
    from semsynth.cli.progress import ProgressBar
    from semsynth.comparison import ComparisonFolder
    from semsynth.comparison import compare as compare_entries

    with ProgressBar() as progress:
        signal = compare_entries(out, plan, progress, device, evaluate)
        if signal is not None:
            progress.note(f"stopped and saved: go on with semsynth compare --out {out}")
            raise typer.Exit(128 + signal)
        progress.note(f"done: open {ComparisonFolder(out).page} in a browser")

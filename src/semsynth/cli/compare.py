"""``semsynth compare``: systems and variants at an equal budget, side by side on a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsynth.cli.options import Device, NoPerceptual, PerceptualWeights, TrainingData
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.cli.progress import ProgressBar
    from semsynth.comparison import ComparisonResult

RESUMING = ("out", "steps", "minutes", "count", "device", "segmenter")
"""Options that may come with ``--out`` where everything else is taken from there."""
_VARIANT = "NAME=RECIPE[/PRESET][:KEY=VALUE,...]"


def compare(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for runs and page; an interrupted comparison resumes.")
    ],
    data: TrainingData = None,
    recipes: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Systems, each as RECIPE or RECIPE/PRESET.")
    ] = None,
    variants: Annotated[
        list[str] | None,
        typer.Option(
            "--variant", metavar=_VARIANT, help="System with settings of its own, as wide=spade:generator.width=32."
        ),
    ] = None,
    table: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Entries from a file, as in examples/paper_tables.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Budget of each: steps of the common batch size.")] = None,
    minutes: Annotated[float | None, typer.Option(min=0.001, help="Budget of each: minutes of training.")] = None,
    preset: Annotated[str, typer.Option(help="Preset for entries without one.")] = "small",
    width_scale: Annotated[float, typer.Option(min=0.001, help="Factor on the channels of all networks.")] = 1.0,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change all entries that have the key, as data.crop_size=128."),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="Validation layouts on the page (default: 6).")] = None,
    seed: Annotated[int, typer.Option(help="Random seed for weights, data order, augmentation, noise and styles.")] = 0,
    title: Annotated[str | None, typer.Option(help="Title of the page.")] = None,
    device: Device = "auto",
    perceptual_weights: PerceptualWeights = None,
    feature_weights: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Weights of feature discriminators' networks; may be given several times."),
    ] = None,
    bank: Annotated[
        Path | None,
        typer.Option(help="Memory bank of the training photos (sims), from 'semsynth bank build'.", show_default=False),
    ] = None,
    segmenter: Annotated[
        str | None,
        typer.Option(
            help="Segmenter that scores the models: a folder, a Hugging Face id or a class set (default: none)."
        ),
    ] = None,
    no_perceptual: NoPerceptual = False,
) -> None:
    """Train systems or variants at an equal budget and show them side by side on a page.

    Each sees equally many images (--steps) or trains equally long (--minutes), in the same order and from the same
    seed. Ctrl-C or SIGTERM saves and exits with 130 or 143; the same command, or just --out, then resumes.
    """
    from semsynth import comparison
    from semsynth.cli.progress import ProgressBar

    budget: dict[str, Any] = {"steps": steps, "minutes": minutes, "count": count, "device": device}
    with ProgressBar() as bar:
        both: dict[str, Any] = {**budget, "segmenter": segmenter, "progress": bar}
        if not (recipes or variants or table):
            _refuse_others(context, out)
            _end(comparison.resume_comparison(out, **both), bar)
            return
        if data is None:
            raise SemsynthError("a new comparison needs --data DIR, and --steps N or --minutes M")
        named = [comparison.parse_variant(text, preset) for text in variants or ()]
        result = comparison.compare(
            [*(recipes.split(",") if recipes else ()), *named],
            data,
            out,
            table=table,
            preset=preset,
            overrides=overrides or (),
            width_scale=width_scale,
            perceptual=not no_perceptual,
            perceptual_weights=perceptual_weights,
            feature_weights=feature_weights or (),
            bank=bank,
            seed=seed,
            title=title,
            **both,
        )
        _end(result, bar)


def _refuse_others(context: typer.Context, out: Path) -> None:
    given = [name for name in context.params if context.get_parameter_source(name).name == "COMMANDLINE"]  # type: ignore[union-attr]
    wrong = [f"--{name.replace('_', '-')}" for name in given if name not in RESUMING]
    if wrong:
        raise SemsynthError(
            f"without --recipes, --variant or --table the comparison in {out} resumes: leave out {', '.join(wrong)}, "
            "or repeat the whole command"
        )


def _end(result: ComparisonResult, bar: ProgressBar) -> None:
    if result.signal is not None:
        bar.note(f"stopped and saved: continue with semsynth compare --out {result.folder}")
        raise typer.Exit(128 + result.signal)
    bar.note(f"done: open {result.page} in a browser")

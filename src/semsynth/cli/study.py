"""``semsynth study``: human A/B studies of pictures, from the plan to the p-value."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsynth.cli.study_mturk import app as mturk
from semsynth.cli.study_serving import analyse, serve
from semsynth.cli.study_simulation import simulate
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.study.plan import StudyPlan

app = typer.Typer(no_args_is_help=True, help="Perceptual studies: plan, serve and analyse A/B comparisons.")


@app.callback()
def _commands() -> None:
    """Perceptual studies: plan, serve and analyse A/B comparisons."""


@app.command()
def plan(
    design: Annotated[str, typer.Option(help="A preset, or a DESIGN.yaml.", show_default=False)],
    methods: Annotated[
        list[str] | None,
        typer.Option("--method", metavar="NAME=DIR", help="A method's pictures; repeat it.", show_default=False),
    ] = None,
    real: Annotated[Path | None, typer.Option(help="Folder of the real photos.")] = None,
    layouts: Annotated[Path | None, typer.Option(help="Folder of the label maps.")] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="A classes.json or a built-in class set (default: that of the layouts' dataset folder)."),
    ] = None,
    common: Annotated[bool, typer.Option("--common", help="Leave out names that a folder lacks.")] = False,
    seed: Annotated[int | None, typer.Option(min=0, help="Replaces the design's seed.")] = None,
    power: Annotated[
        float | None, typer.Option(metavar="SHARE", help="How many judgements detect this preference?")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The study's folder, to be made.")] = None,
) -> None:
    """Plan a study: pairs matched by name, everything balanced and drawn from a seed.

    Presets: crn-2017-unlimited, crn-2017-timed, pix2pixhd-2018-unlimited, pix2pixhd-2018-timed,
    pix2pixhd-2018-region, spade-2019. With --power and without --method nothing is planned.
    """
    from semsynth.study.running import plan_study

    if not methods and power is not None:
        _tell_power(power)
        return
    if not methods or out is None:
        raise SemsynthError("give --method NAME=DIR for every method and --out STUDY; or only --power SHARE")
    made, notes = plan_study(
        design, _folders(methods), out, real=real, layouts=layouts, classes=classes, common=common, seed=seed
    )
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    _tell_plan(made)
    typer.echo(f"{out} is ready: semsynth study serve {out}")
    if power is not None:
        _tell_power(power)


def _folders(given: list[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if not (equals and folder and name and all(sign.isalnum() or sign in "_.+-" for sign in name)):
            raise SemsynthError(f"--method {text}: expected NAME=DIR, for example ours=out/ours; no blanks in NAME")
        if name in folders:
            raise SemsynthError(f"--method {text}: '{name}' is given twice")
        folders[name] = Path(folder)
    return folders


def _tell_plan(made: StudyPlan) -> None:
    judged = made.num_judgements
    per_pair = judged / len(made.pairs)
    pairs = ", ".join(f"{first} or {second}" for first, second in made.pairs)
    typer.echo(f"{made.design.name}: {pairs}; {len(made.images)} pictures")
    timing = f" at {len(made.design.exposures)} exposures" if made.design.timed else ""
    typer.echo(f"{judged:,} judgements, {per_pair:,.0f} per pair of methods{timing}")
    sizes = sorted({len(assignment.trials) for assignment in made.assignments})
    trials = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    typer.echo(f"{len(made.assignments)} assignments of {trials} pairs, sentinels and practice included")


def _tell_power(preference: float) -> None:
    from semsynth.study.power import required_judgements

    for power in (0.8, 0.9, 0.95):
        count = required_judgements(preference, power=power)
        typer.echo(f"{count:,} judgements show a preference of {preference:.1%} with probability {power:.0%}")
    typer.echo(
        "if they are independent (exact test, 5 %); `semsynth study simulate --power` counts people and pictures too"
    )


app.command()(serve)
app.command()(analyse)
app.command()(simulate)
app.add_typer(mturk, name="mturk")

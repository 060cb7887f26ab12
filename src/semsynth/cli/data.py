"""``semsynth data``: make dataset folders and find what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from semsynth.cli.progress import count_bar
from semsynth.cli.shards import shard
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.classes import ClassSet
    from semsynth.data.check import Report
    from semsynth.data.check_conditions import ConditionReport
    from semsynth.layout import Size

app = typer.Typer(no_args_is_help=True, help="Make dataset folders and check them.")

Out = Annotated[Path, typer.Argument(help="The dataset folder to make.", show_default=False)]
Count = Annotated[int, typer.Option(min=1, help="How many.", show_default=False)]
SquareSize = Annotated[int, typer.Option(min=16, help="Width and height in pixels.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed draws the same pictures.")]

_SHOWN = 50
"""How many problems are printed."""


app.command()(shard)


@app.command()
def check(
    root: Annotated[
        str, typer.Argument(metavar="DIR", help="A dataset folder, or shards or their address.", show_default=False)
    ],
) -> None:
    """Read every file of a dataset folder or of shards; exit with 1 and a list if something is wrong."""
    from semsynth.data.source import open_source

    with count_bar("checking") as bar:
        report = open_source(root).report(bar)
    print_report(report)
    if report.problems:
        raise typer.Exit(1)


@app.command()
def toy(out: Out, count: Count = 200, size: SquareSize = 256, seed: Seed = 0) -> None:
    """Draw scenes with labels, instances and photos: a dataset for tests and a first training."""
    from semsynth.data.toy import write_toy

    with count_bar("drawing") as bar:
        write_toy(out, count, size, seed, bar)
    typer.echo(f"{out}: {count} scenes of {size}x{size} in train and val")


@app.command()
def facades(out: Out, count: Count = 20, size: SquareSize = 256, seed: Seed = 0) -> None:
    """Draw random house fronts as layouts of the cmp_facades classes (no photos)."""
    from semsynth.data.facades import write_facades

    with count_bar("drawing") as bar:
        write_facades(out, count, size, seed, bar)
    typer.echo(f"{out}: {count} layouts of {size}x{size} in test/labels")


@app.command()
def streets(
    out: Out,
    count: Count = 20,
    size: Annotated[str, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the layouts in pixels.")] = "384x256",
    seed: Seed = 0,
) -> None:
    """Draw random street scenes as layouts of the labelmefacade classes (no photos)."""
    from semsynth.cli.synthesize import parse_size
    from semsynth.data.streets import write_streets

    wanted = parse_size(size)
    with count_bar("drawing") as bar:
        write_streets(out, count, wanted, seed, bar)
    typer.echo(f"{out}: {count} layouts of {wanted[1]}x{wanted[0]} in test/labels")


@app.command()
def components(
    root: Annotated[Path, typer.Argument(metavar="DIR", help="A dataset folder.", show_default=False)],
) -> None:
    """Make instance maps for the splits that have none: every connected component of a class is an object.

    Started again, it goes on where it was interrupted.
    """
    from semsynth.data.components import write_components

    with count_bar("writing instances") as bar:
        counts = write_components(root, bar)
    if not counts:
        typer.echo(f"{root}: every split has instances/ already, nothing to do")
    for split, count in counts.items():
        typer.echo(f"{root / split / 'instances'}: {count} instance maps")


def class_set(given: str | None, source: Path) -> ClassSet:
    """The class set that ``--classes`` names, by default the one that lies in ``source``."""
    from semsynth.classes import BUILTIN_CLASS_SETS, ClassSet

    if given is not None:
        return ClassSet.open(given)
    path = source / "classes.json"
    if not path.is_file():
        raise SemsynthError(
            f"{path} does not exist: name the classes with --classes FILE or --classes NAME "
            f"({', '.join(BUILTIN_CLASS_SETS)})"
        )
    return ClassSet.open(path)


def print_report(report: Report | ConditionReport) -> None:
    """Tables of sizes, counts and classes, then notes and problems."""
    from semsynth.data.check import Report

    console = Console(soft_wrap=True, highlight=False, markup=False)
    if not isinstance(report, Report):
        console.print(_condition_table(report))
    elif report.splits:
        console.print(_split_table(report))
        console.print(_class_table(report))
    for note in report.notes:
        console.print(f"note: {note}")
    for problem in report.problems[:_SHOWN]:
        console.print(f"problem: {problem}")
    if len(report.problems) > _SHOWN:
        console.print(f"... and {len(report.problems) - _SHOWN} more")
    console.print(f"{len(report.problems)} problems" if report.problems else "no problems")


def _split_table(report: Report) -> Table:
    table = Table("split", "label maps", "photos", "instances", "sizes (width x height)")
    for split in report.splits:
        counts = map(str, (split.layouts, split.photos, split.instances))
        table.add_row(split.name, *counts, _range(split.sizes))
    return table


def _condition_table(report: ConditionReport) -> Table:
    table = Table("split", "conditions", "photos", "sizes (width x height)")
    for split in report.splits:
        table.add_row(split.name, str(split.conditions), str(split.photos), _range(split.sizes))
    return table


def _range(sizes: tuple[Size, Size] | None) -> str:
    return " to ".join(dict.fromkeys(f"{width}x{height}" for height, width in sizes or ())) or "-"


def _class_table(report: Report) -> Table:
    """Share of pixels per class and split."""
    table = Table("id", "class", *(split.name for split in report.splits))
    rows = [(str(item.id), item.name) for item in report.classes.classes] + [("-", "void")]
    for index, row in enumerate(rows):
        shares = []
        for split in report.splits:
            pixels, total = int(split.pixels[index]), int(split.pixels.sum())
            shares.append(f"{pixels / total:.2%}" if pixels else "-")
        table.add_row(*row, *shares)
    return table

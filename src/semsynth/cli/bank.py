"""``semsynth bank``: memory banks, the segments of training photos from which SIMS composes pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.last_net import interruptible
from semsynth.cli.options import parse_size
from semsynth.cli.progress import count_bar
from semsynth.errors import SemsynthError

app = typer.Typer(no_args_is_help=True, help="Build and check memory banks: the segments of training photos.")

Folder = Annotated[Path, typer.Argument(metavar="BANK", help="Folder of a memory bank.", show_default=False)]


@app.command()
def build(
    data: Annotated[str, typer.Option(metavar="DIR|URL", help="Dataset folder, or its shards.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder of the bank to make.", show_default=False)],
    split: Annotated[str, typer.Option(help="Split whose photos are cut into segments.")] = "train",
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHxHEIGHT", help="Working size (default: 512x256 for Cityscapes' classes, else 256x256)."
        ),
    ] = None,
    thin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CLASS",
            help="Class that doesn't cut others apart; repeatable (default: pole, traffic light and traffic sign).",
        ),
    ] = None,
    minimal_share: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Share of a picture above which a region is a segment (default: 0.0076, as published)."
        ),
    ] = None,
    instances: Annotated[
        bool, typer.Option("--instances", help="Make the objects of the instance maps the segments.")
    ] = False,
    source: Annotated[str, typer.Option(help="Where the photos come from, for the bank's list of them.")] = "",
    licence: Annotated[str, typer.Option(help="The photos' licence, for the bank's list of them.")] = "",
    credits: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON with source and licence of each photo by its name.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Number of processes (default: one for each core).")
    ] = None,
) -> None:
    """Cut the photos of a dataset into segments and store them as a memory bank.

    The same command resumes after an interruption. The bank holds the photos' pixels: share it only where their licence
    allows that.
    """
    from semsynth.bank.building import build_bank
    from semsynth.bank.index import Credit, read_credits
    from semsynth.bank.segments import MINIMAL_SHARE, rules_for
    from semsynth.data.listing import counted
    from semsynth.data.source import open_source

    if credits is not None and (source or licence):
        raise SemsynthError("--credits names source and licence of each photo: leave out --source and --licence")
    rules = rules_for(
        open_source(data).classes,
        size=None if size is None else parse_size(size),
        thin=thin,
        minimal_share=MINIMAL_SHARE if minimal_share is None else minimal_share,
    )
    credit = Credit(source=source, licence=licence) if credits is None else read_credits(credits)
    with interruptible(f"the same command continues building {out}"), count_bar("cutting photos") as bar:
        bank = build_bank(
            data,
            out,
            split=split,
            rules=rules,
            instances=instances,
            credits=credit,
            workers=workers,
            progress=bar,
        )
    typer.echo(f"{out}: {counted(len(bank), 'segment')} of {counted(len(bank.photos), 'photo')}")


@app.command()
def info(bank: Folder) -> None:
    """Show what a memory bank holds: its segments by class, from back to front, and the photos' licences."""
    from collections import Counter

    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from semsynth.bank.memory import MemoryBank
    from semsynth.data.listing import counted
    from semsynth.layout import pixels

    opened = MemoryBank.open(bank)
    table = Table("id", "class", "segments", "mean share of the picture", title="classes, from back to front")
    names = {item.id: item.name for item in opened.classes.classes}
    frame = opened.rules.working_height * opened.rules.working_width
    for class_id in opened.order:
        areas = opened.areas[opened.of_class(class_id)]
        share = f"{np.mean(areas) / frame:.1%}" if len(areas) else "-"
        table.add_row(str(class_id), names[class_id], f"{len(areas):,}", share)
    Console(highlight=False, markup=False).print(table)
    kind = "objects" if opened.index.instances else "components"
    size = sum(entry.bytes for entry in opened.index.files) / 1e6
    typer.echo(f"{counted(len(opened), 'segment')} ({kind}) of {counted(len(opened.photos), 'photo')}, {size:.1f} MB")
    typer.echo(f"made of {opened.index.data}, {opened.index.split}, at {pixels(opened.rules.size)}")
    typer.echo(f"checksum {opened.checksum}")
    for credit, count in Counter((one.credit.source, one.credit.licence) for one in opened.index.photos).most_common():
        typer.echo(
            f"{counted(count, 'photo')}: source {credit[0] or 'not stated'}; licence {credit[1] or 'not stated'}"
        )


@app.command()
def check(
    bank: Folder,
    data: Annotated[
        str | None,
        typer.Option(metavar="DIR|URL", help="The dataset (default: where it was when the bank was built)."),
    ] = None,
) -> None:
    """Compare a bank's checksums, and its photos with the dataset; exit with 1 and a list if something differs."""
    from semsynth.bank.check import check_bank

    with count_bar("checking") as bar:
        report = check_bank(bank, data, bar)
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    for problem in report.problems:
        typer.echo(problem)
    if report.problems:
        raise typer.Exit(1)
    typer.echo(f"{bank}: no problems")


@app.command()
def attach(
    bank: Folder,
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Model or run folder, or Hugging Face id.", show_default=False)
    ],
) -> None:
    """Copy a bank into the folder of the model that was trained with it, so that every command finds it there.

    The model folder then holds the photos' pixels: share it only where their licence allows that.
    """
    from semsynth.api.banks import attach_bank

    typer.echo(f"the model's bank is {attach_bank(model, bank)}")

"""``semsynth remake``: one picture of a bulk job again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def remake(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="What synthesize --engine filled.", show_default=False)
    ],
    name: Annotated[str, typer.Argument(metavar="[SPLIT/]NAME", help="The picture.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="PICTURE.png", help="Where to write it.", show_default=False)],
    layout: Annotated[Path | None, typer.Option(help="The label map, where it has moved.")] = None,
    model: Annotated[str | None, typer.Option(help="The model, where it has moved.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Make one picture of a bulk job again from its line of the manifest, and compare it with that line."""
    from semsynth.bulk.remake import find_line
    from semsynth.bulk.remake import remake as make_again
    from semsynth.files import write_bytes

    line = find_line(folder, name)
    remade = make_again(line, device, layout, model)
    write_bytes(out, remade.png)
    if remade.equal:
        typer.echo(f"{out} is {line.name}, bit for bit")
        return
    typer.echo(
        f"{out} differs from {line.name}, which semsynth {line.semsynth} with torch {line.torch} made on "
        f"{line.device}: other versions and devices round differently",
        err=True,
    )
    raise typer.Exit(1)

"""``semsynth demo``: example layouts become photos, on a page to look at."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.progress import count_bar


def demo(
    out: Annotated[Path, typer.Option(help="Folder for layouts, photos and the page.")] = Path("out/demo"),
    model: Annotated[
        str | None, typer.Option(help="Show only this model (default: all that ship with the package).")
    ] = None,
) -> None:
    """Turn example layouts into photos and show them side by side on a page."""
    from semsynth.synthesizer.demo import write_demo

    program = "semsynth" if shutil.which("semsynth") else sys.argv[0]  # not on the path in an environment not activated
    with count_bar("synthesising") as bar:
        shown = write_demo(out, model, program=program, progress=bar)
    layouts = sum(len(one.examples) for one in shown)
    photos = sum(len(example.photos) for one in shown for example in one.examples)
    typer.echo(f"{layouts} layouts, {photos} photos: {', '.join(str(out / one.name) for one in shown)}")
    typer.echo(f"open {out / 'index.html'} in a browser")
    typer.echo(f"your own label map: {shown[0].command}")

"""``semsynth convert``: models of other codes as model folders."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.errors import SemsynthError

app = typer.Typer(no_args_is_help=True, help="Turn checkpoints of official codes into model folders.")


@app.callback()
def _systems() -> None:
    """Turn checkpoints of official codes into model folders."""


@app.command()
def spade(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT.pth", help="A *_net_G.pth.", show_default=False)],
    options: Annotated[Path, typer.Option(help="opt.txt of its training, or the options as JSON.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The model folder to make.", show_default=False)],
    encoder: Annotated[
        Path | None, typer.Option(help="The *_net_E.pth of a VAE model; default the one beside the generator.")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="classes.json or name of a built-in class set; default the official dataset's classes."),
    ] = None,
) -> None:
    """Convert a generator of the official SPADE code; nothing in the file is run."""
    from semsynth.checkpoint import is_model_folder
    from semsynth.classes import BUILTIN_CLASS_SETS, ClassSet, builtin
    from semsynth.convert.spade import convert_spade

    if is_model_folder(out):
        raise SemsynthError(f"--out {out}: there is a model already: choose another folder")
    class_set = None
    if classes is not None:
        class_set = builtin(classes) if classes in BUILTIN_CLASS_SETS else ClassSet.load(Path(classes))
    report = convert_spade(checkpoint, options, out, class_set, encoder)
    typer.echo(f"{report.loaded} tensors taken over, none missing")
    if report.counters:
        typer.echo(f"{report.counters} batch counters left out: nothing reads them")
    for name in report.unused:
        typer.echo(f"unused: {name}")
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{out} is ready: semsynth synthesize MAP.png --model {out} --out DIR")

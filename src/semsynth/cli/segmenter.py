"""``semsynth segmenter``: train networks that label photographs, for scoring and for photos without label maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from semsynth.cli.options import Device
from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.evaluation.segmenters.training import Validation

app = typer.Typer(no_args_is_help=True, help="Networks that label photographs.")


@app.callback()
def _segmenter() -> None:
    """Networks that label photographs."""


@app.command()
def train(
    data: Annotated[
        str | None, typer.Option(metavar="DIR|URL", help="Dataset folder, or shards of one, with train and val.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="New folder for the segmenter.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps (default: 8000).")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="For example augmentation.crop_size=512.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="Segmenter folder whose training to continue.")] = None,
    device: Device = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Threads that read pictures.")] = 1,
) -> None:
    """Train a small segmenter (SegFormer-B0) from scratch on a dataset's train split.

    The split val selects the checkpoint that is kept, and ends the training run where nothing gets better. Ctrl-C saves
    and leaves with 130; --resume then continues to the bit.
    """
    from semsynth.cli.progress import count_bar
    from semsynth.evaluation.segmenters.start import resume_segmenter, train_segmenter
    from semsynth.training.interruption import Interruption

    given = {"--data": data, "--out": out, "--steps": steps, "--set": overrides}
    wrong = [name for name, value in given.items() if value]
    if resume is not None and wrong:
        raise SemsynthError(f"--resume takes everything from {resume}: leave out {', '.join(wrong)}")
    if resume is None and (data is None or out is None):
        raise SemsynthError("a new segmenter needs --data DIR and --out SEG (or --resume SEG to continue one)")
    with count_bar("training") as bar, Interruption() as interruption:
        common: dict[str, Any] = {"device": device, "workers": workers, "progress": bar, "note": _note}
        common["stopped"] = lambda: interruption.signal is not None
        if resume is not None:
            complete = resume_segmenter(resume, **common)
        else:
            complete = train_segmenter(str(data), Path(str(out)), steps=steps, overrides=overrides or (), **common)
    folder = resume or out
    if not complete:
        typer.echo(f"stopped and saved: continue with --resume {folder}", err=True)
        raise typer.Exit(128 + (interruption.signal or 2))
    typer.echo(f"the segmenter is {folder}")


def _note(line: Validation) -> None:
    scores = f"mean IoU {line.mean_iou:.4f}, pixel accuracy {line.pixel_accuracy:.4f}"
    typer.echo(f"step {line.step}: loss {line.loss:.4f}, val {scores}", err=True)

"""``semsynth render``: a sequence of label maps, such as a video's frames, in one style, or styles in between."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.options import Device, InferencePrecision, SynthesisModel, parse_size
from semsynth.cli.progress import Notes, stage_bars


def render(
    frames: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER|FRAME.png...", help="Folder of label maps, or the label maps.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the photos; made if missing.", show_default=False)],
    model: SynthesisModel = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Draws the style of all frames (default: 0).")] = None,
    style: Annotated[Path | None, typer.Option(help="Photo to take the style from, instead of a seed.")] = None,
    interpolate: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="SEED_A SEED_B", min=0, help="Lead every label map from the style of one seed to that of another."
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option("--frames", min=2, max=10_000, help="Photos of each map with --interpolate.")
    ] = None,
    instances: Annotated[
        Path | None, typer.Option(help="Folder of instance maps named like the frames, for models that read them.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the photos (default: that of the frame).")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make all frames, also those that are there already.")
    ] = False,
    device: Device = "auto",
    precision: InferencePrecision = "auto",
) -> None:
    """Turn a sequence of label maps into photos of one style, or of the styles between two.

    An interrupted sequence resumes: frames whose photo is newer than the label map are skipped, unless the folder's
    photos were made with other settings.
    """
    wanted = None if size is None else parse_size(size)
    from semsynth.synthesizer import DEFAULT_MODEL
    from semsynth.synthesizer.frames import render_frames

    with Notes() as notes, stage_bars() as bars:
        done = render_frames(
            frames,
            out,
            model or DEFAULT_MODEL,
            style=style,
            seed=seed,
            interpolate=interpolate,
            count=count,
            size=wanted,
            instances=instances,
            overwrite=overwrite,
            device=device,
            precision=precision,
            progress=bars,
            tell=notes.tell,
        )
    kept = f", {done.kept} more were there already" if done.kept else ""
    typer.echo(f"{done.made} photo{'' if done.made == 1 else 's'} in {out}{kept}")

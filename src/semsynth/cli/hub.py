"""``semsynth push``: a model for other people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.options import Device


def push(
    model: Annotated[str, typer.Argument(help="Model or run folder, or bundled name.", show_default=False)],
    repository: Annotated[
        str, typer.Argument(metavar="USER/NAME", help="Repository on the Hugging Face hub.", show_default=False)
    ],
    private: Annotated[bool, typer.Option("--private", help="Create the repository as private.")] = False,
    revision: Annotated[
        str | None, typer.Option(help="Branch to write to, made if there is none (default: main).")
    ] = None,
    examples: Annotated[
        list[Path] | None,
        typer.Option(help="Label maps, or folders of them, for the model's page (default: drawn ones)."),
    ] = None,
    instances: Annotated[
        Path | None, typer.Option(help="Folder of the examples' instance maps, for models that read them.")
    ] = None,
    with_bank: Annotated[
        bool,
        typer.Option(
            "--with-bank", help="Also upload the memory bank (SIMS), which holds the training photos (default: not)."
        ),
    ] = False,
    device: Device = "auto",
) -> None:
    """Upload a model to the Hugging Face hub, with a page made of its card and pictures of what it makes.

    Needs a token with the right to write: 'hf auth login', or HF_TOKEN. 'semsynth synthesize --model USER/NAME' then
    works everywhere.
    """
    from semsynth.hub import push_model

    address = push_model(
        model,
        repository,
        examples or None,
        instances=instances,
        with_bank=with_bank,
        private=private,
        revision=revision,
        device=device,
    )
    typer.echo(address)
    typer.echo(f"use it: semsynth synthesize MAP.png --model {repository} --out DIR")

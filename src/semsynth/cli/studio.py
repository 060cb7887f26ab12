"""``semsynth studio``: the web editor and its API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.options import Device, InferencePrecision, Proxies


def studio(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="Model or run folders, bundled names, Hugging Face ids; default those that ship with semsynth.",
            show_default=False,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any free one.")] = 7860,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than this machine's need a token.")
    ] = "127.0.0.1",
    data: Annotated[Path | None, typer.Option(help="Dataset folder whose layouts are offered as examples.")] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="SEMSYNTH_TOKEN", help="What requests must bring; made anew at every start where one is needed."
        ),
    ] = None,
    segmenter: Annotated[
        list[str] | None,
        typer.Option(help="Turns photos into layouts: folder or Hugging Face id; the bundled ones are known."),
    ] = None,
    proxies: Proxies = None,
    device: Device = "auto",
    precision: InferencePrecision = "auto",
) -> None:
    """Paint labels in the browser and see a photograph.

    Prints the address to open. Ctrl-C ends it. The same address has an interface for programs: docs/studio-api.md.
    """
    from semsynth.api.studio import run_studio

    run_studio(
        models or (),
        host=host,
        port=port,
        data=data,
        token=token,
        segmenters=segmenter or (),
        device=device,
        precision=precision,
        proxies=proxies or (),
        ready=lambda address: typer.echo(f"semsynth studio: {address}"),
        note=lambda text: typer.echo(text, err=True),
    )

"""``semsynth memorisation``: a set of pictures beside the training photos that they are most like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.options import Device
from semsynth.cli.progress import stage_bars


def memorisation(
    pictures: Annotated[
        str,
        typer.Argument(
            metavar="PICTURES", help="Folder of pictures, dataset folder (all splits) or shards.", show_default=False
        ),
    ],
    data: Annotated[
        str,
        typer.Option(
            metavar="DIR|URL", help="Dataset folder or shards with the training photos in train.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report.", show_default=False)],
    split: Annotated[str, typer.Option(help="Split of --data with photos that were held out.")] = "val",
    protocol: Annotated[
        str, typer.Option(help="Protocol whose picture size is used: semsynth-2026, semsynth-2026-512x256, ...")
    ] = "semsynth-2026",
    segmenter: Annotated[
        str | None,
        typer.Option(help="Segmenter whose features are compared (default: the bundled one for the class set)."),
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="What the segmenter's outputs mean: a mapping file or a built-in mapping.")
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="inception, segmenter, random, vgg19, vgg16, efficientnet_lite0, mobilenet_v1, stlpips_alex or a file "
            "of weights (default: the protocol's)."
        ),
    ] = None,
    feature_weights: Annotated[Path | None, typer.Option(help="File of the weights of --features.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Compare only the first N pictures.")] = None,
    device: Device = "auto",
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures that go through networks together.")] = 4,
    workers: Annotated[int, typer.Option(min=0, help="Threads that read files.")] = 1,
) -> None:
    """Find the training photo that each picture is most like, and show the nearest pairs on a page.

    The distances of held-out photos to their nearest training photos stand beside them. Writes report.html and
    report.json.
    """
    from semsynth.evaluation.memorisation import measure_memorisation
    from semsynth.evaluation.reports.memorisation import PAGE, memorisation_headline

    with stage_bars() as progress:
        record = measure_memorisation(
            pictures,
            data,
            out,
            split=split,
            protocol=protocol,
            segmenter=segmenter,
            mapping=mapping,
            features=features,
            feature_weights=feature_weights,
            limit=limit,
            device=device,
            batch_size=batch_size,
            workers=workers,
            progress=progress,
        )
    typer.echo(f"{memorisation_headline(record)}.")
    typer.echo(f"report: {out / PAGE}")

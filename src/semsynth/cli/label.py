"""``semsynth label``: photos in, label maps out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semsynth.cli.progress import count_bar


def label(
    photos: Annotated[
        list[Path], typer.Argument(metavar="PHOTO...", help="Photos, or folders of them.", show_default=False)
    ],
    segmenter: Annotated[
        str, typer.Option(help="Bundled class set, folder, Hugging Face id, or ESPNet file.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Folder for the label maps; made if missing.", show_default=False)],
    mapping: Annotated[
        str | None,
        typer.Option(help="What the segmenter's outputs mean: a mapping file or the name of a built-in mapping."),
    ] = None,
    confidence: Annotated[
        float, typer.Option(min=0, max=1, help="Pixels that the segmenter is less sure of become void.")
    ] = 0.0,
    long_side: Annotated[
        int | None, typer.Option(min=32, help="The segmenter sees larger photos scaled down to this.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Threads that read photos.")] = 1,
) -> None:
    """Turn photos into label maps.

    Maps are PNG files of class ids, named like the photos. Maps that are there already stay: an interrupted command
    resumes where it stopped.
    """
    from semsynth.data.folder import CLASSES_FILE, save_classes
    from semsynth.evaluation.segmenters.loading import open_segmenter
    from semsynth.evaluation.segmenters.photos import label_photos, list_photos

    files = list_photos(photos, out)
    loaded = open_segmenter(segmenter, mapping, device)
    save_classes(out, loaded.classes)
    with count_bar("labelling") as bar:
        written = label_photos(loaded, files, confidence, long_side, workers, bar)
    typer.echo(f"{written} label maps in {out}, whose {CLASSES_FILE} says what the ids mean")

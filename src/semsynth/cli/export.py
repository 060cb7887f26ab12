"""``semsynth export``: a generator as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from semsynth.errors import SemsynthError


def export(
    model: Annotated[
        str, typer.Argument(help="Model or run folder, bundled name, or Hugging Face id.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(help="The file to make: MODEL.onnx, or MODEL.pt2 for torch.", show_default=False)
    ],
    export_format: Annotated[
        Literal["onnx", "torch"] | None,
        typer.Option("--format", help="ONNX, or an archive of torch.export; default what the file's name says."),
    ] = None,
    dtype: Annotated[
        Literal["fp32", "fp16"], typer.Option(help="Of weights and arithmetic; inputs and outputs stay fp32.")
    ] = "fp32",
    dynamic_size: Annotated[
        bool, typer.Option("--dynamic-size", help="Leave the size and the number of layouts free.")
    ] = False,
    size: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the photos; default the model's own.")
    ] = None,
) -> None:
    """Write a generator as one file that stands alone: label ids in, photos out.

    Weights are folded, and the class set, the encoding, sizes, the model's hash and its card go along. 'semsynth
    synthesize --model FILE' runs it, too.
    """
    from semsynth.cli.synthesize import parse_size

    wanted = None if size is None else parse_size(size)
    if size is not None and dynamic_size:
        raise SemsynthError("--dynamic-size leaves the size free: leave out --size")

    from semsynth.checkpoint import find_model, load_model
    from semsynth.exporting import SUFFIXES, export_model

    named = next((kind for kind, suffix in SUFFIXES.items() if suffix == out.suffix), None)
    chosen = export_format or named
    if chosen is None:
        raise SemsynthError(f"--out {out}: name it MODEL.onnx or MODEL.pt2, or give --format")
    record = export_model(
        load_model(find_model(model)), out, chosen, dtype=dtype, size=wanted, dynamic_size=dynamic_size
    )
    for one in (*record.graph.inputs, record.graph.output):
        typer.echo(f"{one.name}: {one.dtype} [{','.join(map(str, one.shape))}]  {one.about}")
    typer.echo(f"{out} is ready: semsynth synthesize MAP.png --model {out} --out DIR")

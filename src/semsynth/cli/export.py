"""``semsynth export``: a generator as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def export(
    model: Annotated[
        str, typer.Argument(help="Model or run folder, bundled name, or Hugging Face id.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(help="The file to make: MODEL.onnx, or MODEL.pt2 for torch.", show_default=False)
    ],
    export_format: Annotated[
        Literal["onnx", "torch"] | None,
        typer.Option("--format", help="ONNX, or an archive of torch.export (default: by the file's name)."),
    ] = None,
    dtype: Annotated[
        Literal["fp32", "fp16"], typer.Option(help="Weights and arithmetic; inputs and outputs stay fp32.")
    ] = "fp32",
    dynamic_size: Annotated[
        bool, typer.Option("--dynamic-size", help="Leave the size and the number of layouts free.")
    ] = False,
    size: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the photos (default: the model's own).")
    ] = None,
) -> None:
    """Write a generator as one file that stands alone: label ids in, photos out.

    Weights are folded, and the class set, the encoding, sizes, the model's hash and its card go along. 'semsynth
    synthesize --model FILE' runs it, too.
    """
    from semsynth.cli.options import parse_size
    from semsynth.exporting.export import export as run

    wanted = None if size is None else parse_size(size)
    record = run(model, out, export_format, dtype=dtype, size=wanted, dynamic_size=dynamic_size)
    for one in (*record.graph.inputs, record.graph.output):
        typer.echo(f"{one.name}: {one.dtype} [{','.join(map(str, one.shape))}]  {one.about}")
    typer.echo(f"{out} is ready: semsynth synthesize MAP.png --model {out} --out DIR")

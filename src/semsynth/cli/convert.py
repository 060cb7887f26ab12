"""``semsynth convert``: models of other codes as model folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from semsynth.convert.official import ConversionReport

app = typer.Typer(no_args_is_help=True, help="Turn checkpoints of official codes into model folders.")

Checkpoint = Annotated[Path, typer.Argument(metavar="CHECKPOINT.pth", help="A *_net_G.pth.", show_default=False)]
Options = Annotated[Path, typer.Option(help="opt.txt of its training, or the options as JSON.", show_default=False)]
Out = Annotated[Path, typer.Option(help="The model folder to make.", show_default=False)]
Encoder = Annotated[
    Path | None,
    typer.Option(help="*_net_E.pth of a VAE model or of one with features (default: the one beside the generator)."),
]
Classes = Annotated[
    str | None,
    typer.Option(help="classes.json or name of a built-in class set (default: the official dataset's, if they fit)."),
]


@app.callback()
def _systems() -> None:
    """Turn checkpoints of official codes into model folders."""


@app.command()
def spade(checkpoint: Checkpoint, options: Options, out: Out, encoder: Encoder = None, classes: Classes = None) -> None:
    """Convert a generator of the official SPADE code; nothing in the file is run."""
    from semsynth.convert.converting import convert_checkpoint

    _tell(convert_checkpoint("spade", checkpoint, out, options=options, encoder=encoder, classes=classes), out)


@app.command()
def pix2pixhd(
    checkpoint: Checkpoint,
    options: Options,
    out: Out,
    encoder: Encoder = None,
    clusters: Annotated[Path | None, typer.Option(help="features_clustered_010.npy: becomes the style bank.")] = None,
    classes: Classes = None,
) -> None:
    """Convert a generator, feature encoder and styles of the official pix2pixHD code; nothing in them is run."""
    from semsynth.convert.converting import convert_checkpoint

    files = {"options": options, "encoder": encoder, "clusters": clusters}
    _tell(convert_checkpoint("pix2pixhd", checkpoint, out, classes=classes, **files), out)


@app.command()
def oasis(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CHECKPOINT.pth", help="A generator, preferably the EMA checkpoint, *_EMA.pth.", show_default=False
        ),
    ],
    options: Options,
    out: Out,
    classes: Classes = None,
) -> None:
    """Convert a generator of the official OASIS code; nothing in the file is run."""
    from semsynth.convert.converting import convert_checkpoint

    _tell(convert_checkpoint("oasis", checkpoint, out, options=options, classes=classes), out)


@app.command()
def crn(
    weights: Annotated[
        Path,
        typer.Argument(metavar="WEIGHTS.npz", help="Variables of a TensorFlow checkpoint.", show_default=False),
    ],
    out: Out,
    classes: Classes = None,
) -> None:
    """Convert a generator of the official CRN code; nothing in the file is run.

    Where TensorFlow is installed, two lines export a checkpoint:

    reader = tf.train.load_checkpoint("result_256p")

    np.savez("crn.npz", **{name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()})
    """
    from semsynth.convert.converting import convert_checkpoint

    _tell(convert_checkpoint("crn", weights, out, classes=classes), out)


def _tell(report: ConversionReport, out: Path) -> None:
    typer.echo(f"{report.loaded} tensors taken over, none missing")
    if report.counters:
        typer.echo(f"{report.counters} batch counters left out: nothing reads them")
    for name in report.unused:
        typer.echo(f"unused: {name}")
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{out} is ready: semsynth synthesize MAP.png --model {out} --out DIR")

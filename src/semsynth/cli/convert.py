"""``semsynth convert``: models of other codes as model folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.classes import ClassSet
    from semsynth.convert.official import ConversionReport

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
    from semsynth.convert.spade import convert_spade

    _check_unused(out)
    _tell(convert_spade(checkpoint, options, out, _class_set(classes), encoder), out)


@app.command()
def pix2pixhd(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT.pth", help="A *_net_G.pth.", show_default=False)],
    options: Annotated[Path, typer.Option(help="opt.txt of its training, or the options as JSON.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The model folder to make.", show_default=False)],
    encoder: Annotated[
        Path | None,
        typer.Option(help="The *_net_E.pth of a model with features; default the one beside it."),
    ] = None,
    clusters: Annotated[Path | None, typer.Option(help="features_clustered_010.npy: becomes the style bank.")] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="classes.json or name of a built-in class set; default Cityscapes if it fits."),
    ] = None,
) -> None:
    """Convert a generator, feature encoder and styles of the official pix2pixHD code; nothing in them is run."""
    from semsynth.convert.pix2pixhd import convert_pix2pixhd

    _check_unused(out)
    _tell(convert_pix2pixhd(checkpoint, options, out, _class_set(classes), encoder, clusters), out)


@app.command()
def oasis(
    checkpoint: Annotated[
        Path,
        typer.Argument(metavar="CHECKPOINT.pth", help="A generator, best its average *_EMA.pth.", show_default=False),
    ],
    options: Annotated[Path, typer.Option(help="opt.txt of its training, or the options as JSON.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The model folder to make.", show_default=False)],
    classes: Annotated[
        str | None, typer.Option(help="classes.json or name of a built-in class set; default numbers.")
    ] = None,
) -> None:
    """Convert a generator of the official OASIS code; nothing in the file is run."""
    from semsynth.convert.oasis import convert_oasis

    _check_unused(out)
    _tell(convert_oasis(checkpoint, options, out, _class_set(classes)), out)


@app.command()
def crn(
    weights: Annotated[
        Path,
        typer.Argument(metavar="WEIGHTS.npz", help="Variables of a TensorFlow checkpoint.", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="The model folder to make.", show_default=False)],
    classes: Annotated[
        str | None,
        typer.Option(help="classes.json or name of a built-in class set; default Cityscapes' 19 if they fit."),
    ] = None,
) -> None:
    """Convert a generator of the official CRN code; nothing in the file is run.

    Where TensorFlow is installed, two lines export a checkpoint:

    reader = tf.train.load_checkpoint("result_256p")

    np.savez("crn.npz", **{name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()})
    """
    from semsynth.convert.crn import convert_crn

    _check_unused(out)
    _tell(convert_crn(weights, out, _class_set(classes)), out)


def _check_unused(out: Path) -> None:
    from semsynth.checkpoint import is_model_folder

    if is_model_folder(out):
        raise SemsynthError(f"--out {out}: there is a model already: choose another folder")


def _class_set(classes: str | None) -> ClassSet | None:
    from semsynth.classes import ClassSet

    return None if classes is None else ClassSet.open(classes)


def _tell(report: ConversionReport, out: Path) -> None:
    typer.echo(f"{report.loaded} tensors taken over, none missing")
    if report.counters:
        typer.echo(f"{report.counters} batch counters left out: nothing reads them")
    for name in report.unused:
        typer.echo(f"unused: {name}")
    for note in report.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"{out} is ready: semsynth synthesize MAP.png --model {out} --out DIR")

"""``semsynth styles``: fit styles to photos, store noise by name, and list and show the modes of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsynth.cli.options import Device

if TYPE_CHECKING:
    from semsynth.api.styles import ClassModes

_HELP = "Styles of photos (SPADE) and of single objects: features (pix2pixHD) or noise (OASIS)."
app = typer.Typer(no_args_is_help=True, help=_HELP)


@app.callback(help=_HELP)
def _commands() -> None: ...


@app.command()
def fit(
    model: Annotated[Path, typer.Argument(help="Model or run folder with a style encoder.", show_default=False)],
    data: Annotated[
        str,
        typer.Option(
            metavar="DIR|URL", help="Dataset folder or shards, preferably the training data.", show_default=False
        ),
    ],
    split: Annotated[str, typer.Option(help="Split to read.")] = "train",
    modes: Annotated[int, typer.Option(min=1, max=1000, help="Maximum modes per class (K of the k-means).")] = 10,
    device: Device = "auto",
) -> None:
    """Encode the photos, and keep the styles found in the model folder.

    For pix2pixHD, every object is encoded and each class gets modes; for SPADE, every photo is encoded, and from then
    on seeds draw styles that are distributed like theirs.
    """
    from semsynth.api.styles import fit_styles
    from semsynth.cli.progress import count_bar

    with count_bar("encoding") as bar:
        found = fit_styles(model, data, split=split, modes=modes, device=device, progress=bar)
    if found.one_object_per_class:
        typer.echo(f"note: {data}, {split}, has no instance maps, so every class counts as one object", err=True)
    if not found.modes:
        typer.echo(f"seeds draw the styles of {found.about}: {found.model}")
        return
    for one in found.modes:
        typer.echo(f"{one.class_id:5d} {one.class_name}: {one.count} mode{'s' if one.count > 1 else ''}")
    if found.without_modes:
        shown = ", ".join(found.without_modes[:12]) + (", ..." if len(found.without_modes) > 12 else "")
        typer.echo(f"note: in no photo, so without modes (their features are zero): {shown}", err=True)
    typer.echo(f"{found.about}: {found.model}")


@app.command()
def store(
    model: Annotated[Path, typer.Argument(help="Model or run folder of OASIS.", show_default=False)],
    class_name: Annotated[str, typer.Option("--class", help="Class, by name or id.", show_default=False)],
    name: Annotated[str, typer.Option(help="Name of the mode, for example brick.", show_default=False)],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the noise, as for --region-seed.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Replace the mode of this name.")] = False,
) -> None:
    """Keep the noise of a seed in the model folder, as a mode of a class."""
    from semsynth.api.styles import store_mode

    stored = store_mode(model, class_name, name, seed=seed, replace=replace)
    typer.echo(f"{stored.class_name}: mode {stored.names.index(name)} '{name}' is the noise of seed {seed}: {model}")


@app.command("list")
def list_(
    model: Annotated[Path, typer.Argument(help="Model or run folder with modes.", show_default=False)],
) -> None:
    """List the modes of every class."""
    from semsynth.api.styles import list_modes

    for one in list_modes(model):
        typer.echo(f"{one.class_id:5d} {one.class_name}: {_told(one)}")


def _told(one: ClassModes) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(one.names)) or f"0 to {one.count - 1}"


@app.command()
def choices(
    layout: Annotated[Path, typer.Argument(metavar="MAP.png", help="Label map.", show_default=False)],
    object_id: Annotated[
        int, typer.Option("--object", help="Instance id of the object (OASIS: or class id).", show_default=False)
    ],
    model: Annotated[Path, typer.Option(help="Model or run folder with modes.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="Picture to write.", show_default=False)],
    instances: Annotated[Path | None, typer.Option(help="The instance map.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the other objects' styles, or of the other noise.")] = 0,
    size: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the photos (default: that of the map).")
    ] = None,
    device: Device = "auto",
) -> None:
    """Show one object in all the modes of its class on one sheet: the whole photos, and below them the object."""
    import numpy as np

    from semsynth.api.style_sheet import draw_style_sheet
    from semsynth.cli.options import parse_size
    from semsynth.files import make_folder
    from semsynth.images import save_png

    wanted = None if size is None else parse_size(size)
    sheet = draw_style_sheet(model, layout, object_id, instances=instances, seed=seed, size=wanted, device=device)
    if sheet.note is not None:
        typer.echo(f"note: {sheet.note}", err=True)
    make_folder(out.parent)
    save_png(out, np.asarray(sheet.image))
    typer.echo(f"{sheet.modes} modes of object {object_id}: {out}")

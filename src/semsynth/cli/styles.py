"""``semsynth styles``: what seeds draw, and the modes that objects can have, found in photographs or stored by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from PIL import Image

    from semsynth.checkpoint import LoadedModel
    from semsynth.classes import ClassSet
    from semsynth.data.folder import DatasetFolder

app = typer.Typer(
    no_args_is_help=True, help="Styles of photos (SPADE) and of single objects: features (pix2pixHD) or noise (OASIS)."
)


@app.callback()
def _commands() -> None:
    """Styles of photos (SPADE) and of single objects: features (pix2pixHD) or noise (OASIS)."""


@app.command()
def fit(
    model: Annotated[Path, typer.Argument(help="Model or run folder with a style encoder.", show_default=False)],
    data: Annotated[Path, typer.Option(help="Dataset folder; best the one of the training.", show_default=False)],
    split: Annotated[str, typer.Option(help="Which part of it.")] = "train",
    modes: Annotated[
        int, typer.Option(min=1, max=1000, help="Of objects: at most so many per class, K of the k-means.")
    ] = 10,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Encode the photos, and keep the styles found in the model folder.

    Of pix2pixHD every object is encoded and each class gets modes; of SPADE every photo, and from then on seeds draw
    styles that are distributed like theirs.
    """
    from semsynth.checkpoint import find_model, load_model
    from semsynth.data.folder import INSTANCES, DatasetFolder
    from semsynth.models.instance_encoder import InstanceEncoder
    from semsynth.models.style_encoder import StyleEncoder

    folder = find_model(model)
    loaded = load_model(folder)
    encoder = loaded.networks.get("encoder")
    if isinstance(encoder, StyleEncoder):
        samples = DatasetFolder(data, split)
        _check_classes(samples.classes, loaded, data)
        _fit_photos(folder, loaded, samples, f"{data.resolve().name}, {split} split", device)
    elif isinstance(encoder, InstanceEncoder):
        by_labels = loaded.config.objects == "labels"
        instances = not by_labels and (data / split / INSTANCES).is_dir()
        samples = DatasetFolder(data, split, instances=instances)
        _check_classes(samples.classes, loaded, data)
        if not by_labels and not instances:
            typer.echo(f"note: {data / split} has no {INSTANCES}/, so every class counts as one object", err=True)
        _fit_objects(folder, loaded, samples, modes, device)
    else:
        raise SemsynthError(f"{folder} has no style encoder: train spade or pix2pixhd with a preset such as small")


def _fit_photos(folder: Path, loaded: LoadedModel, samples: DatasetFolder, name: str, device: str) -> None:
    from semsynth.checkpoint import save_model
    from semsynth.cli.progress import count_bar
    from semsynth.models.generator import LayoutGenerator
    from semsynth.models.style_encoder import StyleEncoder
    from semsynth.styles.whitening import encode_styles, whiten_styles
    from semsynth.synthesizer import choose_device

    generator, encoder = loaded.networks["generator"], loaded.networks["encoder"]
    assert isinstance(generator, LayoutGenerator)
    assert isinstance(encoder, StyleEncoder)
    with count_bar("encoding") as bar:
        mu, logvar = encode_styles(encoder, samples, device=choose_device(device), progress=bar)
    whiten_styles(generator, encoder.cpu(), mu, logvar)
    about = f"{len(samples)} photographs of {name}"
    save_model(folder, loaded.config, loaded.classes, loaded.networks, loaded.card.model_copy(update={"styles": about}))
    typer.echo(f"seeds draw the styles of {about}: {folder}")


def _fit_objects(folder: Path, loaded: LoadedModel, samples: DatasetFolder, modes: int, device: str) -> None:
    from semsynth.cli.progress import count_bar
    from semsynth.models.instance_encoder import InstanceEncoder
    from semsynth.styles.bank import STYLES
    from semsynth.styles.fitting import fit_styles
    from semsynth.synthesizer import choose_device

    config, encoder = loaded.config, loaded.networks["encoder"]
    assert isinstance(encoder, InstanceEncoder)
    by_labels, device_ = config.objects == "labels", choose_device(device)
    with count_bar("encoding") as bar:
        bank = fit_styles(encoder, samples, config.data, by_labels=by_labels, modes=modes, device=device_, progress=bar)
    bank.save(folder, config.style_weights)
    names = {item.id: item.name for item in loaded.classes.classes}
    for class_id, centres in bank.modes.items():
        typer.echo(f"{class_id:5d} {names[class_id]}: {len(centres)} mode{'s' if len(centres) > 1 else ''}")
    absent = [item.name for item in loaded.classes.classes if item.id not in bank.modes]
    if absent:
        shown = ", ".join(absent[:12]) + (", ..." if len(absent) > 12 else "")
        typer.echo(f"note: in no photo, so without modes (their features are zero): {shown}", err=True)
    typer.echo(f"{bank.about}: {folder / STYLES}")


@app.command()
def store(
    model: Annotated[Path, typer.Argument(help="Model or run folder of OASIS.", show_default=False)],
    class_name: Annotated[str, typer.Option("--class", help="Class, by name or id.", show_default=False)],
    name: Annotated[str, typer.Option(help="What to call the mode, for example brick.", show_default=False)],
    seed: Annotated[int, typer.Option(min=0, help="Its noise: that of --seed or --region-seed.", show_default=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Replace the mode of this name.")] = False,
) -> None:
    """Keep the noise of a seed in the model folder, as a mode of a class."""
    from semsynth.checkpoint import find_model, load_model
    from semsynth.styles.bank import STYLES, StyleBank
    from semsynth.styles.noise import noise_of

    folder = find_model(model)
    loaded = load_model(folder)
    style = loaded.config.generator.style
    if style is None or style.kind != "noise":
        raise SemsynthError(f"{folder} reads no noise for regions: modes are stored for models of OASIS")
    item = next((one for one in loaded.classes.classes if class_name in (one.name, str(one.id))), None)
    if item is None:
        known = ", ".join(one.name for one in loaded.classes.classes[:12])
        raise SemsynthError(f"--class {class_name}: the model has no such class, but {known}")
    weights = loaded.config.style_weights
    bank = StyleBank.load(folder, weights) or StyleBank({}, style.channels)
    if name in bank.names.get(item.id, ()) and not replace:
        raise SemsynthError(f"--name {name}: {item.name} has such a mode: give --replace, or another name")
    bank = bank.with_mode(item.id, noise_of(seed, style.channels), name)
    bank.save(folder, weights)
    number = bank.names[item.id].index(name)
    typer.echo(f"{item.name}: mode {number} '{name}' is the noise of seed {seed}: {folder / STYLES}")


@app.command("list")
def list_(
    model: Annotated[Path, typer.Argument(help="Model or run folder with modes.", show_default=False)],
) -> None:
    """List the modes of every class."""
    from semsynth.checkpoint import find_model, load_model
    from semsynth.styles.bank import StyleBank

    folder = find_model(model)
    loaded = load_model(folder)
    bank = StyleBank.load(folder, loaded.config.style_weights)
    if bank is None:
        raise SemsynthError(
            f"{folder} has no modes: 'semsynth styles fit' finds them in photos (pix2pixHD), "
            "'semsynth styles store' keeps noise (OASIS)"
        )
    for item in loaded.classes.classes:
        if item.id in bank.modes:
            names = bank.names.get(item.id, ())
            told = ", ".join(f"{number} {name}" for number, name in enumerate(names))
            typer.echo(f"{item.id:5d} {item.name}: {told or f'0 to {bank.count(item.id) - 1}'}")


@app.command()
def choices(
    layout: Annotated[Path, typer.Argument(metavar="MAP.png", help="Label map.", show_default=False)],
    object_id: Annotated[
        int, typer.Option("--object", help="Instance id of the object (OASIS: or class id).", show_default=False)
    ],
    model: Annotated[Path, typer.Option(help="Model or run folder with modes.", show_default=False)],
    out: Annotated[Path, typer.Option(help="The picture to write, a PNG.", show_default=False)],
    instances: Annotated[Path | None, typer.Option(help="The instance map.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the other objects' styles, or the noise of the rest.")] = 0,
    size: Annotated[
        str | None, typer.Option(metavar="WIDTHxHEIGHT", help="Size of the photos; default that of the map.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
) -> None:
    """Show one object in all the modes of its class, as one sheet: the whole photos, and below them the object."""
    import numpy as np
    from PIL import Image

    from semsynth.cli.contact_sheet import ContactSheet
    from semsynth.cli.synthesize import parse_size
    from semsynth.files import make_folder
    from semsynth.images import save_png
    from semsynth.layout.instances import surroundings
    from semsynth.synthesizer import load

    synthesizer = load(model, device)
    wanted = None if size is None else parse_size(size)
    opened, note = synthesizer.conditions.fit(
        synthesizer.conditions.open_layout(layout, instances), wanted, source=str(layout)
    )
    if note is not None:
        typer.echo(f"note: {note}", err=True)
    photos = synthesizer.style_choices(opened, object_id, seed)
    box = surroundings(opened, object_id)
    colors = Image.fromarray(opened.colors())
    sheet = ContactSheet(1 + len(photos))
    for part, caption in ((None, layout.stem), (box, f"object {object_id}")):
        sheet.start_row(_enlarged(colors.crop(part)), caption)
        for mode, photo in enumerate(photos):
            sheet.add(_enlarged(photo.crop(part)), f"mode {mode}")
    make_folder(out.parent)
    save_png(out, np.asarray(sheet.draw()))
    typer.echo(f"{len(photos)} modes of object {object_id}: {out}")


def _enlarged(picture: Image.Image) -> Image.Image:
    """At least as large as a cell of the sheet."""
    from PIL import Image

    from semsynth.cli.contact_sheet import CELL

    factor = CELL / max(picture.size)
    if factor <= 1:
        return picture
    width, height = picture.size
    return picture.resize((max(1, round(width * factor)), max(1, round(height * factor))), Image.Resampling.BICUBIC)


def _check_classes(classes: ClassSet, loaded: LoadedModel, data: Path) -> None:
    meanings = [[(item.id, item.name) for item in one.classes] for one in (classes, loaded.classes)]
    if meanings[0] != meanings[1]:
        raise SemsynthError(
            f"{data} is of the class set '{classes.name}', the model of '{loaded.classes.name}': fit it on its own data"
        )

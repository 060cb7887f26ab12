"""A sheet that shows one object in all the modes of its class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from semsynth.layout import Size
from semsynth.layout.instances import surroundings
from semsynth.synthesizer import load
from semsynth.synthesizer.contact_sheet import CELL, ContactSheet


@dataclass(frozen=True, eq=False)
class StyleSheet:
    """The sheet, and what is on it."""

    image: Image.Image
    """A row of whole photos, and below them a row of the object; each begins with the layout's colours."""
    modes: int
    note: str | None
    """What was changed about the layout so that it fits the model; None: nothing."""


def draw_style_sheet(
    model: str | Path,
    layout: Path,
    object_id: int,
    *,
    instances: Path | None = None,
    seed: int = 0,
    size: Size | None = None,
    device: str = "auto",
) -> StyleSheet:
    """Synthesise a layout once for every mode of one object's class.

    Args:
        model: run or model folder of a model with modes.
        layout: the label map.
        object_id: instance id of the object; for models that read noise it may be a class id.
        instances: the instance map.
        seed: draws the other objects' styles, or the noise of the rest.
        size: (height, width) of the photos; by default that of the map.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        SemsynthError: files that cannot be read, no such object, or a class without modes.
    """
    synthesizer = load(model, device)
    reader = synthesizer.conditions
    opened, note = reader.fit(reader.open_layout(layout, instances), size, source=str(layout))
    photos = synthesizer.style_choices(opened, object_id, seed)
    colors = Image.fromarray(opened.colors())
    sheet = ContactSheet(1 + len(photos))
    for part, caption in ((None, layout.stem), (surroundings(opened, object_id), f"object {object_id}")):
        sheet.start_row(_enlarged(colors.crop(part)), caption)
        for mode, photo in enumerate(photos):
            sheet.add(_enlarged(photo.crop(part)), f"mode {mode}")
    return StyleSheet(sheet.draw(), len(photos), note)


def _enlarged(picture: Image.Image) -> Image.Image:
    """At least as large as a cell of the sheet."""
    factor = CELL / max(picture.size)
    if factor <= 1:
        return picture
    width, height = picture.size
    return picture.resize((max(1, round(width * factor)), max(1, round(height * factor))), Image.Resampling.BICUBIC)

"""Label and instance maps as files: PNG <-> `Layout`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.classes import VOID, VOID_8BIT, ClassSet
from semsynth.errors import SemsynthError
from semsynth.images import open_image, read_image_bytes, save_png
from semsynth.layout import Layout

Numbers = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.int32]

_NUMBER_MODES = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")
"""Pillow's modes with one integer per pixel."""

_SHOWN = 8
"""How many unknown colours a message lists."""


def read_layout(path: Path, classes: ClassSet, instances: Path | None = None) -> Layout:
    """Read a label map, and the instance map beside it.

    Label maps are PNG files: 8-bit ids (255 is void), 16-bit ids (65535 is void), palette indices that
    are ids, or RGB in exactly the class set's colours (black is void unless a class is black).

    Args:
        path: the label map.
        classes: what its ids or colours mean.
        instances: the instance map: 8- or 16-bit numbers, 32-bit numbers (TIFF), or RGB as in COCO panoptic.

    Raises:
        SemsynthError: unreadable, JPEG, ids or colours outside the class set, or maps of two sizes;
            one line that names the file.
    """
    layout = layout_from_bytes(read_image_bytes(path), classes, str(path))
    if instances is None:
        return layout
    try:
        return Layout(layout.labels, classes, read_instances(instances))
    except SemsynthError as error:
        raise SemsynthError(f"{instances} beside {path}: {error}") from error


def layout_from_bytes(data: bytes, classes: ClassSet, source: str = "request") -> Layout:
    """Decode a label map as :func:`read_layout` does.

    Args:
        data: a PNG file.
        classes: what its ids or colours mean.
        source: what error messages call it.
    """
    image = open_image(data, source)
    if image.format != "PNG":
        lossy = ": its compression invents ids along every border" if image.format in ("JPEG", "WEBP") else ""
        raise SemsynthError(f"{source} is a {image.format} file{lossy}; export the label map as PNG")
    ids = _stored_numbers(image, data)
    try:
        if ids is None:
            return Layout(_ids_of_colors(_opaque_rgb(image), classes), classes)
        void = VOID_8BIT if ids.dtype == np.uint8 else VOID
        return Layout(np.where(ids == void, np.uint16(VOID), ids).astype(np.uint16), classes)
    except SemsynthError as error:
        raise SemsynthError(f"{source}: {error}") from error


def holds_colors(path: Path) -> bool:
    """Whether the label map at ``path`` is a PNG of colours, not of ids."""
    return read_image_bytes(path)[25:26] in (b"\x02", b"\x04", b"\x06")  # IHDR's colour type: RGB, grey + alpha, RGBA


def read_instances(path: Path) -> NDArray[np.int32]:
    """Read an instance map as [H,W] int32.

    Raises:
        SemsynthError: unreadable or JPEG.
    """
    return instances_from_bytes(read_image_bytes(path), str(path))


def instances_from_bytes(data: bytes, source: str = "request") -> NDArray[np.int32]:
    """Decode an instance map as :func:`read_instances` does; ``source`` is what error messages call it."""
    image = open_image(data, source)
    if image.format not in ("PNG", "TIFF"):
        raise SemsynthError(f"{source} is a {image.format} file: export the instance map as PNG, 8 or 16 bit")
    numbers = _stored_numbers(image, data)
    if numbers is None:
        red, green, blue = np.moveaxis(_opaque_rgb(image).astype(np.int32), 2, 0)
        return np.asarray(red + 256 * green + 65536 * blue, np.int32)
    return numbers.astype(np.int32)


def write_layout(path: Path, layout: Layout) -> None:
    """Write the labels as PNG, atomically, as :func:`stored_labels` gives them."""
    save_png(path, stored_labels(layout))


def stored_labels(layout: Layout) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The labels [H,W] as files hold them: 8 bit if the class set's ids fit (void 255), else 16 bit (void 65535)."""
    if layout.classes.fits_8bit:
        return np.where(layout.labels == VOID, VOID_8BIT, layout.labels).astype(np.uint8)
    return layout.labels


def write_instances(path: Path, layout: Layout) -> None:
    """Write the instances as 16-bit PNG, atomically.

    Raises:
        SemsynthError: the layout has no instances, or numbers that 16 bits cannot hold.
    """
    try:
        stored = stored_instances(layout)
    except SemsynthError as error:
        raise SemsynthError(f"cannot write {path}: {error}") from error
    save_png(path, stored)


def stored_instances(layout: Layout) -> NDArray[np.uint16]:
    """The instances [H,W] as 16-bit files hold them.

    Raises:
        SemsynthError: the layout has no instances, or numbers that 16 bits cannot hold.
    """
    if layout.instances is None:
        raise SemsynthError("the layout has no instances")
    low, high = int(layout.instances.min()), int(layout.instances.max())
    if low < 0 or high > 65535:
        raise SemsynthError(f"instance numbers {low}..{high} do not fit 0..65535; renumber them")
    return layout.instances.astype(np.uint16)


def _stored_numbers(image: Image.Image, data: bytes) -> Numbers | None:
    """[H,W] numbers as the file holds them; None for colours."""
    if image.mode not in _NUMBER_MODES:
        return None
    numbers = np.asarray(image)
    if image.mode == "1":
        return numbers.astype(np.uint8)
    if image.mode == "L" and image.format == "PNG":
        depth = data[24]  # of IHDR: Pillow stretches grey values of 2 and 4 bits to 0..255
        return numbers // np.uint8(255 // (2**depth - 1)) if depth < 8 else numbers
    if image.mode == "I" and image.format == "PNG":
        return numbers.astype(np.uint16)  # what older Pillow versions make of 16 bits
    return numbers


def _opaque_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """[H,W,3] uint8.

    Raises:
        SemsynthError: some pixels are transparent.
    """
    if image.mode in ("RGBA", "LA"):
        clear = int((np.asarray(image)[..., -1] < 255).sum())
        if clear:
            raise SemsynthError(f"{clear} pixels are transparent or partly so: export it without an alpha channel")
    return np.asarray(image.convert("RGB"))


def _ids_of_colors(colors: NDArray[np.uint8], classes: ClassSet) -> NDArray[np.uint16]:
    """[H,W,3] uint8 -> [H,W] uint16 ids by exact match."""
    names: dict[int, list[str]] = {}
    for item in classes.classes:
        names.setdefault(int(_packed(np.array(item.color))), []).append(item.name)
    shared = [f"{_hex(color)} ({', '.join(users)})" for color, users in names.items() if len(users) > 1]
    if shared:
        raise SemsynthError(
            f"this is a colour map, but classes of '{classes.name}' share a colour: {'; '.join(shared)}; "
            "give a map of ids, or a class set with one colour each"
        )
    meaning = {color: int(item.id) for color, item in zip(names, classes.classes, strict=True)}
    meaning.setdefault(0, VOID)
    known = np.array(sorted(meaning))
    ids = np.array([meaning[color] for color in known.tolist()], np.uint16)
    packed = _packed(colors)
    nearest = np.searchsorted(known, packed).clip(max=len(known) - 1)
    unknown = packed[known[nearest] != packed]
    if unknown.size:
        values, counts = np.unique(unknown, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:_SHOWN]
        listed = ", ".join(f"{_hex(values[i])} ({counts[i]} pixels)" for i in order)
        more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
        raise SemsynthError(
            f"{unknown.size} pixels of {len(values)} colours outside the class set '{classes.name}': {listed}{more}; "
            "export it without anti-aliasing, in the set's colours"
        )
    found: NDArray[np.uint16] = ids[nearest]
    return found


def _packed(colors: NDArray[np.integer]) -> NDArray[np.int64]:
    """[...,3] RGB -> [...] int64, 0xRRGGBB."""
    red, green, blue = np.moveaxis(colors.astype(np.int64), -1, 0)
    return np.asarray(red << 16 | green << 8 | blue)


def _hex(color: int) -> str:
    return f"#{color:06x}"

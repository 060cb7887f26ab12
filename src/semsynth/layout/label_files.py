"""Label and instance maps as files and pixels: PNG <-> arrays of ids.

This is the reader and writer behind :class:`semsynth.layout.Layout`; few others need the bare arrays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semsynth.classes import VOID, VOID_8BIT, ClassSet
from semsynth.errors import SemsynthError
from semsynth.images import STRIP_PIXELS, open_image, read_image_bytes, strips

Numbers = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.int32]

_NUMBER_MODES = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")
"""Pillow's modes with one integer per pixel."""
_COLOR_MODES = ("RGB", "RGBA", "LA")

_SHOWN = 8
"""How many unknown colours a message lists."""


def decode_labels(data: bytes, classes: ClassSet, source: str) -> NDArray[np.uint16]:
    """Decode a label map.

    Args:
        data: a PNG file of 8-bit ids (255 is void), 16-bit ids (65535 is void), palette indices that are ids, or RGB in
            exactly the class set's colours (black is void unless a class is black).
        classes: what colours mean.
        source: what error messages call the file.

    Returns:
        [H,W] ids, ``VOID`` where there is no class. Whether the class set has the ids is not checked.

    Raises:
        SemsynthError: unreadable, not PNG, transparent pixels, or colours outside the class set.
    """
    image = open_image(data, source)
    if image.format != "PNG":
        lossy = ": its compression invents ids along every border" if image.format in ("JPEG", "WEBP") else ""
        raise SemsynthError(f"{source} is a {image.format} file{lossy}; export the label map as PNG")
    try:
        if image.mode not in _NUMBER_MODES:
            return _ids_of_colors(_opaque_rgb(image), (image.height, image.width), classes)
        labels = np.empty((image.height, image.width), np.uint16)
        for rows, numbers in _stored_numbers(image, data):
            labels[rows] = _ids_of_numbers(numbers)
        return labels
    except SemsynthError as error:
        raise SemsynthError(f"{source}: {error}") from error


def labels_of_pixels(pixels: Image.Image | NDArray[np.integer], classes: ClassSet) -> NDArray[np.uint16]:
    """Ids of a label map's pixels, which mean what they mean in files (:func:`decode_labels`).

    Args:
        pixels: a picture, or [H,W] integers, or [H,W,3] uint8 colours.
        classes: what colours mean.

    Returns:
        [H,W] ids, ``VOID`` where there is no class. Whether the class set has the ids is not checked.

    Raises:
        SemsynthError: neither ids nor colours, numbers outside 0..65535, or colours outside the class set.
    """
    if isinstance(pixels, Image.Image):
        if pixels.mode in _NUMBER_MODES:
            array = np.asarray(pixels)
            return _ids_of_numbers(array.astype(np.uint8) if pixels.mode == "1" else array)
        if pixels.mode in _COLOR_MODES:
            return _ids_of_colors(_opaque_rgb(pixels), (pixels.height, pixels.width), classes)
        raise SemsynthError(f"a picture of mode {pixels.mode} is not a label map: use mode L, P, I, I;16 or RGB")
    if pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3:
        return _ids_of_colors(_array_strips(pixels.astype(np.uint8, copy=False)), pixels.shape[:2], classes)
    return _ids_of_numbers(pixels)


def holds_colors(path: Path) -> bool:
    """Whether the label map at ``path`` is a PNG of colours, not of ids."""
    return read_image_bytes(path)[25:26] in (b"\x02", b"\x04", b"\x06")  # IHDR's colour type: RGB, grey + alpha, RGBA


def read_instances(path: Path) -> NDArray[np.int32]:
    """Read an instance map, as [H,W]; see :func:`decode_instances`."""
    return decode_instances(read_image_bytes(path), str(path))


def decode_instances(data: bytes, source: str) -> NDArray[np.int32]:
    """Decode an instance map.

    Args:
        data: a file of 8- or 16-bit numbers, of 32-bit numbers (TIFF), or of RGB as in COCO panoptic (red + 256 green
            + 65536 blue).
        source: what error messages call the file.

    Returns:
        [H,W] numbers of objects.

    Raises:
        SemsynthError: unreadable, or neither PNG nor TIFF.
    """
    image = open_image(data, source)
    if image.format not in ("PNG", "TIFF"):
        raise SemsynthError(f"{source} is a {image.format} file: export the instance map as PNG, 8 or 16 bit")
    instances = np.empty((image.height, image.width), np.int32)
    if image.mode in _NUMBER_MODES:
        for rows, numbers in _stored_numbers(image, data):
            instances[rows] = numbers
    else:
        for rows, colors in _opaque_rgb(image):
            instances[rows] = _packed(colors[..., ::-1])
    return instances


def stored_labels(labels: NDArray[np.uint16], classes: ClassSet) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Labels [H,W] as files hold them: 8 bit if the class set's ids fit (void 255), else 16 bit (void 65535)."""
    if classes.fits_8bit:
        return np.where(labels == VOID, VOID_8BIT, labels).astype(np.uint8)
    return labels


def stored_instances(instances: NDArray[np.int32]) -> NDArray[np.uint16]:
    """Instances [H,W] as 16-bit files hold them.

    Raises:
        SemsynthError: numbers that 16 bits cannot hold.
    """
    low, high = int(instances.min()), int(instances.max())
    if low < 0 or high > 65535:
        raise SemsynthError(f"instance numbers {low}..{high} do not fit 0..65535; renumber them")
    return instances.astype(np.uint16)


def _ids_of_numbers(numbers: NDArray[np.integer]) -> NDArray[np.uint16]:
    """Ids with ``VOID`` where 8-bit numbers say 255.

    Raises:
        SemsynthError: not integers from 0 to 65535.
    """
    if numbers.dtype.kind not in "iu" or (numbers.size and not 0 <= numbers.min() <= numbers.max() <= VOID):
        found = f"{numbers.dtype} {list(numbers.shape)}"
        raise SemsynthError(f"a label map holds integers from 0 to {VOID}: got {found}")
    if numbers.dtype == np.uint8:
        return np.where(numbers == VOID_8BIT, np.uint16(VOID), numbers).astype(np.uint16)
    return numbers.astype(np.uint16)


def _stored_numbers(image: Image.Image, data: bytes) -> Iterator[tuple[slice, Numbers]]:
    """[h,W] numbers of strips, as the file ``data`` holds them, of a mode in ``_NUMBER_MODES``."""
    # Pillow stretches grey values of 2 and 4 bits to 0..255.
    depth = data[24] if image.mode == "L" and image.format == "PNG" else 8  # of IHDR
    for rows, strip in strips(image):
        numbers = np.asarray(strip)
        if image.mode == "1":
            numbers = numbers.astype(np.uint8)
        elif depth < 8:
            numbers = numbers // np.uint8(255 // (2**depth - 1))
        elif image.mode == "I" and image.format == "PNG":
            numbers = numbers.astype(np.uint16)  # what older Pillow versions make of 16 bits
        yield rows, numbers


def _opaque_rgb(image: Image.Image) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """[h,W,3] uint8 of strips.

    Raises:
        SemsynthError: some pixels are transparent.
    """
    if image.mode in ("RGBA", "LA"):
        clear = image.width * image.height - image.getchannel("A").histogram()[255]
        if clear:
            raise SemsynthError(f"{clear} pixels are transparent or partly so: export it without an alpha channel")
    return ((rows, np.asarray(strip.convert("RGB"))) for rows, strip in strips(image))


def _array_strips(colors: NDArray[np.uint8]) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """[H,W,3] in strips as :func:`semsynth.images.strips` makes them of pictures."""
    step = max(1, STRIP_PIXELS // max(1, colors.shape[1]))
    for top in range(0, len(colors), step):
        yield slice(top, top + step), colors[top : top + step]


def _ids_of_colors(
    colors: Iterable[tuple[slice, NDArray[np.uint8]]], size: tuple[int, int], classes: ClassSet
) -> NDArray[np.uint16]:
    """Strips of [h,W,3] uint8 -> [H,W] uint16 ids by exact match; ``size`` is (height, width)."""
    meaning = _meaning_of_colors(classes)
    known = np.array(sorted(meaning), np.int32)
    ids = np.array([meaning[color] for color in known.tolist()], np.uint16)
    labels = np.empty(size, np.uint16)
    unknown: NDArray[np.int32] | None = None  # [2^24] pixels of every colour
    for rows, strip in colors:
        packed = _packed(strip)
        nearest = np.searchsorted(known, packed).clip(max=len(known) - 1)
        labels[rows] = ids[nearest]
        other = packed[known[nearest] != packed]
        if other.size:
            unknown = np.zeros(2**24, np.int32) if unknown is None else unknown
            values, counts = np.unique(other, return_counts=True)
            unknown[values] += counts.astype(np.int32)
    if unknown is not None:
        raise _unknown_colors(unknown, classes)
    return labels


def _meaning_of_colors(classes: ClassSet) -> dict[int, int]:
    """0xRRGGBB -> id."""
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
    return meaning


def _unknown_colors(pixels: NDArray[np.int32], classes: ClassSet) -> SemsynthError:
    """What to say of colours that no class has: [2^24] pixels of every colour."""
    values = np.flatnonzero(pixels)
    counts = pixels[values]
    order = np.argsort(-counts, kind="stable")[:_SHOWN]
    listed = ", ".join(f"{_hex(values[i])} ({counts[i]} pixels)" for i in order)
    more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return SemsynthError(
        f"{counts.sum()} pixels of {len(values)} colours outside the class set '{classes.name}': {listed}{more}; "
        "export it without anti-aliasing, in the set's colours"
    )


def _packed(colors: NDArray[np.integer]) -> NDArray[np.int32]:
    """[...,3] RGB -> [...] int32, 0xRRGGBB."""
    red, green, blue = np.moveaxis(colors.astype(np.int32), -1, 0)
    return np.asarray(red << 16 | green << 8 | blue, np.int32)


def _hex(color: int) -> str:
    return f"#{color:06x}"

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
from semsynth.errors import SemsynthError, errors_of
from semsynth.files import opened
from semsynth.images import (
    STRIP_PIXELS,
    bits_per_channel,
    open_image,
    read_image_bytes,
    rgb_strips,
    stored_orientation,
    strips,
)
from semsynth.layout.arrays import Pixels, as_array, described
from semsynth.layout.contradictions import check_palette, unknown_colors
from semsynth.layout.formats import check_lossless
from semsynth.layout.legend import Legend

Numbers = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.int32]
ColorStrips = Iterable[tuple[slice, NDArray[np.uint8]]]

_NUMBER_MODES = ("1", "L", "LA", "P", "I", "I;16", "I;16B", "I;16L")
"""Pillow's modes with one integer per pixel."""
_COLOR_MODES = ("RGB", "RGBA")


def decode_labels(data: bytes, legend: Legend, source: str) -> NDArray[np.uint16]:
    """Decode a label map.

    Args:
        data: a PNG, BMP, TIFF or lossless WebP file of 8-bit ids (255 is void), 16-bit ids (65535 is void), palette
            indices that are ids, or RGB in exactly the class set's colours (black is void unless a class is black).
        legend: what ids and colours mean.
        source: what error messages call the file.

    Returns:
        [H,W] ids, ``VOID`` where there is no class. Whether the class set has the ids is not checked.

    Raises:
        SemsynthError: unreadable, of a format that loses numbers (:func:`check_lossless`), transparent pixels, colours
            outside the class set, or a file that contradicts what it should hold.
    """
    image = open_image(data, source)
    with errors_of(source):
        check_lossless(image, data, "label map")
        _check_map(image, data, "label map")
        return _labels(image, data, legend)


def decode_numbers(data: bytes, legend: Legend, source: str) -> NDArray[np.integer]:
    """The numbers [H,W] of a label map of ids as they are, for those that have a meaning of their own.

    Args:
        data: a file of grey values or palette indices.
        legend: what its palette is compared with.
        source: what error messages call the file.

    Raises:
        SemsynthError: unreadable, of colours, or with a palette that contradicts its indices.
    """
    image = open_image(data, source)
    with errors_of(source):
        check_lossless(image, data, "label map")
        if image.mode not in _NUMBER_MODES:
            raise SemsynthError("it holds colours, not ids")
        _check_map(image, data, "label map")
        numbers = np.concatenate([strip for _, strip in _stored_numbers(image, data)])
        if image.mode == "P":
            check_palette(image, np.bincount(numbers.ravel(), minlength=256), legend)
    return numbers


_ACCEPTED = (
    f"a label map is a picture, [H,W] integers from 0 to {VOID} or [H,W,3] uint8 colours (array, tensor or lists)"
)


def labels_of_pixels(pixels: Image.Image | Pixels, legend: Legend) -> NDArray[np.uint16]:
    """Ids of a label map's pixels, which mean what they mean in files (:func:`decode_labels`).

    Args:
        pixels: a picture, or [H,W] integers, or [H,W,3] uint8 colours.
        legend: what numbers and colours mean.

    Returns:
        [H,W] ids, ``VOID`` where there is no class. Whether the class set has the ids is not checked.

    Raises:
        SemsynthError: neither ids nor colours, numbers outside 0..65535, or colours outside the class set.
    """
    if isinstance(pixels, Image.Image):
        if pixels.mode not in (*_NUMBER_MODES, *_COLOR_MODES):
            raise SemsynthError(f"a picture of mode {pixels.mode} is not a label map: use mode L, P, I, I;16 or RGB")
        _check_map(pixels, b"", "label map")
        return _labels(pixels, b"", legend)
    array = as_array(pixels, _ACCEPTED)
    if array.dtype == np.uint8 and array.ndim == 3 and array.shape[2] == 3:
        height, width, _ = array.shape
        return _ids_of_colors(_array_strips(array), np.empty((height, width), np.uint16), legend)
    if array.ndim != 2:
        raise SemsynthError(f"{_ACCEPTED}: got {described(pixels)}")
    return _ids_of_numbers(array.astype(np.uint8) if array.dtype == np.bool_ else array, legend)


def is_png(path: Path) -> bool:
    """Whether the file at ``path`` is a PNG, whatever its name."""
    with opened(path) as file:
        return file.read(4) == b"\x89PNG"


def holds_colors(path: Path) -> bool:
    """Whether the label map at ``path`` is a PNG of colours, not of ids."""
    return is_png(path) and read_image_bytes(path)[25:26] in (b"\x02", b"\x06")  # IHDR's colour type: RGB, RGBA


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
        SemsynthError: unreadable, of a format that loses numbers, 16 bits per channel, or transparent pixels.
    """
    image = open_image(data, source)
    with errors_of(source):
        check_lossless(image, data, "instance map")
        _check_map(image, data, "instance map")
    instances = np.empty((image.height, image.width), np.int32)
    if image.mode in _NUMBER_MODES:
        for rows, numbers in _stored_numbers(image, data):
            instances[rows] = numbers
    else:
        for rows, colors in rgb_strips(image, source):
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


def _check_map(image: Image.Image, data: bytes, kind: str) -> None:
    """Refuse what makes a map mean something else than it seems to.

    Raises:
        SemsynthError: 16 bits in several channels, of which only the upper 8 would be read; transparent pixels; or an
            orientation, which the map's photograph may not have.
    """
    several = image.mode in (*_COLOR_MODES, "LA")
    if several and data and bits_per_channel(image, data) > 8:
        raise SemsynthError(
            f"it has 16 bits per channel: export the channel that holds the numbers as a {kind} of one channel, grey "
            "of 8 or 16 bits"
        )
    if image.mode in ("RGBA", "LA"):
        clear = image.width * image.height - image.getchannel("A").histogram()[255]
        if clear:
            raise SemsynthError(f"{clear} pixels are transparent or partly so: export it without an alpha channel")
    turned = stored_orientation(image)
    if turned != 1:
        raise SemsynthError(
            f"it is a {kind} with EXIF orientation {turned}, which programs apply or ignore: turn the pixels, and "
            "export it without EXIF"
        )


def _labels(image: Image.Image, data: bytes, legend: Legend) -> NDArray[np.uint16]:
    """[H,W] ids of a decoded picture."""
    labels = np.empty((image.height, image.width), np.uint16)
    if image.mode not in _NUMBER_MODES and (legend.holds == "ids" or _is_grey_webp(image, legend)):
        for rows, grey in _equal_channels(image):
            labels[rows] = _ids_of_numbers(grey, legend)
    elif image.mode not in _NUMBER_MODES or legend.holds == "colors":
        _ids_of_colors(rgb_strips(image, "it"), labels, legend)
    else:
        used = np.zeros(256, np.int64)  # pixels of every index
        for rows, numbers in _stored_numbers(image, data):
            labels[rows] = _ids_of_numbers(numbers, legend)
            if image.mode == "P":
                used += np.bincount(numbers.ravel(), minlength=256)
        if image.mode == "P" and legend.holds is None:
            check_palette(image, used, legend)
    return labels


def _is_grey_webp(image: Image.Image, legend: Legend) -> bool:
    """Whether these are ids in the form that WebP has for grey: three equal channels, no colours of other classes."""
    if image.format != "WEBP" or legend.holds is not None:
        return False
    used = np.zeros(256, np.bool_)
    for _, strip in rgb_strips(image, "it"):
        if (strip[..., :1] != strip).any():
            return False
        used[np.unique(strip[..., 0])] = True
    greys = np.flatnonzero(used).tolist()
    owners = legend.colors_of_classes
    ids = {int(one) for one in legend.table_8bit[greys]}
    return ids <= {*legend.classes.ids.tolist(), VOID} and all(
        owners.get(grey * 0x010101, [int(legend.table_8bit[grey])]) == [int(legend.table_8bit[grey])] for grey in greys
    )


def _ids_of_numbers(numbers: NDArray[np.integer], legend: Legend) -> NDArray[np.uint16]:
    """Ids with ``VOID`` where 8-bit numbers say 255.

    Raises:
        SemsynthError: not integers from 0 to 65535, or 255 could be void and a class.
    """
    if numbers.dtype.kind not in "iu" or (numbers.size and not 0 <= numbers.min() <= numbers.max() <= VOID):
        values = f" of {numbers.min()} to {numbers.max()}" if numbers.size else ""
        raise SemsynthError(f"{_ACCEPTED}: got {described(numbers)}{values}")
    if numbers.dtype != np.uint8:
        return np.asarray(legend.table[numbers])
    if legend.disputes_255 and (count := int(np.count_nonzero(numbers == VOID_8BIT))):
        raise SemsynthError(
            f"{count} pixels are 255, which is no class in maps of 8 bits, and {legend.name(VOID_8BIT)} of "
            f"'{legend.classes.name}': store the map in 16 bits, or say which it is on import, with `semsynth "
            f"data import folder --map {VOID_8BIT}:{VOID_8BIT}` or `--map {VOID_8BIT}:void`"
        )
    return np.asarray(legend.table_8bit[numbers])


def _stored_numbers(image: Image.Image, data: bytes) -> Iterator[tuple[slice, Numbers]]:
    """[h,W] numbers of strips, as the file ``data`` holds them, of a mode in ``_NUMBER_MODES``."""
    # Pillow stretches grey values of 2 and 4 bits to 0..255.
    depth = bits_per_channel(image, data) if image.mode == "L" and data else 8
    for rows, strip in strips(image):
        numbers = np.asarray(strip.getchannel("L") if image.mode == "LA" else strip)
        if image.mode == "1":
            numbers = numbers.astype(np.uint8)
        elif depth < 8:
            numbers = numbers // np.uint8(255 // (2**depth - 1))
        elif image.mode == "I" and image.format == "PNG":
            numbers = numbers.astype(np.uint16)  # what older Pillow versions make of 16 bits
        yield rows, numbers


def _equal_channels(image: Image.Image) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """[h,W] of strips of an RGB picture whose channels are equal.

    Raises:
        SemsynthError: they differ.
    """
    for rows, strip in rgb_strips(image, "it"):
        different = int((strip[..., :1] != strip).any(2).sum())
        if different:
            raise SemsynthError(f"ids in three channels are three equal numbers, and {different} pixels have colours")
        yield rows, strip[..., 0]


def _array_strips(colors: NDArray[np.uint8]) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """[H,W,3] in strips as :func:`semsynth.images.strips` makes them of pictures."""
    step = max(1, STRIP_PIXELS // max(1, colors.shape[1]))
    for top in range(0, len(colors), step):
        yield slice(top, top + step), colors[top : top + step]


def _ids_of_colors(colors: ColorStrips, labels: NDArray[np.uint16], legend: Legend) -> NDArray[np.uint16]:
    """Strips of [h,W,3] uint8 become ids by exact match, in ``labels``, [H,W]."""
    meaning = legend.meaning_of_colors
    known = np.array(sorted(meaning), np.int32)
    ids = np.array([meaning[color] for color in known.tolist()], np.uint16)
    unknown: NDArray[np.int32] | None = None  # [2^24] pixels of every colour
    grey = True
    for rows, strip in colors:
        packed = _packed(strip)
        nearest = np.searchsorted(known, packed).clip(max=len(known) - 1)
        labels[rows] = ids[nearest]
        other = packed[known[nearest] != packed]
        grey = grey and bool((packed == strip[..., 0] * np.int32(0x010101)).all())
        if other.size:
            unknown = np.zeros(2**24, np.int32) if unknown is None else unknown
            values, counts = np.unique(other, return_counts=True)
            unknown[values] += counts.astype(np.int32)
    if unknown is not None:
        raise unknown_colors(unknown, grey, legend)
    return labels


def _packed(colors: NDArray[np.integer]) -> NDArray[np.int32]:
    """[...,3] RGB -> [...] int32, 0xRRGGBB."""
    red, green, blue = np.moveaxis(colors.astype(np.int32), -1, 0)
    return np.asarray(red << 16 | green << 8 | blue, np.int32)

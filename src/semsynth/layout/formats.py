"""Which picture formats hold label and instance maps: those whose numbers come out as they went in."""

from __future__ import annotations

import warnings
from io import BytesIO

from PIL import Image

from semsynth.errors import SemsynthError
from semsynth.images import DAMAGE

_LOSSY_TIFF = ("jpeg", "tiff_jpeg", "webp", "jpeg2000", "old-jpeg")
"""Compressions of TIFF, as Pillow calls them, that change numbers."""
_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
"""Tags of TIFF (TIFF 6.0, section 8), and a value of the second."""


def check_lossless(image: Image.Image, data: bytes, kind: str) -> None:
    """Refuse a map of a format that changes numbers, or whose numbers Pillow does not give as they are.

    Args:
        image: decoded from ``data``.
        data: the file.
        kind: ``label map`` or ``instance map``, for messages.

    Raises:
        SemsynthError: neither PNG, BMP, TIFF nor lossless WebP; or a form of these that cannot be read exactly.
    """
    export = f"export the {kind} as PNG"
    lossy = f"file: its compression invents numbers along every border; {export}"
    if image.format == "JPEG":
        raise SemsynthError(f"it is a JPEG {lossy}")
    if image.format == "WEBP" and not _is_lossless_webp(data):
        raise SemsynthError(f"it is a lossy WebP {lossy}, or as lossless WebP")
    if image.format == "TIFF":
        if image.info.get("compression") in _LOSSY_TIFF:
            raise SemsynthError(f"it is a TIFF {image.info['compression']} {lossy}, or with LZW")
        tags = image.tag_v2  # type: ignore[attr-defined] # of Pillow's TiffImageFile
        grey, narrow = image.mode in ("1", "L", "I;16"), tags.get(_BITS) in (2, 4, (2,), (4,))
        if grey and (narrow or tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO):
            raise SemsynthError(f"it is a TIFF file of 2 or 4 bits, or one where 0 is white; {export}")
    elif image.format not in ("PNG", "BMP", "WEBP"):
        raise SemsynthError(f"it is a {image.format} file, whose numbers may be scaled when it is read; {export}")
    if image.format in ("TIFF", "WEBP") and _holds_several(data):
        raise SemsynthError(f"it holds several pictures: {export}, one picture in each")


def _holds_several(data: bytes) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(data), formats=("TIFF", "WEBP")) as again:
            again.seek(1)  # of its own: the first one would lose its pixels
    except DAMAGE:
        return False
    return True


def _is_lossless_webp(data: bytes) -> bool:
    """Whether the picture's chunk is VP8L (WebP container specification, "Extended File Format")."""
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name in (b"VP8L", b"VP8 "):
            return name == b"VP8L"
        at += 8 + size + size % 2
    return False

"""Photos and label maps as bytes of an answer."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from io import BytesIO
from typing import Literal

from PIL import Image

from semsynth.errors import SemsynthError
from semsynth.layout import pixels

PictureFormat = Literal["webp", "png"]
MEDIA_TYPES: dict[PictureFormat, str] = {"webp": "image/webp", "png": "image/png"}
_QUALITY = 90
"""Of WebP: no difference is seen at the size of the photos that the models make."""
_WEBP_SIDE = 16383
"""The format's limit."""


def encode(picture: Image.Image, kind: PictureFormat) -> bytes:
    """Bytes of a picture, quickly: a person is waiting (256x256: WebP 2 ms, PNG 10 ms, Pillow's default PNG 60 ms).

    Raises:
        SemsynthError: a side too long for WebP.
    """
    buffer = BytesIO()
    if kind == "png":
        picture.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()
    if max(picture.size) > _WEBP_SIDE:
        size = pixels((picture.height, picture.width))
        raise SemsynthError(f"a picture of {size} is too large for WebP: ask for png, or for fewer photos")
    picture.save(buffer, "WEBP", quality=_QUALITY, method=0)
    return buffer.getvalue()


def grid(count: int) -> tuple[int, int]:
    """(rows, columns) of a sheet of ``count`` photos, about square."""
    columns = math.ceil(math.sqrt(count))
    return -(-count // columns), columns


def draw_sheet(photos: Sequence[Image.Image]) -> Image.Image:
    """Photos of one size side by side, row by row, without gaps; see :func:`grid`."""
    rows, columns = grid(len(photos))
    width, height = photos[0].size
    sheet = Image.new("RGB", (columns * width, rows * height))
    for index, photo in enumerate(photos):
        sheet.paste(photo, (index % columns * width, index // columns * height))
    return sheet


def pack_zip(photos: Sequence[Image.Image], kind: PictureFormat) -> bytes:
    """An archive of ``0.webp``, ``1.webp``, ..."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:  # stored: pictures are compressed already
        for index, photo in enumerate(photos):
            archive.writestr(f"{index}.{kind}", encode(photo, kind))
    return buffer.getvalue()

"""Pictures in and out: decoding under limits, and the one place where uint8 HWC becomes float NCHW in [-1,1]."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from semsynth.errors import SemsynthError, shortened
from semsynth.files import read_bytes, write_bytes

if TYPE_CHECKING:
    from torch import Tensor

MAX_PIXELS = 8192 * 8192
"""Larger pictures are refused before anything is decoded: a small file can unpack to all of the memory."""
MAX_SIDE = 65_535
"""Pixels along one side: decoders keep whole rows, whatever the number of pixels."""
MAX_BYTES = 2**29
"""Of a picture file as received: more than ``MAX_PIXELS`` take uncompressed, at 16 bits and three channels."""
STRIP_PIXELS = 2**20
"""How many pixels of a decoded picture are processed at a time."""

PICTURE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
PICTURE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
"""How names of such files end, in lower case."""

_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    RecursionError,
    MemoryError,
    struct.error,
)
"""What Pillow's decoders raise on damaged data; a MemoryError is their word for impossible sizes, too."""


def read_image_bytes(path: Path) -> bytes:
    """The bytes of the file at ``path``.

    Raises:
        SemsynthError: as :func:`semsynth.files.read_bytes`, with a budget of ``MAX_BYTES``.
    """
    return read_bytes(path, MAX_BYTES)


def open_image(data: bytes, source: str) -> Image.Image:
    """Decode ``data``; the mode stays as stored.

    Args:
        data: a file in one of ``PICTURE_FORMATS``.
        source: what error messages call it, for example the path.

    Raises:
        SemsynthError: empty, truncated, no picture at all, more than ``MAX_PIXELS`` pixels, or a side above
            ``MAX_SIDE``.
    """
    if not data:
        raise SemsynthError(f"{source} is empty: restore the file or remove it")
    too_large = f"has more than {MAX_PIXELS:,} pixels, the limit against decompression bombs: scale it down"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on damaged metadata, and on sizes above the limit here
            image = Image.open(BytesIO(data), formats=PICTURE_FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise SemsynthError(f"{source} is {image.width}x{image.height}: it {too_large}")
            if max(image.size) > MAX_SIDE:
                raise SemsynthError(f"{source} is {image.width}x{image.height}: sides have {MAX_SIDE:,} pixels at most")
            image.load()
    except Image.DecompressionBombError as error:
        raise SemsynthError(f"{source} {too_large}") from error
    except UnidentifiedImageError as error:
        known = ", ".join(PICTURE_FORMATS)
        raise SemsynthError(f"{source} is not a picture, or damaged at its start: expected {known}") from error
    except _DAMAGE as error:
        raise SemsynthError(f"{source} is truncated or damaged ({_reason(error)}): restore the file") from error
    return image


def strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """A decoded picture in strips of at most ``STRIP_PIXELS`` pixels, or one row, so that working copies stay small.

    Yields:
        The rows, and the picture of them alone.
    """
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        yield slice(top, bottom), image.crop((0, top, image.width, bottom))


def to_rgb(image: Image.Image, source: str) -> NDArray[np.uint8]:
    """The pixels as [H,W,3] uint8; an alpha channel is dropped.

    Raises:
        SemsynthError: more than 8 bits per channel, which has no agreed 8-bit meaning.
    """
    if image.mode.startswith(("I", "F")):
        raise SemsynthError(f"{source} has more than 8 bits per channel (mode {image.mode}): save it as 8-bit RGB")
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for rows, strip in strips(image):
        pixels[rows] = np.asarray(strip.convert("RGB"))
    return pixels


def decode_image(path: Path) -> NDArray[np.uint8]:
    """Read a picture.

    The stored orientation is kept: an EXIF rotation is not applied, as label maps know none.

    Returns:
        [H,W,3] uint8, 0..255.

    Raises:
        SemsynthError: as :func:`open_image` and :func:`to_rgb`, with the path.
    """
    return to_rgb(open_image(read_image_bytes(path), str(path)), str(path))


def resize_image(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Bicubic, antialiased resampling of [H,W,3] uint8 to ``size``, (height, width)."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def to_tensor(image: NDArray[np.uint8]) -> Tensor:
    """[H,W,3] uint8 -> [3,H,W] float32 in [-1,1]: ``x / 127.5 - 1``."""
    import torch  # reading and writing pictures alone does not wait for it

    return torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32)).div_(127.5).sub_(1)


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """[N,3,H,W] in [-1,1] -> [N,H,W,3] uint8, clipped and rounded.

    Difference: the official codes truncate (``util.tensor2im``), which is half a grey level darker on average.
    """
    pixels = images.detach().float().add(1).mul(127.5).round_().clamp_(0, 255)
    return pixels.byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()  # [N,H,W,3]


def encode_png(image: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """PNG bytes of [H,W,3] uint8 (RGB), [H,W] uint8 or [H,W] uint16 (grey)."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def save_png(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write ``image`` as PNG, atomically; what :func:`encode_png` takes."""
    write_bytes(path, encode_png(image))


def _reason(error: BaseException) -> str:
    return shortened(error) or type(error).__name__

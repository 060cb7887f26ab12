"""Pictures in and out: decoding under limits, and the one place where uint8 HWC becomes float NCHW in [-1,1]."""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.files import explained, write_bytes

MAX_PIXELS = 8192 * 8192
"""Larger pictures are refused before anything is decoded: a small file can unpack to all of the memory."""

PICTURE_FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm")

_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error)
"""What Pillow's decoders raise on damaged data."""


def read_image_bytes(path: Path) -> bytes:
    """The bytes of the file at ``path``.

    Raises:
        SemsynthError: the file is missing or cannot be read.
    """
    with explained(path, "cannot read"):
        return path.read_bytes()


def open_image(data: bytes, source: str) -> Image.Image:
    """Decode ``data``; the mode stays as stored.

    Args:
        data: a file in one of ``PICTURE_FORMATS``.
        source: what error messages call it, for example the path.

    Raises:
        SemsynthError: empty, truncated, no picture at all, or more than ``MAX_PIXELS`` pixels.
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
            image.load()
    except Image.DecompressionBombError as error:
        raise SemsynthError(f"{source} {too_large}") from error
    except UnidentifiedImageError as error:
        known = ", ".join(PICTURE_FORMATS)
        raise SemsynthError(f"{source} is not a picture, or damaged at its start: expected {known}") from error
    except _DAMAGE as error:
        raise SemsynthError(f"{source} is truncated or damaged ({error}): restore the file") from error
    return image


def to_rgb(image: Image.Image, source: str) -> NDArray[np.uint8]:
    """The pixels as [H,W,3] uint8; an alpha channel is dropped.

    Raises:
        SemsynthError: more than 8 bits per channel, which has no agreed 8-bit meaning.
    """
    if image.mode.startswith(("I", "F")):
        raise SemsynthError(f"{source} has more than 8 bits per channel (mode {image.mode}): save it as 8-bit RGB")
    return np.asarray(image.convert("RGB"))


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
    return torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32)).div_(127.5).sub_(1)


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """[N,3,H,W] in [-1,1] -> [N,H,W,3] uint8, clipped and rounded.

    Difference: the official codes truncate (``util.tensor2im``), which is half a grey level darker on average.
    """
    pixels = images.detach().float().add(1).mul(127.5).round_().clamp_(0, 255)
    return pixels.to(torch.uint8).permute(0, 2, 3, 1).contiguous().cpu().numpy()  # [N,H,W,3]


def encode_png(image: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """PNG bytes of [H,W,3] uint8 (RGB), [H,W] uint8 or [H,W] uint16 (grey)."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def save_png(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write ``image`` as PNG, atomically; what :func:`encode_png` takes."""
    write_bytes(path, encode_png(image))

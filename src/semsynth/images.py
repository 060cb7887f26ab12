"""Pictures in and out: decoding under limits, and the one place where uint8 HWC becomes float NCHW in [-1,1]."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from semsynth.errors import SemsynthError, shortened
from semsynth.files import opened, read_bytes, write_bytes

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
_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif", "PPM": ".ppm"}

DAMAGE = (
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

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""[H,W,C], whole numbers over their full range."""
T = TypeVar("T", bound=np.generic)

_TOO_LARGE = f"has more than {MAX_PIXELS:,} pixels, the limit against decompression bombs: scale it down"
_UPRIGHT: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}
"""EXIF orientation -> what turns stored pixels [H,W,...] upright (Exif 2.3, 4.6.4 A, tag 0x0112)."""
_ORIENTATION = 0x0112
_TIFF_WIDTH, _TIFF_LENGTH = 256, 257
_TURNED = "orientation before decoding"
"""In the ``info`` of TIFF pictures."""


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
    with _decoding(source):
        image = Image.open(BytesIO(data), formats=PICTURE_FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise SemsynthError(f"{source} is {image.width}x{image.height}: it {_TOO_LARGE}")
        if max(image.size) > MAX_SIDE:
            raise SemsynthError(f"{source} is {image.width}x{image.height}: sides have {MAX_SIDE:,} pixels at most")
        if image.format == "TIFF":
            image.info[_TURNED] = _orientation(image)
        image.load()
    return image


@contextmanager
def _decoding(source: str) -> Iterator[None]:
    """Whatever Pillow raises inside becomes one line about ``source``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on damaged metadata, and on sizes above the limit here
            yield
    except Image.DecompressionBombError as error:
        raise SemsynthError(f"{source} {_TOO_LARGE}") from error
    except UnidentifiedImageError as error:
        known = ", ".join(PICTURE_FORMATS)
        raise SemsynthError(f"{source} is not a picture, or damaged at its start: expected {known}") from error
    except DAMAGE as error:
        raise SemsynthError(f"{source} is truncated or damaged ({_reason(error)}): restore the file") from error


def stored_orientation(image: Image.Image) -> int:
    """The EXIF orientation of a picture that :func:`open_image` decoded, 1 to 8.

    1, "as stored", where there is none or it makes no sense.
    """
    return int(image.info.get(_TURNED, _orientation(image)))


def _orientation(image: Image.Image) -> int:
    """Of the pixels as they are now: Pillow turns those of TIFF files when it decodes them."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = image.getexif().get(_ORIENTATION)
    except DAMAGE:  # viewers show a picture whose metadata is damaged as it is stored
        return 1
    return int(found) if isinstance(found, int) and found in _UPRIGHT else 1


def bits_per_channel(image: Image.Image, data: bytes) -> int:
    """Of the file ``data``, which was decoded to ``image``: Pillow keeps the upper 8 of 16 bits in three channels."""
    if image.format == "PNG":
        return data[24]  # of IHDR
    if image.format == "TIFF":
        stored = getattr(image, "tag_v2", {}).get(258, 8)  # BitsPerSample
        return int(max(stored) if isinstance(stored, tuple) else stored)
    return 16 if image.mode.startswith("I") else 8


def suffix_of(data: bytes) -> str:
    """How the name of a picture file with this content ends, for example ``.png``.

    Raises:
        SemsynthError: it is none.
    """
    with _decoding("the file"), Image.open(BytesIO(data), formats=PICTURE_FORMATS) as image:
        return _SUFFIXES[image.format or ""]


def strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """A decoded picture in strips of at most ``STRIP_PIXELS`` pixels, or one row, so that working copies stay small.

    Yields:
        The rows, and the picture of them alone.
    """
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        yield slice(top, bottom), image.crop((0, top, image.width, bottom))


def rgb_strips(image: Image.Image, source: str) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """The stored pixels as [h,W,3] uint8 of strips; an alpha channel is dropped.

    Raises:
        SemsynthError: metadata that does not fit the pixels.
    """
    for rows, strip in strips(image):
        with _decoding(source):
            pixels = np.asarray(strip.convert("RGB"))
        yield rows, pixels


def to_rgb(image: Image.Image, source: str) -> NDArray[np.uint8]:
    """A photograph's pixels as [H,W,3] uint8, upright as viewers show them: its EXIF orientation is applied.

    An alpha channel is dropped.

    Raises:
        SemsynthError: more than 8 bits per channel, which has no agreed 8-bit meaning, or damaged metadata.
    """
    _check_depth(image, source)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for rows, strip in rgb_strips(image, source):
        pixels[rows] = strip
    return upright(pixels, image)


def upright(pixels: NDArray[T], image: Image.Image) -> NDArray[T]:
    """The stored pixels [H,W,...] of ``image`` as its EXIF orientation says they are seen."""
    turned = _orientation(image)
    return pixels if turned == 1 else np.ascontiguousarray(_UPRIGHT[turned](pixels))


def decode_image(path: Path) -> NDArray[np.uint8]:
    """Read a picture, upright (:func:`to_rgb`).

    Returns:
        [H,W,3] uint8, 0..255.

    Raises:
        SemsynthError: as :func:`open_image` and :func:`to_rgb`, with the path.
    """
    return to_rgb(open_image(read_image_bytes(path), str(path)), str(path))


def photo_size(image: Image.Image, source: str) -> tuple[int, int]:
    """(height, width) of what :func:`to_rgb` makes, of which no more than a strip is made.

    Raises:
        SemsynthError: as :func:`to_rgb`.
    """
    _check_depth(image, source)
    for _ in rgb_strips(image, source):
        pass
    return _upright(image.size, _orientation(image))


@dataclass(frozen=True)
class PictureHeader:
    """What a picture file says of itself before its pixels."""

    size: tuple[int, int]
    """(height, width), upright as :func:`to_rgb` makes it."""
    orientation: int
    """As :func:`stored_orientation`."""
    palette: tuple[int, ...] | None
    """0xRRGGBB by index; None where pixels are no indices."""


def picture_header(picture: Path | bytes) -> PictureHeader:
    """Read the header of a picture, a file or what one holds; no pixels are decoded.

    Raises:
        SemsynthError: it cannot be read, or is not a picture.
    """
    called = "the picture" if isinstance(picture, bytes) else str(picture)
    with _decoding(called), BytesIO(picture) if isinstance(picture, bytes) else opened(picture) as file:
        image = Image.open(file, formats=PICTURE_FORMATS)
        # Pillow looks behind the pixels for a PNG's EXIF, and decodes them for it.
        known = image.format != "PNG" or "exif" in image.info
        turned = _orientation(image) if known else 1
        size = image.size
        if image.format == "TIFF":  # whose size Pillow exchanges in some versions
            tags = getattr(image, "tag_v2", {})
            size = int(tags[_TIFF_WIDTH]), int(tags[_TIFF_LENGTH])
        return PictureHeader(_upright(size, turned), turned, palette(image))


def palette(image: Image.Image) -> tuple[int, ...] | None:
    """0xRRGGBB by index of a picture of mode P; None of others."""
    stored = image.getpalette("RGB") if image.mode == "P" else None
    if stored is None:
        return None
    channels = (stored[channel::3] for channel in range(3))
    return tuple(red << 16 | green << 8 | blue for red, green, blue in zip(*channels, strict=False))


@overload
def resize_image(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]: ...


@overload
def resize_image(image: Pixels, size: tuple[int, int]) -> Pixels: ...


def resize_image(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Bicubic, antialiased resampling of pixels [H,W,C] to ``size``, (height, width)."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC), np.uint8)
    channels = (Image.fromarray(one.astype(np.float32)) for one in np.moveaxis(image, 2, 0))
    resized = [np.asarray(one.resize((width, height), Image.Resampling.BICUBIC)) for one in channels]
    rounded = np.rint(np.stack(resized, 2)).clip(0, np.iinfo(image.dtype).max)
    return np.asarray(rounded, np.uint8) if image.dtype == np.uint8 else np.asarray(rounded, np.uint16)


def to_tensor(image: Pixels) -> Tensor:
    """[H,W,C] -> [C,H,W] float32 in [-1,1]: ``x / 127.5 - 1`` of 8 bits, ``x / 32767.5 - 1`` of 16."""
    import torch  # reading and writing pictures alone does not wait for it

    half = 127.5 if image.dtype == np.uint8 else 32767.5
    return torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32)).div_(half).sub_(1)


def to_uint8(images: Tensor) -> NDArray[np.uint8]:
    """[N,C,H,W] in [-1,1] -> [N,H,W,C] uint8, clipped and rounded.

    Difference: the official codes truncate (``util.tensor2im``), which is half a grey level darker on average.
    """
    pixels = images.detach().float().add(1).mul(127.5).round_().clamp_(0, 255)
    return pixels.byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()  # [N,H,W,3]


def to_uint16(images: Tensor) -> NDArray[np.uint16]:
    """[N,C,H,W] in [-1,1] -> [N,H,W,C] uint16, clipped and rounded."""
    pixels = images.detach().float().add(1).mul(32767.5).round_().clamp_(0, 65535)
    return pixels.int().permute(0, 2, 3, 1).contiguous().cpu().numpy().astype(np.uint16)  # [N,H,W,C]


def encode_png(image: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """PNG bytes of [H,W,3] uint8 (RGB), [H,W] uint8 or [H,W] uint16 (grey)."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def save_png(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write ``image`` as PNG, atomically; what :func:`encode_png` takes."""
    write_bytes(path, encode_png(image))


def _upright(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(height, width) of a picture of (width, height) that is turned by ``orientation``: 5 to 8 exchange the sides."""
    width, height = size
    return (width, height) if orientation >= 5 else (height, width)


def _check_depth(image: Image.Image, source: str) -> None:
    if image.mode.startswith(("I", "F")):
        raise SemsynthError(f"{source} has more than 8 bits per channel (mode {image.mode}): save it as 8-bit RGB")


def _reason(error: BaseException) -> str:
    return shortened(error) or type(error).__name__

"""The parts of a request: bytes under limits, and what they hold."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from fastapi import UploadFile
from numpy.typing import NDArray
from PIL import Image

from semsynth.images import PICTURE_FORMATS, open_image, to_rgb
from semsynth.layout import Condition, ConditionPicture, Layout, Size, pixels
from semsynth.serving import ServerLimits
from semsynth.serving.problems import Refusal
from semsynth.synthesizer import Synthesizer


@dataclass(frozen=True)
class Limits(ServerLimits):
    """What one request may ask for, and how many may wait."""

    body_bytes: int = 32 * 2**20
    body_seconds: float = 30
    connections: int = 100
    client_connections: int = 50
    layout_pixels: int = 2**22
    """Of a layout, and of all photos that the model makes for one request."""
    photo_pixels: int = 2**25
    """Of a photograph that is sent."""
    waiting: int = 16
    """Requests that wait for models; a waiting one holds one of the 40 threads that serve everything."""
    wait_seconds: float = 30
    cache_bytes: int = 64 * 2**20
    """Of photos that were sent."""
    open_bytes: int = 512 * 2**20
    """Of what models keep of the pictures that clients paint on."""


def read_part(part: UploadFile, name: str) -> bytes:
    """The bytes of a part that should hold a picture.

    Raises:
        Refusal: it is said to be something else.
    """
    kind = (part.content_type or "application/octet-stream").partition(";")[0].strip().lower()
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise Refusal(415, "media_type", f"the part '{name}' is no picture: send for example image/png")
    return part.file.read()


def read_parts(parts: Sequence[UploadFile], name: str) -> list[bytes]:
    """As :func:`read_part`, for a part that may come several times."""
    return [read_part(part, name) for part in parts]


def check_size(size: Size, limit: int, name: str) -> None:
    """Refuse a picture that is too large.

    Raises:
        Refusal: it has more than ``limit`` pixels.
    """
    if size[0] * size[1] > limit:
        raise Refusal(413, "too_large", f"{name} of {pixels(size)} is too large: at most {limit:,} pixels are allowed")


def check_picture(data: bytes, limit: int, name: str) -> None:
    """Refuse a picture by what its header says, before it is decoded; what is no picture passes.

    Raises:
        Refusal: it has more than ``limit`` pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            width, height = Image.open(BytesIO(data), formats=PICTURE_FORMATS).size
    except Image.DecompressionBombError:
        raise Refusal(413, "too_large", f"{name} is too large: at most {limit:,} pixels are allowed") from None
    except Exception:  # damaged: who decodes it says how
        return
    check_size((height, width), limit, name)


def read_photo(data: bytes, limits: Limits, name: str) -> NDArray[np.uint8]:
    """Decode a photograph to [H,W,3] RGB.

    Raises:
        Refusal: too large.
        SemsynthError: damaged, or no picture.
    """
    check_picture(data, limits.photo_pixels, name)
    return to_rgb(open_image(data, name), name)


def read_condition(synthesizer: Synthesizer, label: bytes, instances: bytes | None, limits: Limits) -> Condition:
    """What the model makes photos of: the layout, or the picture for models that read these.

    An instance map that the model has no use for is not read.

    Raises:
        Refusal: too large.
        SemsynthError: damaged, ids outside the class set, or maps of two sizes.
    """
    if synthesizer.conditions.reads_pictures:
        check_picture(label, limits.layout_pixels, "label")
        return ConditionPicture(to_rgb(open_image(label, "label"), "label"))
    return read_layout(synthesizer, label, instances if synthesizer.uses_instances else None, limits)


def read_layout(synthesizer: Synthesizer, label: bytes, instances: bytes | None, limits: Limits) -> Layout:
    """A layout of the model's classes; raises as :func:`read_condition`."""
    check_picture(label, limits.layout_pixels, "label")
    layout = Layout.decode(label, synthesizer.classes, "label")
    if instances is None:
        return layout
    check_picture(instances, limits.layout_pixels, "instances")
    return layout.with_instances(instances, "instances")


def read_mask(data: bytes, limits: Limits) -> NDArray[np.bool_]:
    """[H,W] bool, True where a picture is not black.

    Raises:
        Refusal: too large.
        SemsynthError: damaged, or no picture.
    """
    check_picture(data, limits.layout_pixels, "mask")
    values = np.asarray(open_image(data, "mask"))
    return np.asarray(values.astype(bool) if values.ndim == 2 else values[..., :3].any(2))

"""Label maps in every format: read exactly, or refused with the reason; what a file is called does not count."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.layout.label_files import decode_instances

IDS = np.array([[0, 1, 2, 255], [2, 2, 0, 0], [1, 1, 255, 2]], np.uint8)
COLORS = ((0, 0, 255), (0, 255, 0), (255, 0, 0))
CLASSES = ClassSet(
    name="three", classes=tuple(ClassInfo(id=i, name=f"c{i}", color=color) for i, color in enumerate(COLORS))
)
EXPECTED = np.where(IDS == 255, np.uint16(VOID), IDS)


def file(pixels: np.ndarray, form: str, mode: str | None = None, **options: Any) -> bytes:
    buffer = BytesIO()
    image = Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(buffer, form, **options)
    return buffer.getvalue()


def painted() -> np.ndarray:
    return np.array([*COLORS, (0, 0, 0)], np.uint8)[np.where(IDS == 255, 3, IDS)]


@pytest.mark.parametrize(
    "data",
    [
        file(IDS, "PNG"),
        file(IDS, "BMP"),
        *(file(IDS, "TIFF", compression=name) for name in (None, "tiff_lzw", "tiff_deflate", "packbits", "zstd")),
        file(EXPECTED, "TIFF"),
        file(EXPECTED.astype(np.int32), "TIFF"),
        file(IDS, "WEBP", "RGB", lossless=True),
        file(IDS, "WEBP", "RGB", lossless=True, exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"),  # an extended file
        *(
            file(painted(), form, **how)
            for form, how in (("PNG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": 1}))
        ),
    ],
)
def test_lossless_formats_are_read_exactly(data: bytes) -> None:
    assert np.array_equal(Layout.decode(data, CLASSES).labels, EXPECTED)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (file(IDS, "JPEG"), "it is a JPEG file: its compression invents numbers along every border"),
        (file(IDS, "WEBP", "RGB", quality=100), "it is a lossy WebP file: its compression invents numbers"),
        (file(IDS, "TIFF", compression="jpeg"), "it is a TIFF jpeg file: its compression invents numbers"),
        (file(IDS, "PPM"), "it is a PPM file, whose numbers may be scaled"),
        (b"P5 4 1 11\n\x00\x01\x02\x0b", "it is a PPM file, whose numbers may be scaled"),
        (
            file(IDS, "TIFF", save_all=True, append_images=[Image.fromarray(IDS)]),
            "it holds several pictures",
        ),
    ],
)
def test_formats_that_change_numbers_are_refused_with_the_reason(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "map.png").write_bytes(data)  # the content counts, not the name
    with pytest.raises(SemsynthError, match=reason) as caught:
        Layout.open(tmp_path / "map.png", CLASSES)
    assert str(caught.value).startswith(f"{tmp_path / 'map.png'}: ")
    assert "as PNG" in str(caught.value)


def test_a_tiff_whose_white_is_zero_is_refused() -> None:
    data = bytearray(file(IDS, "TIFF"))
    tag = data.index((262).to_bytes(2, "little") + b"\x03\x00")  # PhotometricInterpretation, a short
    data[tag + 8] = 0
    with pytest.raises(SemsynthError, match="0 is white"):
        Layout.decode(bytes(data), CLASSES, "a.tif")


def test_instance_maps_have_the_same_rule() -> None:
    numbers = np.array([[1, 70000]], np.int32)
    assert np.array_equal(decode_instances(file(numbers, "TIFF"), "i"), numbers)
    assert np.array_equal(decode_instances(file(IDS, "BMP"), "i"), IDS)
    with pytest.raises(SemsynthError, match="i: it is a JPEG file"):
        decode_instances(file(IDS, "JPEG"), "i")


def test_greys_of_webp_that_are_another_class_s_colour_are_no_ids() -> None:
    grey = ClassSet(
        name="grey", classes=(ClassInfo(id=0, name="a", color=(1, 1, 1)), ClassInfo(id=1, name="b", color=(9, 9, 9)))
    )
    pixels = np.array([[1, 1]], np.uint8)
    assert Layout.decode(file(pixels, "WEBP", "RGB", lossless=True), grey).labels.tolist() == [[0, 0]]

"""PNG files by rows, compared with Pillow."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from semsynth.errors import SemsynthError
from semsynth.large import png
from semsynth.large.png import PngWriter, png_size, png_strips


def picture(mode: str, height: int, width: int, seed: int = 0) -> Image.Image:
    """Smooth enough that encoders choose every filter."""
    random = np.random.default_rng(seed)
    shape = {"RGB": (height, width, 3), "RGBA": (height, width, 4), "LA": (height, width, 2)}.get(mode, (height, width))
    values = random.integers(0, 5, shape).cumsum(0).cumsum(1)
    if mode == "I;16":
        return Image.fromarray((values * 99).astype(np.uint16))
    if mode == "P":
        image = Image.fromarray((values % 7).astype(np.uint8), "L").convert("P")
        image.putpalette(list(range(21)))
        return image
    if mode == "1":
        return Image.fromarray(values % 3 == 0)
    return Image.fromarray(values.astype(np.uint8), mode if mode in ("LA", "RGBA") else None)


@pytest.mark.parametrize("mode", ["1", "L", "P", "I;16", "LA", "RGB", "RGBA"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_strips_together_are_the_picture(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "STRIP_PIXELS", 100)
    image, path = picture(mode, 37, 29), tmp_path / "map.png"
    image.save(path)
    whole = Image.open(path)
    found = np.zeros_like(np.asarray(whole))
    places = []
    for rows, data in png_strips(path):
        strip = Image.open(BytesIO(data))
        assert strip.mode == whole.mode
        assert strip.getpalette() == whole.getpalette()
        assert strip.size == (29, rows.stop - rows.start)
        found[rows] = np.asarray(strip)
        places += range(rows.start, rows.stop)
    assert np.array_equal(found, np.asarray(whole))
    assert places == list(range(37))
    assert png_size(path) == (37, 29)


def test_every_filter_occurs_in_these_pictures(tmp_path: Path) -> None:
    picture("L", 200, 200).save(tmp_path / "map.png")
    data = (tmp_path / "map.png").read_bytes()
    pixels = zlib.decompress(b"".join(body for kind, body in chunks(data) if kind == b"IDAT"))
    assert len({pixels[row * 201] for row in range(200)}) >= 3


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += size + 12
    return found


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(0, 2**32))
def test_what_is_written_is_read(height: int, width: int, step: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = BytesIO()
    writer = PngWriter(file, (height, width))
    for top in range(0, height, step):
        writer.add(pixels[top : top + step])
    writer.finish()
    assert np.array_equal(np.asarray(Image.open(file)), pixels)


def test_damage_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(png, "STRIP_PIXELS", 100)
    path = tmp_path / "map.png"
    picture("RGB", 37, 29).save(path)
    data = path.read_bytes()
    for at in (20, 60, len(data) // 2):
        path.write_bytes(data[:at])
        with pytest.raises(SemsynthError, match=r"map\.png is truncated or damaged"):
            list(png_strips(path))
        path.write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
        with pytest.raises(SemsynthError, match=r"map\.png"):
            list(png_strips(path))


def header(width: int, height: int, depth: int = 8, color: int = 0, interlaced: int = 0) -> bytes:
    fields = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    ends = [(b"IHDR", fields), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return png.SIGNATURE + b"".join(
        len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4) for kind, body in ends
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no PNG"),
        (header(70_000, 5), "70000x5: sides have 65,535 pixels at most"),
        (header(5, 2**31 - 1), "sides have 65,535 pixels at most"),
        (header(2**31, 5), "damaged"),
        (header(5, 5, color=5), "damaged"),
        (header(5, 5, interlaced=1), "is interlaced"),
        (header(5, 5, depth=16, color=2), "16 bits in each"),
    ],
)
def test_what_is_not_read(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(data)
    with pytest.raises(SemsynthError, match=message):
        list(png_strips(path))


def test_too_large_for_the_format() -> None:
    with pytest.raises(SemsynthError, match="a PNG has at most 2,147,483,647 pixels on a side, not 2147483648x3"):
        PngWriter(BytesIO(), (3, 2**31))

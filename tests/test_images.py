from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from semsynth.errors import SemsynthError
from semsynth.images import (
    MAX_PIXELS,
    MAX_SIDE,
    PictureHeader,
    decode_image,
    encode_png,
    open_image,
    photo_size,
    picture_header,
    save_png,
    stored_orientation,
    strips,
    to_rgb,
    to_tensor,
    to_uint8,
)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds hardly any data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def picture(height: int = 6, width: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def test_tensor_values_and_order() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 1] = (0, 51, 255)
    tensor = to_tensor(image)
    assert tensor.shape == (3, 2, 3)
    assert tensor.dtype == torch.float32
    assert tensor[:, 0, 1].tolist() == pytest.approx([-1, -0.6, 1])
    assert tensor[:, 1, 2].tolist() == [-1, -1, -1]


def test_every_byte_survives_the_round_trip() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)[..., None].repeat(3, 2)
    assert np.array_equal(to_uint8(to_tensor(image)[None])[0], image)


def test_to_uint8_rounds_and_clips() -> None:
    values = torch.tensor([-1.7, -1, 0.0, 0.6 / 127.5, 1, 9.0]).expand(1, 3, 1, 6)
    assert to_uint8(values)[0, 0, :, 0].tolist() == [0, 0, 128, 128, 255, 255]


def test_to_uint8_takes_bfloat16() -> None:
    assert to_uint8(torch.ones(2, 3, 4, 5, dtype=torch.bfloat16)).shape == (2, 4, 5, 3)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**31))
def test_png_round_trip(height: int, width: int, seed: int) -> None:
    image = picture(height, width, seed)
    assert np.array_equal(to_rgb(open_image(encode_png(image), "x"), "x"), image)


def test_decode_reads_what_people_have(tmp_path: Path) -> None:
    image = Image.fromarray(picture())
    for name, other in {"a.png": image.convert("RGBA"), "b.bmp": image, "c.png": image.convert("P")}.items():
        other.save(tmp_path / name)
        assert np.array_equal(decode_image(tmp_path / name), np.asarray(other.convert("RGB")))
    image.convert("CMYK").save(tmp_path / "d.jpg")
    image.convert("L").save(tmp_path / "e.jpg")
    assert decode_image(tmp_path / "d.jpg").shape == decode_image(tmp_path / "e.jpg").shape == (6, 5, 3)


def test_one_pixel(tmp_path: Path) -> None:
    save_png(tmp_path / "x.png", picture(1, 1))
    assert decode_image(tmp_path / "x.png").shape == (1, 1, 3)
    assert to_tensor(picture(1, 1)).shape == (3, 1, 1)


@pytest.mark.parametrize(("width", "height"), [(20_000, 20_000), (10_000, 10_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bombs_are_refused_before_decoding(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(width, height))
    with pytest.raises(SemsynthError, match=r"bomb\.png .*67,108,864 pixels.*scale it down"):
        decode_image(path)


@pytest.mark.parametrize(("width", "height"), [(MAX_PIXELS, 1), (1, MAX_PIXELS), (MAX_SIDE + 1, 1)])
def test_sides_of_impossible_length_are_refused(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "wide.png"
    path.write_bytes(png_header(width, height))
    with pytest.raises(SemsynthError, match=r"wide\.png is .*: sides have 65,535 pixels at most"):
        decode_image(path)


@pytest.mark.parametrize("kind", [MemoryError, RecursionError, AssertionError, ZeroDivisionError, AttributeError])
def test_whatever_a_decoder_raises_is_one_line(kind: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise kind

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(SemsynthError, match=rf"photo is truncated or damaged \({kind.__name__}\)"):
        open_image(encode_png(picture()), "photo")


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (300, 1), (1, 300)])
def test_strips_are_the_whole_picture(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semsynth.images.STRIP_PIXELS", 16)
    pixels = picture(*size)
    image = Image.fromarray(pixels)
    assert np.array_equal(np.concatenate([np.asarray(strip) for _, strip in strips(image)]), pixels)
    assert np.array_equal(to_rgb(image, "photo"), pixels)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"this is text, not a picture", "not a picture"),
        (encode_png(picture(50, 50))[:900], "truncated or damaged"),
        (encoded(Image.fromarray(picture(50, 50)), "JPEG")[:700], "truncated or damaged"),
        (encode_png(picture())[:20], "truncated or damaged"),
        (encoded(Image.fromarray(picture()), "GIF"), "not a picture"),
        (png_header(40, 40), "truncated or damaged"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    with pytest.raises(SemsynthError, match=rf"photo\.png.*{message}"):
        decode_image(path)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(SemsynthError, match=str(path)):
            decode_image(path)


def test_sixteen_bit_photos_are_refused(tmp_path: Path) -> None:
    save_png(tmp_path / "deep.png", np.full((3, 3), 40_000, np.uint16))
    with pytest.raises(SemsynthError, match=r"deep\.png has more than 8 bits"):
        decode_image(tmp_path / "deep.png")


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM"]), st.data())
def test_damage_anywhere_is_an_error_line_or_a_picture(form: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(Image.fromarray(picture(12, 12)), form))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        shape = to_rgb(open_image(damaged, "file"), "file").shape
    except SemsynthError as error:
        shape = (1, 1, 3) if str(error).startswith("file") else ()
    assert len(shape) == 3


def test_saving_replaces_the_whole_file_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.png"
    save_png(path, picture())
    save_png(path, picture(3, 3, 1))
    assert decode_image(path).shape == (3, 3, 3)
    assert [file.name for file in path.parent.iterdir()] == ["x.png"]


def test_saving_below_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SemsynthError, match="file"):
        save_png(tmp_path / "file" / "x.png", picture())


def turned(pixels: np.ndarray, orientation: int, form: str) -> bytes:
    """A file that viewers turn as its EXIF orientation says."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(Image.fromarray(pixels), form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(10))
def test_photos_are_read_as_viewers_show_them(form: str, orientation: int, tmp_path: Path) -> None:
    image = open_image(turned(picture(), orientation, form), "photo")
    with Image.open(BytesIO(turned(picture(), orientation, form))) as other:
        expected = np.asarray(ImageOps.exif_transpose(other).convert("RGB"))
    assert np.array_equal(to_rgb(image, "photo"), expected)
    assert photo_size(image, "photo") == expected.shape[:2]
    path = tmp_path / "photo"
    path.write_bytes(turned(picture(), orientation, form))
    assert picture_header(path) == PictureHeader(expected.shape[:2], stored_orientation(image), None)
    assert stored_orientation(image) == (orientation if 2 <= orientation <= 8 else 1)


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_damaged_metadata_turn_nothing(exif: bytes) -> None:
    data = encoded(Image.fromarray(picture()), "PNG", exif=exif)
    assert np.array_equal(to_rgb(open_image(data, "photo"), "photo"), picture())


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "LA", "RGBA"])
@pytest.mark.parametrize("transparency", [b"\0", b"\0\1\2", b"\0" * 6, b"\0" * 300])
def test_transparency_that_does_not_fit_is_one_line_or_nothing(mode: str, transparency: bytes) -> None:
    """The chunk tRNS of another mode: Pillow asserts when it converts."""
    data = bytearray(encoded(Image.fromarray(picture()).convert(mode), "PNG"))
    chunk = b"tRNS" + transparency
    at = data.index(b"IDAT") - 4
    data[at:at] = struct.pack(">I", len(transparency)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    try:
        shape = to_rgb(open_image(bytes(data), "photo"), "photo").shape
    except SemsynthError as error:
        shape = (6, 5, 3) if str(error).startswith("photo ") else ()
    assert shape == (6, 5, 3)

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsynth.errors import SemsynthError
from semsynth.images import resize_image, to_tensor, to_uint8, to_uint16
from semsynth.pixel_format import PixelFormat, rgb, shown

GREY_16 = PixelFormat(channels=1, bits=16)
FIVE = PixelFormat(channels=5, bits=16)


def test_a_dataset_without_declaration_is_8_bit_rgb(tmp_path: Path) -> None:
    assert PixelFormat.of(tmp_path) == PixelFormat()
    assert PixelFormat().is_plain
    (tmp_path / "pixels.json").write_text('{"channels": 1, "bits": 16, "range": [0, 4095]}')
    assert PixelFormat.of(tmp_path) == PixelFormat(channels=1, bits=16, range=(0, 4095))


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"bits": 12}, "bits"),
        ({"channels": 0}, "channels"),
        ({"range": [5, 5]}, "the first value must be below the second one"),
        ({"depth": 16}, "depth"),
    ],
)
def test_declarations_that_make_no_sense(tmp_path: Path, declared: dict[str, object], message: str) -> None:
    (tmp_path / "pixels.json").write_text(json.dumps(declared))
    with pytest.raises(SemsynthError, match=rf"pixels\.json.*{message}"):
        PixelFormat.of(tmp_path)


def test_grey_of_16_bits_keeps_every_value(tmp_path: Path) -> None:
    pixels = np.arange(0, 65536, 257, np.uint16).reshape(16, 16, 1)
    GREY_16.write(tmp_path / f"a{GREY_16.suffix}", pixels)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode.startswith("I")
    assert (GREY_16.read(tmp_path / "a.png") == pixels).all()
    image = Image.fromarray(pixels[..., 0])
    image.save(tmp_path / "a.tif")
    assert (GREY_16.read(tmp_path / "a.tif") == pixels).all()


def test_several_channels_are_numpy_files(tmp_path: Path) -> None:
    pixels = np.arange(4 * 3 * 5, dtype=np.uint16).reshape(4, 3, 5) * 1000
    FIVE.write(tmp_path / f"a{FIVE.suffix}", pixels)
    assert (np.load(tmp_path / "a.npy") == pixels).all()
    assert (FIVE.read(tmp_path / "a.npy") == pixels).all()


def test_a_declared_range_fills_the_bits_and_comes_back(tmp_path: Path) -> None:
    camera = PixelFormat(channels=1, bits=16, range=(0, 4095))
    values = np.array([[0, 1, 4095, 4095]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    read = camera.read(tmp_path / "a.png")
    assert read[..., 0].tolist() == [[0, 16, 65535, 65535]]  # 65535 / 4095 is 16.004
    camera.write(tmp_path / "b.png", read)
    assert np.asarray(Image.open(tmp_path / "b.png")).tolist() == values.tolist()
    heat = PixelFormat(channels=2, bits=8, range=(-1.0, 1.0))
    np.save(tmp_path / "c.npy", np.array([[[-1.0, 0.0], [1.0, 7.0]]], np.float32))
    read = heat.read(tmp_path / "c.npy")
    assert read.tolist() == [[[0, 128], [255, 255]]]  # 127.5 is rounded to even, 7 is cut off
    assert heat.suffix == ".npy"
    heat.write(tmp_path / "d.npy", read)
    written = np.load(tmp_path / "d.npy")
    assert written.dtype == np.float32
    assert written[0, 1].tolist() == [1.0, 1.0]
    assert written[0, 0, 1] == pytest.approx(1 / 255)


def test_photos_are_read_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.array([[1, 2, 3]], np.uint8)).save(tmp_path / "a.png", exif=exif)
    assert PixelFormat(channels=1, bits=8).read(tmp_path / "a.png")[..., 0].tolist() == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2), np.uint16), r"has the shape \(2, 2, 1\), and pixels.json says 5 channels of 16 bits"),
        (np.zeros((2, 2, 4, 5), np.uint16), "has the shape"),
        (np.full((2, 2, 5), 70_000, np.int32), "has values from 70000 to 70000"),
        (np.full((2, 2, 5), -1, np.int32), "has values from -1 to -1"),
        (np.zeros((2, 2, 5), np.float32), "declare their range"),
        (np.full((2, 2, 5), np.nan), "not finite"),
        (np.full((2, 2, 5), "a"), "holds <U1"),
        (np.zeros((2, 2, 5), np.complex64), "holds complex64"),
    ],
)
def test_files_of_another_format(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(SemsynthError, match=rf"a\.npy .*{message}"):
        FIVE.read(tmp_path / "a.npy")


def test_damaged_and_dangerous_files_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((8, 8, 5), np.uint16))
    whole = path.read_bytes()
    huge = whole.replace(b"(8, 8, 5)", b"(8, 8,5" + b"0" * 9 + b")")
    pickled = tmp_path / "b.npy"
    np.save(pickled, np.array([{"a": 1}], object), allow_pickle=True)
    for data in (b"", b"\x93NUMPY", whole[:-3], whole[:40], huge, pickled.read_bytes(), whole + b"x"):
        path.write_bytes(data)
        with pytest.raises(SemsynthError, match=r"a\.npy is not a NumPy file, or damaged"):
            FIVE.read(path)
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "c.png")
    with pytest.raises(SemsynthError, match=r"c\.png is a picture of mode RGB.*save it as a NumPy file"):
        FIVE.read(tmp_path / "c.png")


def test_what_the_eye_sees() -> None:
    assert shown(np.array([[[0x1234]]], np.uint16)).tolist() == [[[0x12] * 3]]
    assert shown(np.array([[[1, 2]]], np.uint8)).tolist() == [[[1, 2, 2]]]
    assert shown(np.array([[[256, 512, 768, 1024, 0]]], np.uint16)).tolist() == [[[1, 2, 3]]]
    plain = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert (shown(plain) == plain).all()
    assert (rgb(plain, "it") == plain).all()
    with pytest.raises(SemsynthError, match=r"it has 5 channel\(s\) of 16 bits, and 8-bit RGB is needed"):
        rgb(np.zeros((2, 2, 5), np.uint16), "it")


def test_16_bits_go_through_networks_and_back() -> None:
    pixels = np.arange(0, 65536, 1, np.uint16).reshape(64, 1024, 1)
    tensor = to_tensor(pixels)
    assert (tensor.min().item(), tensor.max().item()) == (-1, 1)
    assert (to_uint16(tensor[None])[0] == pixels).all()
    assert to_uint8(to_tensor(np.full((1, 1, 5), 200, np.uint8))[None]).tolist() == [[[[200] * 5]]]


def test_channels_are_resampled_as_rgb_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    expected = resize_image(image, (11, 13)).astype(int)
    alone = resize_image(image[..., :1], (11, 13)).astype(int)
    assert abs(alone[..., 0] - expected[..., 0]).max() <= 1  # Pillow's 8-bit arithmetic rounds in between
    wide = resize_image(image.astype(np.uint16) * 257, (11, 13))
    assert wide.dtype == np.uint16
    assert abs(wide / 257 - expected).max() <= 1.5

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from semsynth.classes import VOID, ClassInfo, ClassSet, builtin
from semsynth.errors import SemsynthError
from semsynth.images import encode_png, save_png
from semsynth.layout import Layout
from semsynth.layout.label_files import holds_colors, read_instances


def class_set(*ids: int, black: bool = False) -> ClassSet:
    colors = [(0, 0, 0) if black and i == 0 else (10 + i, 20, 30) for i in range(len(ids))]
    items = zip(ids, colors, strict=True)
    return ClassSet(name="test", classes=tuple(ClassInfo(id=i, name=f"c{i}", color=color) for i, color in items))


def grey_png(depth: int, rows: list[bytes], width: int) -> bytes:
    """A greyscale PNG of 1, 2 or 4 bits."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, len(rows), depth, 0, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def stored(path: Path) -> NDArray[np.generic]:
    """The pixels as Pillow reads them."""
    with Image.open(path) as image:
        return np.array(image)


SMALL = class_set(0, 1, 2, 3, 7, 12)
LARGE = class_set(0, 254, 255, 300, 65534)


@given(st.data(), st.sampled_from([SMALL, LARGE]))
def test_write_and_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, classes: ClassSet) -> None:
    size = data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    labels = rng.choice(np.append(classes.ids, np.uint16(VOID)), size).astype(np.uint16)
    instances = rng.integers(0, 65536, size, dtype=np.int32)
    layout = Layout(labels, classes, instances)
    folder = tmp_path_factory.mktemp("maps")
    layout.save(folder / "l.png", folder / "i.png")
    again = Layout.open(folder / "l.png", classes, folder / "i.png")
    assert np.array_equal(again.labels, labels)
    assert np.array_equal(again.instances, instances)
    assert stored(folder / "l.png").dtype == (np.uint8 if classes is SMALL else np.uint16)


def test_void_is_255_in_8_bits_and_65535_in_16() -> None:
    labels = np.array([[7, 255], [0, 255]])
    eight = Layout.decode(encode_png(labels.astype(np.uint8)), SMALL)
    assert eight.labels.tolist() == [[7, VOID], [0, VOID]]
    with pytest.raises(SemsynthError, match=r"255 \(2 pixels\)"):
        Layout.decode(encode_png(labels.astype(np.uint16)), SMALL)
    labels[labels == 255] = 65535
    assert Layout.decode(encode_png(labels.astype(np.uint16)), SMALL).labels.tolist() == eight.labels.tolist()
    deep = np.array([[255, 300]], np.uint16)
    assert Layout.decode(encode_png(deep), LARGE).labels.tolist() == [[255, 300]]


def test_palette_indices_are_ids(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[12, 7], [255, 0]], np.uint8)).convert("P")
    image.putpalette(list(range(255, -1, -1)) * 3)
    image.save(tmp_path / "p.png")
    assert stored(tmp_path / "p.png").tolist() == [[12, 7], [255, 0]]
    assert Layout.open(tmp_path / "p.png", SMALL).labels.tolist() == [[12, 7], [VOID, 0]]
    assert not holds_colors(tmp_path / "p.png")


@pytest.mark.parametrize(
    ("depth", "rows", "width", "expected"),
    [
        (1, [b"\xa0"], 4, [[1, 0, 1, 0]]),
        (2, [b"\x1b", b"\xe4"], 4, [[0, 1, 2, 3], [3, 2, 1, 0]]),
        (4, [b"\x37", b"\xc0"], 2, [[3, 7], [12, 0]]),
    ],
)
def test_grey_maps_below_8_bits(depth: int, rows: list[bytes], width: int, expected: list[list[int]]) -> None:
    assert Layout.decode(grey_png(depth, rows, width), SMALL).labels.tolist() == expected


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colour_maps_read_back_what_was_drawn(tmp_path: Path, mode: str) -> None:
    labels = np.array([[0, 7, 12], [3, VOID, 1]], np.uint16)
    layout = Layout(labels, SMALL)
    Image.fromarray(layout.colors()).convert(mode).save(tmp_path / "c.png")
    assert np.array_equal(Layout.open(tmp_path / "c.png", SMALL).labels, labels)
    assert holds_colors(tmp_path / "c.png")


def test_black_is_a_class_where_a_class_is_black() -> None:
    classes = class_set(5, 6, black=True)
    image = encode_png(np.zeros((2, 2, 3), np.uint8))
    assert (Layout.decode(image, classes).labels == 5).all()
    assert (Layout.decode(image, class_set(5, 6)).labels == VOID).all()


@given(st.integers(0, 2**31))
def test_every_colour_outside_the_set_is_counted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    colors = SMALL.palette[rng.integers(0, 6, (9, 9))]
    noise = rng.random((9, 9)) < 0.2
    colors[noise] = (200, 201, 202)
    colors[0, 0] = (1, 0, 0)
    noise[0, 0] = False
    message = f"{noise.sum() + 1} pixels of {2 if noise.any() else 1} colours outside"
    with pytest.raises(SemsynthError, match=message) as caught:
        Layout.decode(encode_png(colors), SMALL, "map.png")
    assert "#010000 (1 pixels)" in str(caught.value)
    assert not noise.any() or f"#c8c9ca ({noise.sum()} pixels)" in str(caught.value)
    assert str(caught.value).startswith("map.png: ")


def test_ids_outside_the_set_name_ids_pixels_and_file(tmp_path: Path) -> None:
    save_png(tmp_path / "x.png", np.array([[0, 5, 5], [9, 1, 5]], np.uint8))
    with pytest.raises(
        SemsynthError, match=r"x\.png: ids outside the class set 'test': 5 \(3 pixels\), 9 \(1 pixels\)"
    ):
        Layout.open(tmp_path / "x.png", SMALL)


def test_half_transparent_colours_are_refused(tmp_path: Path) -> None:
    pixels = np.full((3, 3, 4), 255, np.uint8)
    pixels[..., :3] = SMALL.palette[0]
    pixels[0, 0, 3] = 128
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(SemsynthError, match=r"a\.png: 1 pixels are transparent or partly so"):
        Layout.open(tmp_path / "a.png", SMALL)


def test_instances_of_another_size_name_both_files(tmp_path: Path) -> None:
    save_png(tmp_path / "l.png", np.zeros((4, 5), np.uint8))
    save_png(tmp_path / "i.png", np.zeros((5, 4), np.uint8))
    with pytest.raises(SemsynthError, match=r"i\.png beside .*l\.png: the instance map is 4x5, the label map 5x4"):
        Layout.open(tmp_path / "l.png", SMALL, tmp_path / "i.png")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_instances_in_8_and_16_bits(tmp_path: Path, dtype: type[np.unsignedinteger]) -> None:
    numbers: NDArray[np.unsignedinteger] = np.array([[0, 255], [7, np.iinfo(dtype).max]], dtype)
    save_png(tmp_path / "i.png", numbers)
    assert np.array_equal(read_instances(tmp_path / "i.png"), numbers)


def test_instances_in_32_bits_and_in_colours(tmp_path: Path) -> None:
    numbers = np.array([[0, 70_000], [26_001, 2**24 - 1]], np.int32)
    Image.fromarray(numbers).save(tmp_path / "i.tiff")
    assert np.array_equal(read_instances(tmp_path / "i.tiff"), numbers)
    save_png(tmp_path / "i.png", np.stack([numbers >> shift & 255 for shift in (0, 8, 16)], -1).astype(np.uint8))
    assert np.array_equal(read_instances(tmp_path / "i.png"), numbers)


def test_jpeg_instances_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "i.jpg")
    with pytest.raises(SemsynthError, match=r"i\.jpg: it is a JPEG file"):
        read_instances(tmp_path / "i.jpg")


@pytest.mark.parametrize("instances", [None, np.full((2, 2), 65536, np.int32), np.full((2, 2), -1, np.int32)])
def test_instances_that_cannot_be_written(tmp_path: Path, instances: NDArray[np.int32] | None) -> None:
    layout = Layout(np.zeros((2, 2), np.uint16), SMALL, instances)
    with pytest.raises(SemsynthError, match=r"cannot write .*i\.png"):
        layout.save(tmp_path / "l.png", tmp_path / "i.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("data", [b"", b"no picture", encode_png(np.eye(40, dtype=np.uint8))[:60]])
def test_damaged_maps_name_their_source(data: bytes) -> None:
    with pytest.raises(SemsynthError, match=r"^the label map "):
        Layout.decode(data, SMALL)


def test_a_single_pixel() -> None:
    assert Layout.decode(encode_png(np.array([[7]], np.uint8)), SMALL).labels.tolist() == [[7]]


def test_real_maps_read_as_pillow_reads_them(shared: Path) -> None:
    for path in sorted((shared / "data/cocostuff_sample/val/labels").glob("*.png"))[:3]:
        ids = stored(path).astype(np.uint16)
        layout = Layout.open(path, builtin("coco_stuff"), path.parents[1] / "instances" / path.name)
        assert np.array_equal(layout.labels, np.where(ids == 255, VOID, ids))
        assert np.array_equal(layout.instances, stored(path.parents[1] / "instances" / path.name))

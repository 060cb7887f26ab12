"""Label maps that seem to hold one thing and hold another: nothing is reinterpreted without a word."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from semsynth.classes import VOID, ClassInfo, ClassSet, builtin
from semsynth.errors import SemsynthError
from semsynth.images import encode_png
from semsynth.layout import Layout
from semsynth.layout.label_files import decode_instances
from semsynth.layout.legend import Legend

COLORS = [(0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 0)]
CLASSES = ClassSet(
    name="four",
    classes=tuple(ClassInfo(id=i, name=n, color=c) for i, (n, c) in enumerate(zip("abcd", COLORS, strict=True))),
)
LABELS = np.array([[0, 0, 1], [2, 1, 3]], np.uint8)


def png(image: Image.Image, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def deep_png(pixels: NDArray[np.uint16], color_type: int) -> bytes:
    """[H,W,C] in 16 bits per channel; Pillow writes none."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def with_palette(indices: NDArray[np.uint8], colors: list[tuple[int, int, int]]) -> Image.Image:
    image = Image.fromarray(indices).convert("P")
    image.putpalette([value for color in colors for value in color])
    return image


def refused(data: bytes, legend: ClassSet | Legend = CLASSES) -> str:
    with pytest.raises(SemsynthError) as caught:
        Layout.decode(data, legend, "x.png")
    assert str(caught.value).startswith("x.png: ")
    return str(caught.value)


def read(data: bytes, legend: ClassSet | Legend = CLASSES) -> list[list[int]]:
    return Layout.decode(data, legend, "x.png").labels.tolist()


@pytest.mark.parametrize(("channels", "color_type"), [(3, 2), (2, 4), (4, 6)])
def test_sixteen_bits_in_several_channels_are_refused(channels: int, color_type: int) -> None:
    """Only the upper 8 bits would be read: all of this would be black, which is void."""
    pixels = np.full((2, 3, channels), 3, np.uint16)
    pixels[..., -1] = 65535
    data = deep_png(pixels, color_type)
    assert "16 bits per channel" in refused(data)
    with pytest.raises(SemsynthError, match=r"i\.png: it has 16 bits per channel: .*instance map of one channel"):
        decode_instances(data, "i.png")


@given(st.permutations(range(4)))
def test_a_palette_in_another_order_is_refused_and_can_be_taken_either_way(order: list[int]) -> None:
    """``order[i]`` is the class in whose colour index i is drawn."""
    data = png(with_palette(LABELS, [COLORS[i] for i in order]))
    wrong = [i for i, owner in enumerate(order) if i != owner]
    if wrong:
        message = refused(data)
        pixels = int((wrong[0] == LABELS).sum())
        assert f"index {wrong[0]} ({pixels} pixels) is drawn in the colour of '{'abcd'[order[wrong[0]]]}'" in message
        assert "--labels-hold colors" in message
    else:
        assert read(data) == LABELS.tolist()
    assert read(data, Legend(CLASSES, holds="ids")) == LABELS.tolist()
    assert read(data, Legend(CLASSES, holds="colors")) == np.array(order)[LABELS].tolist()


@pytest.mark.parametrize(
    ("palette", "contradicts"),
    [
        (COLORS, False),
        ([(i, i, i) for i in range(4)], False),
        ([(1, 2, 3), (4, 5, 6), (7, 8, 9), (0, 0, 255)], False),  # one match by chance
        ([(0, 0, 0), (0, 0, 255), (0, 255, 0), (255, 0, 0)], True),  # black before the set's colours
        ([(0, 0, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0)], True),  # two of four swapped
        ([(0, 0, 255), (0, 255, 0), (255, 255, 0), (9, 9, 9)], True),
        ([(0, 0, 255), (0, 255, 0), (255, 0, 0), (9, 9, 9)], False),
    ],
)
def test_palettes(palette: list[tuple[int, int, int]], contradicts: bool) -> None:
    data = png(with_palette(LABELS, palette))
    if contradicts:
        assert "its palette contradicts its indices" in refused(data)
    else:
        assert read(data) == LABELS.tolist()


def test_unused_palette_entries_say_nothing() -> None:
    assert read(png(with_palette(np.array([[0, 1]], np.uint8), [*COLORS[:2], COLORS[3], COLORS[2]]))) == [[0, 1]]


@pytest.mark.parametrize("channels", [3, 4])
def test_grey_ids_in_three_channels(channels: int) -> None:
    pixels = np.repeat(LABELS[..., None], channels, 2)
    pixels[..., 3:] = 255
    message = refused(encode_png(pixels) if channels == 3 else png(Image.fromarray(pixels)))
    assert "holds no colours but greys: 1 (2 pixels), 2 (1 pixels), 3 (1 pixels)" in message
    assert "--labels-hold ids" in message
    assert read(encode_png(pixels[..., :3]), Legend(CLASSES, holds="ids")) == LABELS.tolist()


def test_coloured_pixels_are_no_ids_in_three_channels() -> None:
    pixels = np.repeat(LABELS[..., None], 3, 2)
    pixels[0, 0] = (0, 0, 255)
    assert "1 pixels have colours" in refused(encode_png(pixels), Legend(CLASSES, holds="ids"))


def test_grey_with_alpha_is_grey() -> None:
    data = png(Image.merge("LA", [Image.fromarray(LABELS), Image.new("L", (3, 2), 255)]))
    assert read(data) == LABELS.tolist()
    assert decode_instances(data, "i.png").tolist() == LABELS.tolist()
    clear = png(Image.merge("LA", [Image.fromarray(LABELS), Image.new("L", (3, 2), 254)]))
    assert "6 pixels are transparent" in refused(clear)


def test_a_class_with_id_255_in_8_bits() -> None:
    classes = ClassSet(
        name="deep", classes=(ClassInfo(id=0, name="a", color=(1, 1, 1)), ClassInfo(id=255, name="b", color=(2, 2, 2)))
    )
    data = encode_png(np.array([[0, 255, 255]], np.uint8))
    message = refused(data, classes)
    assert "2 pixels are 255, which is no class in maps of 8 bits, and 'b' (255) of 'deep'" in message
    with pytest.raises(SemsynthError, match="2 pixels are 255"):
        Layout.of_pixels(np.array([[0, 255, 255]], np.uint8), classes)
    assert read(data, Legend.said(classes, meaning=["255:b"])) == [[0, 255, 255]]
    assert read(data, Legend.said(classes, meaning=["255:void"])) == [[0, VOID, VOID]]
    assert read(encode_png(np.array([[0, 255]], np.uint16)), classes) == [[0, 255]]
    assert read(encode_png(np.array([[0, 0]], np.uint8)), classes) == [[0, 0]]


def test_binary_masks() -> None:
    data = encode_png(np.array([[0, 255]], np.uint8))
    assert read(data) == [[0, VOID]]
    assert read(data, Legend.said(CLASSES, meaning=["255:1"])) == [[0, 1]]
    assert read(data, Legend.said(CLASSES, meaning=["255:c"])) == [[0, 2]]


def test_shared_colours_matter_where_they_occur() -> None:
    classes = builtin("ade20k")
    road, skyscraper, sky = (classes[name] for name in ("road", "skyscraper", "sky"))
    assert road.color == skyscraper.color
    assert read(encode_png(np.array([[sky.color]], np.uint8)), classes) == [[sky.id]]
    mixed = encode_png(np.array([[sky.color, road.color, road.color]], np.uint8))
    message = refused(mixed, classes)
    assert f"#8c8c8c (2 pixels) is 'road' ({road.id}), 'skyscraper' ({skyscraper.id})" in message
    assert f"--map '#8c8c8c:{road.id}'" in message
    assert read(mixed, Legend.said(classes, meaning=["#8c8c8c:skyscraper"])) == [[sky.id] + [skyscraper.id] * 2]
    assert read(mixed, Legend.said(classes, void=["#8C8C8C"])) == [[sky.id, VOID, VOID]]


def test_black_that_several_classes_share() -> None:
    classes = builtin("cityscapes")
    data = encode_png(np.array([[(128, 64, 128), (0, 0, 0)]], np.uint8))
    assert "#000000 (1 pixels) is 'unlabeled' (0)" in refused(data, classes)
    assert read(data, Legend.said(classes, void="#000000")) == [[7, VOID]]


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_map_is_refused(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = png(Image.fromarray(LABELS), exif=exif)
    assert f"label map with EXIF orientation {orientation}" in refused(data)
    for form in ("PNG", "TIFF"):
        buffer = BytesIO()
        Image.fromarray(LABELS).save(buffer, form, exif=exif)
        with pytest.raises(SemsynthError, match=f"instance map with EXIF orientation {orientation}"):
            decode_instances(buffer.getvalue(), "i")


def test_unknown_ids_and_colours_name_the_options() -> None:
    assert "--map 9:CLASS` or `--void 9`" in refused(encode_png(np.array([[9]], np.uint8)))
    assert "--map '#010203:CLASS'` or `--void '#010203'`" in refused(encode_png(np.array([[(1, 2, 3)]], np.uint8)))


@pytest.mark.parametrize(
    ("meaning", "void", "message"),
    [
        (["255"], None, "'255' is not a number or colour, a colon and a class"),
        (["255:"], None, "is not a number or colour"),
        (["red:1"], None, "'red' is neither a number from 0 to 65535 nor a colour"),
        (["65536:1"], None, "neither a number from 0 to 65535"),
        (["9" * 6000 + ":1"], None, "neither a number from 0 to 65535"),
        (["7:9"], None, "'four' has no class '9'"),
        (["7:house"], None, "'four' has no class 'house'"),
        (["7:1", "7:2"], None, "7 is given twice"),
        (["7:1"], 7, "7 is given twice"),
        ([], 2, "id 2 is a class of 'four': it cannot be void as well"),
        ([], ["#ff0000"], r"#ff0000 is the colour of 'c' \(2\): it cannot be void as well"),
        ([], "#f00", "neither a number from 0 to 65535 nor a colour"),
    ],
)
def test_meanings_that_make_no_sense(meaning: list[str], void: int | str | list[str] | None, message: str) -> None:
    with pytest.raises(SemsynthError, match=message) as caught:
        Legend.said(CLASSES, meaning=meaning, void=void)
    assert len(str(caught.value)) < 700


@given(st.dictionaries(st.integers(0, 300), st.sampled_from([0, 1, 2, 3, VOID]), max_size=5), st.booleans())
def test_meanings_are_applied_once(numbers: dict[int, int], deep: bool) -> None:
    """1:2 and 2:1 swap; what is not named stays."""
    labels = np.array([[0, 1, 2, 3, *(n for n in numbers if deep or n < 255)]], np.uint16 if deep else np.uint8)
    expected = [numbers.get(int(n), int(n)) for n in labels[0]]
    assert Layout.decode(encode_png(labels), Legend(CLASSES, numbers=numbers)).labels[0].tolist() == expected

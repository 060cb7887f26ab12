"""Layouts as objects: opened, saved, taken from pixels and shown in notebooks."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsynth.classes import VOID, builtin
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.images import encode_png, save_png
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components

CLASSES = builtin("cmp_facades")
FRONT = instances_from_components(draw_facade(3, 32))


def test_what_is_saved_is_opened_again(tmp_path: Path) -> None:
    FRONT.save(tmp_path / "labels.png", tmp_path / "instances.png")
    again = Layout.open(tmp_path / "labels.png", CLASSES, tmp_path / "instances.png")
    assert np.array_equal(again.labels, FRONT.labels)
    assert np.array_equal(again.instances, FRONT.instances)  # type: ignore[arg-type]
    assert Layout.open(str(tmp_path / "labels.png"), CLASSES).instances is None


def test_the_class_set_may_be_named_or_be_a_file(tmp_path: Path) -> None:
    FRONT.save(tmp_path / "labels.png")
    CLASSES.save(tmp_path / "classes.json")
    for classes in ("cmp_facades", tmp_path / "classes.json", str(tmp_path / "classes.json")):
        assert Layout.open(tmp_path / "labels.png", classes).classes == CLASSES


def test_nothing_is_written_if_the_instances_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"cannot write .*i\.png: the layout has no instances"):
        draw_facade(3, 32).save(tmp_path / "l.png", tmp_path / "i.png")
    assert not list(tmp_path.iterdir())


def test_pixels_mean_what_they_mean_in_files(tmp_path: Path) -> None:
    labels = np.where(FRONT.labels == 1, np.uint16(VOID), FRONT.labels)
    eight = np.where(labels == VOID, 255, labels).astype(np.uint8)
    colors = Layout(labels, CLASSES).colors()
    for name, pixels in {"8": eight, "16": labels, "rgb": colors}.items():
        save_png(tmp_path / f"{name}.png", pixels)
        opened = Layout.open(tmp_path / f"{name}.png", CLASSES).labels
        assert np.array_equal(opened, labels)
        for given in (pixels, Image.fromarray(pixels)):
            assert np.array_equal(Layout.of_pixels(given, CLASSES).labels, opened)


@pytest.mark.parametrize("mode", ["P", "I", "RGBA"])
def test_other_modes_of_pictures(mode: str) -> None:
    eight = FRONT.labels.astype(np.uint8)
    picture = Image.fromarray(FRONT.colors()).convert("RGBA") if mode == "RGBA" else Image.fromarray(eight)
    if mode == "P":
        picture.putpalette(list(range(256)) * 3)
    converted = picture.convert(mode) if mode == "I" else picture
    assert converted.mode == mode
    assert np.array_equal(Layout.of_pixels(converted, CLASSES).labels, FRONT.labels)


def test_one_bit_pictures_hold_the_ids_0_and_1() -> None:
    picture = Image.fromarray(np.array([[0, 255], [255, 0]], np.uint8)).convert("1")
    assert Layout.of_pixels(picture, builtin("cityscapes")).labels.tolist() == [[0, 1], [1, 0]]


def test_ids_from_pictures_are_checked_like_those_of_files() -> None:
    with pytest.raises(SemsynthError, match="integers from 0 to 65535"):
        Layout.of_pixels(Image.fromarray(np.full((2, 2), 70000, np.int32)), CLASSES)
    with pytest.raises(SemsynthError, match="mode CMYK is not a label map"):
        Layout.of_pixels(Image.new("CMYK", (2, 2)), CLASSES)
    with pytest.raises(SemsynthError, match="ids outside the class set 'cmp_facades': 77"):
        Layout.of_pixels(np.full((2, 2), 77, np.uint8), CLASSES)


def test_notebooks_show_a_layout_in_its_classes_colours() -> None:
    shown = Image.open(BytesIO(FRONT._repr_png_()))
    assert np.array_equal(np.asarray(shown), CLASSES.palette[CLASSES.index_of_id[FRONT.labels]])


def test_the_text_of_a_layout_is_short() -> None:
    assert repr(FRONT) == "Layout(32x32, class set cmp_facades, with instances)"
    assert repr(draw_facade(0, 32).resized((32, 64))) == "Layout(64x32, class set cmp_facades)"


def test_instances_from_bytes_belong_to_the_same_labels() -> None:
    numbers = np.arange(FRONT.labels.size, dtype=np.uint16).reshape(FRONT.size)
    layout = draw_facade(3, 32).with_instances(encode_png(numbers))
    assert np.array_equal(layout.instances, numbers)  # type: ignore[arg-type]
    assert np.array_equal(layout.labels, FRONT.labels)
    with pytest.raises(SemsynthError, match=r"^upload: the instance map is 2x2, the label map 32x32"):
        FRONT.with_instances(encode_png(np.zeros((2, 2), np.uint8)), "upload")

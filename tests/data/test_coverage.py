from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.data.coverage import class_pixels, coverage
from semsynth.data.first_look import LOOKED_AT, first_look
from semsynth.data.folder import DatasetFolder
from semsynth.data.sample import Sample
from semsynth.data.toy import write_toy
from semsynth.errors import SemsynthError
from semsynth.layout import Layout

CLASSES = ClassSet(name="c", classes=tuple(ClassInfo(id=7 * i, name=f"c{i}", color=(i, 1, 2)) for i in range(3)))


@given(st.lists(st.integers(0, 1000), min_size=4, max_size=4))
def test_a_hidden_class_is_never_silent_and_complete_splits_are(pixels: list[int]) -> None:
    found = coverage("train", np.array(pixels), CLASSES)
    *classes, void = pixels
    total = sum(pixels)
    if all(classes) or not void:
        assert found.line is None
    elif not any(classes):
        assert found.nothing
        assert "nothing but void" in str(found.problem)
    elif void >= 0.1 * total:
        assert "never occur" in str(found.line)
        assert all((f"'c{i}' ({7 * i})" in str(found.line)) == (not count) for i, count in enumerate(classes))
    assert found.problem is None or found.note is None


@pytest.mark.parametrize(
    ("pixels", "kind"),
    [
        ((50, 50, 0, 9), "nothing"),
        ((45, 44, 0, 11), "note"),
        ((25, 25, 0, 50), "note"),
        ((25, 24, 0, 51), "problem"),
        ((97, 0, 0, 3), "problem"),  # one class and void: a mask of 0 and 255
        ((999, 0, 0, 1), "nothing"),
        ((0, 0, 0, 1), "problem"),
        ((1, 1, 1, 999), "nothing"),
    ],
)
def test_limits(pixels: tuple[int, ...], kind: str) -> None:
    found = coverage("train", np.array(pixels), CLASSES)
    assert ("problem" if found.problem else "note" if found.note else "nothing") == kind


def test_pixels_are_counted_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semsynth.data.coverage.STRIP_PIXELS", 7)
    labels = np.random.default_rng(0).choice(np.array([0, 7, 14, VOID], np.uint16), (9, 11))
    assert class_pixels(Layout(labels, CLASSES)).tolist() == [int((labels == i).sum()) for i in (0, 7, 14, VOID)]


def samples(*ids: int, count: int = 1) -> list[Sample]:
    return [Sample("x", Layout(np.array([ids], np.uint16), CLASSES))] * count


def test_training_is_told_of_hidden_classes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    first_look(samples(0, VOID, count=5), "data, train")
    assert "data, train: 50% of the pixels are void, and 'c1' (7), 'c2' (14) never occur" in caplog.text
    caplog.clear()
    first_look(samples(0, 7, 14, VOID, VOID, count=500), "data, train")
    assert not caplog.text
    first_look(samples(VOID, count=500), "data, train")
    assert f"data, train ({LOOKED_AT} of 500 label maps) holds nothing but void" in caplog.text


def test_a_training_on_nothing_but_void_is_refused() -> None:
    with pytest.raises(SemsynthError, match="data, train holds nothing but void, 4 pixels: no class occurs"):
        first_look(samples(VOID, VOID, count=2), "data, train")


def test_training_is_told_of_photos_that_are_turned(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_toy(tmp_path, 4, size=16)
    caplog.set_level(logging.WARNING)
    first_look(DatasetFolder(tmp_path, "train"), "data, train")
    assert not caplog.text
    exif = Image.Exif()
    exif[0x0112] = 3
    path = tmp_path / "train/images/toy_00000.png"
    with Image.open(path) as image:
        image.save(path, exif=exif)
    first_look(DatasetFolder(tmp_path, "train"), "data, train")
    assert "data, train: 1 photo is read turned or mirrored, as the EXIF orientation says" in caplog.text
    assert f"{path} (3); label maps" in caplog.text

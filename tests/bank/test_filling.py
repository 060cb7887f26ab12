"""From a layout to its canvas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semsynth.bank.filling import Choices, enlarged, fill, find_choices, in_order
from semsynth.bank.memory import MemoryBank
from semsynth.bank.segments import Segment
from semsynth.bank.settings import CanvasSettings
from semsynth.classes import builtin
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError
from semsynth.layout import Layout

PLAIN = CanvasSettings(elision=0)


def scene(folder: Path, split: str = "train", number: int = 0) -> Layout:
    return DatasetFolder(folder, split)[number].layout


def test_a_training_layout_finds_its_own_photo(scenes: Path, scene_bank: MemoryBank) -> None:
    layout = scene(scenes)
    canvas = fill(layout, scene_bank, find_choices(layout, scene_bank, PLAIN), 0, PLAIN)
    photo = DatasetFolder(scenes, "train")[0].image
    assert photo is not None
    assert canvas.filled.mean() > 0.8
    assert np.allclose(canvas.colour[canvas.filled], photo[canvas.filled] / 255)
    assert canvas.photos == (0,)


def test_seeds_choose_other_pieces(scenes: Path, scene_bank: MemoryBank) -> None:
    layout = scene(scenes, "val")
    choices = find_choices(layout, scene_bank, PLAIN)
    best, again, other = (fill(layout, scene_bank, choices, seed, PLAIN) for seed in (0, 0, 3))
    assert np.array_equal(best.colour, again.colour)
    assert not np.array_equal(best.colour, other.colour)


def test_single_segments_have_a_piece_of_their_own() -> None:
    mask = np.ones((2, 2), bool)
    choices = Choices([Segment(0, 0, 0, mask, mask)] * 3, np.array([[5, 6, 7], [8, 9, -1], [-1, -1, -1]]))
    assert choices.chosen(0).tolist() == [5, 8, -1]
    assert choices.chosen(0, {0: 2, 1: 2, 2: 1}).tolist() == [7, 9, -1]


@pytest.mark.parametrize("size", [(128, 128), (32, 48)])
def test_pictures_of_another_size_than_the_bank(scenes: Path, scene_bank: MemoryBank, size: tuple[int, int]) -> None:
    layout = scene(scenes).resized(size)
    canvas = fill(layout, scene_bank, find_choices(layout, scene_bank, PLAIN), 0, PLAIN)
    assert canvas.colour.shape == (*size, 3)
    assert canvas.filled.mean() > 0.5
    assert np.array_equal(canvas.labels, layout.labels)


def test_pieces_stay_inside_their_segments_or_change_the_layout(scenes: Path, scene_bank: MemoryBank) -> None:
    layout = scene(scenes, "val")
    choices = find_choices(layout, scene_bank, PLAIN)
    faithful, published = (fill(layout, scene_bank, choices, 0, CanvasSettings(faithful=one)) for one in (True, False))
    assert np.array_equal(faithful.labels, layout.labels)
    assert not np.array_equal(published.labels, layout.labels)


def test_other_classes_are_refused(scenes: Path, scene_bank: MemoryBank) -> None:
    other = Layout(np.zeros((64, 64), np.uint16), builtin("cmp_facades"))
    with pytest.raises(SemsynthError, match="has other classes"):
        find_choices(other, scene_bank, PLAIN)


def test_back_to_front_and_large_before_small() -> None:
    def segment(class_id: int, side: int) -> Segment:
        mask = np.ones((side, side), bool)
        return Segment(class_id, 0, 0, mask, mask)

    ordered = in_order([segment(2, 1), segment(1, 1), segment(1, 3), segment(9, 1)], order=(2, 1))
    assert [(one.class_id, one.mask.size) for one in ordered] == [(9, 1), (2, 1), (1, 9), (1, 1)]


def test_enlarging_takes_the_pixel_at_the_centre() -> None:
    array = np.arange(6).reshape(2, 3)
    assert np.array_equal(enlarged(array, (4, 6)), array.repeat(2, 0).repeat(2, 1))
    assert np.array_equal(enlarged(array.repeat(3, 0), (2, 3)), array)
    assert enlarged(array, (2, 3)) is array


def test_the_bank_is_named_by_its_checksum(scene_bank: MemoryBank, tmp_path: Path) -> None:
    settings = CanvasSettings(bank=str(scene_bank.folder)).named((64, 64))
    assert settings.sha256 == scene_bank.checksum
    assert len(settings.open()) == len(scene_bank)
    with pytest.raises(SemsynthError, match="is not the memory bank that the model was trained with"):
        settings.model_copy(update={"sha256": "0" * 64}).open()
    with pytest.raises(SemsynthError, match=r"working size of 64x64, the pictures are 32x16: .* --size 32x16"):
        CanvasSettings(bank=str(scene_bank.folder)).named((16, 32))
    with pytest.raises(SemsynthError, match="needs a memory bank of its training photos"):
        CanvasSettings().named(None)
    with pytest.raises(SemsynthError, match="is missing: restore it, or name its new place with `bank`"):
        replace_path(settings, tmp_path / "gone").open()
    (tmp_path / "model").mkdir()
    with pytest.raises(SemsynthError, match=r"or copy it to .*model/bank"):
        replace_path(settings, tmp_path / "gone").open(tmp_path / "model")
    (tmp_path / "model/bank").symlink_to(scene_bank.folder)
    assert len(replace_path(settings, tmp_path / "gone").open(tmp_path / "model")) == len(scene_bank)


def replace_path(settings: CanvasSettings, path: Path) -> CanvasSettings:
    return settings.model_copy(update={"bank": str(path)})

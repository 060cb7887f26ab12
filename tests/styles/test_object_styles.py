"""Styles of objects through the synthesizer: what each kind of style does, and what is refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import CLASSES, save_tiny_model, save_tiny_pix2pixhd

from semsynth.classes import VOID
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, LayoutBatch
from semsynth.styles.bank import STYLES
from semsynth.styles.object_styles import ObjectStyles
from semsynth.synthesizer import Synthesizer, load

WALL, WINDOW, DOOR = 2, 4, 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_pix2pixhd(tmp_path_factory.mktemp("models") / "objects")


@pytest.fixture(scope="module")
def synthesizer(folder: Path) -> Synthesizer:
    return load(folder, "cpu", "float32")


@pytest.fixture
def layout() -> Layout:
    """A wall with two windows."""
    labels = np.full((24, 40), WALL, np.uint16)
    instances = np.full((24, 40), WALL, np.int32)
    for number, left in enumerate((4, 24)):
        labels[6:18, left : left + 10] = WINDOW
        instances[6:18, left : left + 10] = 4000 + number
    return Layout(labels, CLASSES, instances)


def pixels(photo: Image.Image) -> np.ndarray:
    return np.asarray(photo).astype(int)


def features(synthesizer: Synthesizer, layout: Layout, **choice: object) -> np.ndarray:
    reader = synthesizer._styles
    assert isinstance(reader, ObjectStyles)
    read = reader.read(reader.choose(choice.get("style"), choice.get("seed"), choice.get("object_styles")), layout)
    return read.numpy()


def bank(synthesizer: Synthesizer) -> dict[int, torch.Tensor]:
    assert isinstance(synthesizer._styles, ObjectStyles)
    assert synthesizer._styles.bank is not None
    return synthesizer._styles.bank.modes


def test_a_seed_gives_every_object_a_mode_of_its_class(synthesizer, layout):
    seen = set()
    for seed in range(12):
        drawn = features(synthesizer, layout, seed=seed)
        vector = drawn[:, 8, 26]
        assert any(np.array_equal(vector, mode) for mode in bank(synthesizer)[WINDOW].numpy())
        assert (drawn[:, 6:18, 24:34] == vector[:, None, None]).all()
        seen.add(vector.tobytes())
    assert len(seen) == len(bank(synthesizer)[WINDOW]) == 1 or len(seen) > 1


def test_an_object_keeps_its_style_when_another_is_removed(synthesizer, layout):
    without = Layout(layout.labels.copy(), CLASSES, layout.instances.copy())
    without.labels[6:18, 4:14], without.instances[6:18, 4:14] = WALL, WALL
    assert np.array_equal(
        features(synthesizer, layout, seed=3)[:, 8, 26], features(synthesizer, without, seed=3)[:, 8, 26]
    )


def test_modes_and_vectors_reach_their_object_alone(synthesizer, layout):
    plain = features(synthesizer, layout)
    styled = features(synthesizer, layout, object_styles={4001: [0.25, -0.5, 1.0], WALL: 1})
    assert styled[:, 8, 26].tolist() == [0.25, -0.5, 1.0]
    assert np.array_equal(styled[:, 0, 0], bank(synthesizer)[WALL][1].numpy())
    assert np.array_equal(styled[:, 8, 6], plain[:, 8, 6])


def test_a_photo_of_the_layout_lends_every_objects_style(synthesizer, layout):
    photo = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    read = features(synthesizer, layout, style=Image.fromarray(photo))
    reader = synthesizer._styles
    raw = reader.encoder.pixels(torch.from_numpy(photo).permute(2, 0, 1)[None] / 127.5 - 1)[0].numpy()
    np.testing.assert_allclose(read[:, 8, 26], raw[:, 6:18, 24:34].mean((1, 2)), atol=1e-5)
    assert np.abs(pixels(synthesizer(layout, style=Image.fromarray(photo))) - pixels(synthesizer(layout))).max() > 0


def test_a_crop_lends_its_style_to_one_object(synthesizer, layout, tmp_path):
    crop = Image.fromarray(np.random.default_rng(1).integers(0, 256, (9, 11, 3), np.uint8))
    crop.save(tmp_path / "crop.png")
    for style in (crop, tmp_path / "crop.png"):
        read = features(synthesizer, layout, object_styles={4000: style})
        assert np.array_equal(
            read[:, 8, 6], features(synthesizer, layout, object_styles={4000: np.asarray(crop)})[:, 8, 6]
        )
        assert np.array_equal(read[:, 8, 26], features(synthesizer, layout)[:, 8, 26])


def test_the_choices_are_the_photos_of_every_mode(synthesizer, layout):
    photos = synthesizer.style_choices(layout, WALL, seed=2)
    assert len(photos) == len(bank(synthesizer)[WALL])
    for mode, photo in enumerate(photos):
        assert np.abs(pixels(photo) - pixels(synthesizer(layout, seed=2, object_styles={WALL: mode}))).max() <= 1
    assert np.abs(pixels(photos[0]) - pixels(photos[1])).max() > 0


def test_any_size_is_padded_and_cut_back(synthesizer):
    for size in ((24, 40), (23, 37), (5, 21)):
        labels = np.full(size, WALL, np.uint16)
        assert synthesizer(Layout(labels, CLASSES, labels.astype(np.int32))).size == (size[1], size[0])


def test_a_size_far_from_the_trainings_is_made_with_a_note(synthesizer):
    labels = np.full((5, 3), WALL, np.uint16)
    with pytest.warns(UserWarning, match="is 3x5, the model was trained at 32x32"):
        assert synthesizer(Layout(labels, CLASSES, labels.astype(np.int32))).size == (3, 5)


def test_padding_continues_the_layout(synthesizer, layout):
    """A picture of 23 rows is that of its 24-row continuation, cut."""
    short = Layout(layout.labels[:23], CLASSES, layout.instances[:23])
    longer = Layout(
        np.vstack([short.labels, short.labels[-1:]]), CLASSES, np.vstack([short.instances, short.instances[-1:]])
    )
    # The continuation has no boundary in its last row but what repeats: labels, instances and edges are equal.
    batch = [LayoutBatch.from_layouts([one], synthesizer.config.encoding) for one in (short, longer)]
    style = torch.zeros(1, 3, 24, 40)
    made = [synthesizer.synthesize_tensor(one, style[:, :, : one.size[0]]) for one in batch]
    torch.testing.assert_close(made[0], made[1][:, :, :23], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ({77: 0}, "no object with the id 77; it has 2, 4000, 4001"),
        ({4000: 9}, "object 4000: there is no mode 9 of class 4; it has 0 to 0"),
        ({4000: -1}, "there is no mode -1"),
        ({4000: [1.0, 2.0]}, r"a style vector has 3 numbers here, not \[2\]"),
        ({4000: True}, "True is not a mode, a vector or a photo"),
    ],
)
def test_impossible_styles_are_refused(synthesizer, layout, objects, message):
    with pytest.raises(SemsynthError, match=message):
        synthesizer(layout, object_styles=objects)


@pytest.mark.parametrize("styles", [{77: 0}, {4000: 9}, {4001: [0.1, 0.2, 0.3], 4000: -1}])
def test_checking_refuses_what_reading_refuses(synthesizer, layout, styles):
    choice = synthesizer.style(object_styles=styles)
    with pytest.raises(SemsynthError) as checked:
        synthesizer.check_style(layout, choice)
    with pytest.raises(SemsynthError) as read:
        synthesizer(layout, choice)
    assert str(checked.value) == str(read.value)
    synthesizer.check_style(layout, synthesizer.style(object_styles={4001: [0.1, 0.2, 0.3], 4000: 0}))


def test_photos_are_encoded_once_and_never_to_check(synthesizer, layout, monkeypatch):
    encoder, calls = synthesizer._styles.encoder, []
    vectors = encoder.vectors
    monkeypatch.setattr(encoder, "vectors", lambda *given: calls.append(1) or vectors(*given))
    crop = np.random.default_rng(1).integers(0, 256, (9, 11, 3), np.uint8)
    choice = synthesizer.style(object_styles={4000: crop})
    assert len(calls) == 1
    for _ in range(3):
        synthesizer.check_style(layout, choice)
        synthesizer(layout, choice)
    assert len(calls) == 1
    of_the_layout = synthesizer.style(Image.fromarray(crop).resize((40, 24)))
    synthesizer.check_style(layout, of_the_layout)
    assert len(calls) == 1
    synthesizer(layout, of_the_layout)
    assert len(calls) == 2


def test_an_object_on_two_classes_cannot_be_styled_but_is_no_problem_otherwise(synthesizer, layout):
    layout.labels[6:10, 4:14] = DOOR
    assert synthesizer(layout).size == (40, 24)
    with pytest.raises(SemsynthError, match=r"object 4000 spans 4 .* and 6 .*: give each its own instance id"):
        synthesizer(layout, object_styles={4000: 0})


def test_void_alone_can_be_made(synthesizer):
    labels = np.full((32, 32), VOID, np.uint16)
    assert synthesizer(Layout(labels, CLASSES, np.zeros((32, 32), np.int32))).size == (32, 32)


def test_a_photo_of_another_shape_is_refused(synthesizer, layout):
    with pytest.raises(SemsynthError, match="the style photo is 24x24, the layout 40x24"):
        synthesizer(layout, style=Image.new("RGB", (24, 24)))


def test_without_a_bank_all_objects_are_alike_and_it_is_said(layout, tmp_path):
    plain = load(save_tiny_pix2pixhd(tmp_path / "m", bank=False), "cpu", "float32")
    with pytest.warns(UserWarning, match="run 'semsynth styles fit MODEL'"):
        assert not features(plain, layout).any()
    with pytest.raises(SemsynthError, match="has no modes: fit them"):
        plain.style_choices(layout, 4000)


def test_models_without_styles_for_objects_say_so(layout, tmp_path):
    plain = load(save_tiny_pix2pixhd(tmp_path / "plain", features=0), "cpu", "float32")
    spade = load(save_tiny_model(tmp_path / "spade"), "cpu", "float32")
    with pytest.raises(SemsynthError, match="makes one photo of a layout"):
        plain(layout, object_styles={4000: 0})
    with pytest.raises(SemsynthError, match="one style for the whole picture"):
        spade(layout, object_styles={4000: 0})
    with pytest.raises(SemsynthError, match="no styles for objects"):
        spade.style_choices(layout, 4000)


def test_a_bank_of_other_weights_is_refused(folder, tmp_path):
    other = save_tiny_pix2pixhd(tmp_path / "other", features=2)
    (other / STYLES).write_bytes((folder / STYLES).read_bytes())
    with pytest.raises(SemsynthError, match="other weights"):
        load(other, "cpu")


def test_bfloat16_stays_near_float32(synthesizer, folder, layout):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        half = load(folder, "cpu", "bfloat16")(layout, seed=1)
    assert np.abs(pixels(half) - pixels(synthesizer(layout, seed=1))).mean() < 4

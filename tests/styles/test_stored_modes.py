"""Modes of models that read noise: stored, found again, and given to regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import CLASSES, Z_DIM, save_tiny_oasis

from semsynth.checkpoint import load_model
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.styles.bank import STYLES, StyleBank
from semsynth.styles.noise import NoiseStyles, noise_of
from semsynth.synthesizer import Synthesizer, load

TOP, BOTTOM = CLASSES.classes[1], CLASSES.classes[2]


def bank() -> StyleBank:
    stored = StyleBank({}, Z_DIM)
    for class_id, seed, name in ((TOP.id, 11, "red"), (TOP.id, 12, "blue"), (BOTTOM.id, 13, "oak")):
        stored = stored.with_mode(class_id, noise_of(seed, Z_DIM), name)
    return stored


def layout() -> Layout:
    """Two objects of the upper class, left and right, over the lower class."""
    labels = np.full((64, 64), TOP.id, np.uint16)
    labels[32:] = BOTTOM.id
    instances = np.full((64, 64), 70, np.int32)
    instances[:, 32:] = 71
    instances[32:] = 900
    return Layout(labels, CLASSES, instances)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny_oasis(tmp_path_factory.mktemp("models") / "oasis")
    bank().save(folder, load_model(folder).config.style_weights)
    return folder


@pytest.fixture(scope="module")
def synthesizer(folder: Path) -> Synthesizer:
    return load(folder, "cpu", "float32")


def test_stored_modes_come_back(folder: Path) -> None:
    found = StyleBank.load(folder, load_model(folder).config.style_weights)
    assert found is not None
    assert found.names == {TOP.id: ("red", "blue"), BOTTOM.id: ("oak",)}
    assert torch.equal(found.mode(TOP.id, "blue"), noise_of(12, Z_DIM))
    assert torch.equal(found.mode(TOP.id, 1), found.mode(TOP.id, "blue"))
    with pytest.raises(SemsynthError, match=r"no mode green of class 1; it has 0 to 1 \(red, blue\)"):
        found.mode(TOP.id, "green")
    with pytest.raises(SemsynthError, match="no mode 0 of class 7; it has none"):
        found.mode(7, 0)


def test_a_name_is_replaced_in_its_place() -> None:
    changed = bank().with_mode(TOP.id, torch.ones(Z_DIM), "red")
    assert changed.names == bank().names
    assert torch.equal(changed.mode(TOP.id, 0), torch.ones(Z_DIM))
    assert torch.equal(changed.mode(TOP.id, 1), noise_of(12, Z_DIM))
    assert torch.equal(bank().mode(TOP.id, 0), noise_of(11, Z_DIM)), "the other bank is as it was"


def test_names_must_fit_the_modes() -> None:
    two = {3: torch.zeros(2, 4)}
    with pytest.raises(SemsynthError, match="give each a name of its own"):
        StyleBank(two, 4, names={3: ("a", "a")})
    with pytest.raises(SemsynthError, match="have no names"):
        StyleBank(two, 4).with_mode(3, torch.zeros(4), "b")
    with pytest.raises(SemsynthError, match=r"class 5 are \[1, 3\]"):
        StyleBank(two, 4).with_mode(5, torch.zeros(3), "b")


@pytest.mark.parametrize(
    ("styles", "rows", "columns", "expected"),
    [
        ({TOP.id: "red"}, slice(0, 32), slice(0, 64), 11),
        ({TOP.id: 1}, slice(0, 32), slice(0, 64), 12),
        ({71: "blue"}, slice(0, 32), slice(32, 64), 12),
        ({900: 0}, slice(32, 64), slice(0, 64), 13),
        ({70: noise_of(5, Z_DIM)}, slice(0, 32), slice(0, 32), 5),
    ],
)
def test_a_mode_reaches_its_region_alone(styles: dict, rows: slice, columns: slice, expected: int) -> None:
    reader = NoiseStyles(Z_DIM, bank())
    noise = reader.read(reader.choose(None, 3, styles), layout())
    inside = torch.zeros(64, 64, dtype=torch.bool)
    inside[rows, columns] = True
    assert (noise[:, inside] == noise_of(expected, Z_DIM)[:, None]).all()
    assert (noise[:, ~inside] == noise_of(3, Z_DIM)[:, None]).all()


def test_modes_and_seeds_of_regions_go_together(synthesizer: Synthesizer) -> None:
    choice = synthesizer.style(seed=3, object_styles={TOP.id: "red"}, region_seeds={71: 9})
    noise = synthesizer._styles.read(choice, layout())
    assert torch.equal(noise[:, 0, 0], noise_of(11, Z_DIM))
    assert torch.equal(noise[:, 0, 40], noise_of(9, Z_DIM)), "what is said later counts"
    assert torch.equal(noise[:, 40, 0], noise_of(3, Z_DIM))


def test_a_mode_is_the_picture_of_its_seed(synthesizer: Synthesizer) -> None:
    by_mode, by_seed = (
        np.asarray(synthesizer(layout(), seed=3, **given)).astype(int)
        for given in ({"object_styles": {TOP.id: "blue"}}, {"region_seeds": {TOP.name: 12}})
    )
    assert np.array_equal(by_mode, by_seed)
    assert abs(by_mode - np.asarray(synthesizer(layout(), seed=3))).max() > 1


def test_the_choices_are_the_photos_of_every_mode(synthesizer: Synthesizer) -> None:
    assert dict(synthesizer.style_modes) == {TOP.id: 2, BOTTOM.id: 1}
    for region in (71, TOP.id):
        photos = synthesizer.style_choices(layout(), region, seed=2)
        assert len(photos) == 2
        for mode, photo in enumerate(photos):
            expected = np.asarray(synthesizer(layout(), seed=2, object_styles={region: mode})).astype(int)
            assert abs(np.asarray(photo) - expected).max() <= 1


def test_what_cannot_be(synthesizer: Synthesizer, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="no mode 7 of class 1"):
        synthesizer(layout(), object_styles={71: 7})
    with pytest.raises(SemsynthError, match=r"has 8 numbers here, not \[2\]"):
        synthesizer(layout(), object_styles={71: [1.0, 2.0]})
    for photo in (Image.new("RGB", (4, 4)), Path("a.png"), True):
        with pytest.raises(SemsynthError, match="reads no photos"):
            synthesizer(layout(), object_styles={71: photo})
    mixed = layout()
    mixed.labels[10:12] = BOTTOM.id
    with pytest.raises(SemsynthError, match="object 71 spans"):
        synthesizer(mixed, object_styles={71: 0})
    with pytest.raises(SemsynthError, match="no object and no class '12345'"):
        synthesizer(layout(), object_styles={12345: 0})
    plain = load(save_tiny_oasis(tmp_path / "plain"), "cpu", "float32")
    with pytest.raises(SemsynthError, match="store some with 'semsynth styles store"):
        plain.style_choices(layout(), 71)
    other = save_tiny_oasis(tmp_path / "other", z_dim=4)
    (other / STYLES).write_bytes((folder / STYLES).read_bytes())
    with pytest.raises(SemsynthError, match="other weights"):
        load(other, "cpu")


def test_a_mode_of_an_absent_class_is_a_note(synthesizer: Synthesizer) -> None:
    flat = Layout(np.full((64, 64), BOTTOM.id, np.uint16), CLASSES)
    with pytest.warns(UserWarning, match=f"has no '{TOP.name}'"):
        changed = np.asarray(synthesizer(flat, seed=3, object_styles={TOP.id: "red"})).astype(int)
    assert abs(changed - np.asarray(synthesizer(flat, seed=3))).max() <= 1

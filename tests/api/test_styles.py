"""``semsynth.fit_styles``, ``store_mode`` and ``list_modes``."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_models import CLASSES, save_tiny_model, save_tiny_oasis, save_tiny_pix2pixhd

import semsynth
from semsynth import SemsynthError
from semsynth.checkpoint import load_model
from semsynth.classes import ClassSet
from semsynth.data.folder import DatasetFolder
from semsynth.data.shards.sharding import shard_folder
from semsynth.data.toy import TOY_CLASSES, draw_scene, write_toy
from semsynth.styles.bank import STYLES, StyleBank
from semsynth.styles.noise import noise_of

LOWER = CLASSES.classes[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "toy"
    write_toy(folder, 4, size=32)
    return folder


@pytest.fixture
def objects(data: Path, tmp_path: Path) -> Path:
    """A model with styles of objects, and no modes yet."""
    return save_tiny_pix2pixhd(tmp_path / "objects", classes=ClassSet.open(data / "classes.json"), bank=False)


def pixels(photo: Image.Image) -> np.ndarray:
    return np.asarray(photo).astype(int)


def test_objects_get_modes_by_class(data: Path, objects: Path) -> None:
    calls: list[tuple[int, int]] = []
    found = semsynth.fit_styles(objects, data, modes=2, device="cpu", progress=lambda *step: calls.append(step))
    assert calls == [(1, 3), (2, 3), (3, 3)]
    samples = DatasetFolder(data, "train", instances=True)
    shown = np.unique(np.concatenate([sample.layout.labels.flatten() for sample in samples]))  # type: ignore[attr-defined]
    assert {one.class_id for one in found.modes} == set(shown.tolist())
    assert {*(one.class_name for one in found.modes), *found.without_modes} == {c.name for c in TOY_CLASSES.classes}
    assert max(one.count for one in found.modes) == 2
    assert found.about.endswith("objects of 3 photographs, at most 2 modes per class")
    assert semsynth.list_modes(objects) == found.modes
    assert not found.one_object_per_class
    assert repr(found) == f"<styles of {found.about}: {objects}>"
    assert f"<td>{found.modes[0].class_name}</td>" in found._repr_html_()


def test_shards_and_their_folder_give_the_same_modes(data: Path, objects: Path, tmp_path: Path) -> None:
    semsynth.fit_styles(objects, data, device="cpu")
    modes = (objects / STYLES).read_bytes()
    shard_folder(data, tmp_path / "shards", 10_000)
    semsynth.fit_styles(objects, tmp_path / "shards", device="cpu")
    assert (objects / STYLES).read_bytes() == modes


def test_without_instance_maps_every_class_is_one_object(data: Path, objects: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "plain")
    shutil.rmtree(tmp_path / "plain" / "train" / "instances")
    found = semsynth.fit_styles(objects, tmp_path / "plain", device="cpu")
    assert found.one_object_per_class
    assert max(one.count for one in found.modes) <= 3, "at most one object in each of three photos"


def test_seeds_draw_the_styles_of_photos(data: Path, tmp_path: Path) -> None:
    model = save_tiny_model(tmp_path / "model", classes=ClassSet.open(data / "classes.json"))
    layout, lender = draw_scene(9, 32).condition, data / "train" / "images"
    photo = sorted(lender.iterdir())[0]

    def made(**style: object) -> np.ndarray:
        return pixels(semsynth.load(model, "cpu", "float32")(layout, **style))  # type: ignore[arg-type]

    before = made(style=photo), made(seed=1)
    found = semsynth.fit_styles(model, data, device="cpu")
    assert found.about == load_model(model).card.styles == "3 photographs of toy, train split"
    assert (found.modes, found.without_modes) == ((), ())
    assert np.abs(made(style=photo) - before[0]).max() <= 1
    assert np.abs(made(seed=1) - before[1]).max() > 1


def test_models_and_data_that_do_not_fit(data: Path, tmp_path: Path) -> None:
    classes = ClassSet.open(data / "classes.json")
    for plain in (
        save_tiny_pix2pixhd(tmp_path / "plain", features=0),
        save_tiny_model(tmp_path / "layouts", styles=False, classes=classes),
    ):
        with pytest.raises(SemsynthError, match="has no style encoder"):
            semsynth.fit_styles(plain, data)
    other = save_tiny_pix2pixhd(tmp_path / "other")
    with pytest.raises(SemsynthError, match="fit it on its own data"):
        semsynth.fit_styles(other, data)


def test_a_stored_mode_is_the_noise_of_its_seed(tmp_path: Path) -> None:
    model = save_tiny_oasis(tmp_path / "model")
    with pytest.raises(SemsynthError, match="has no modes"):
        semsynth.list_modes(model)
    first = semsynth.store_mode(model, LOWER.name, "oak", seed=9)
    assert (first.class_id, first.class_name, first.count, first.names) == (LOWER.id, LOWER.name, 1, ("oak",))
    second = semsynth.store_mode(model, LOWER.id, "pine", seed=4)
    assert semsynth.list_modes(model) == (second,)
    assert second.names == ("oak", "pine")
    config = load_model(model).config
    bank = StyleBank.load(model, config.style_weights)
    assert bank is not None
    assert torch.equal(bank.mode(LOWER.id, "oak"), noise_of(9, bank.features))


def test_a_taken_name_is_replaced_only_when_asked(tmp_path: Path) -> None:
    model = save_tiny_oasis(tmp_path / "model")
    semsynth.store_mode(model, LOWER.name, "oak", seed=9)
    before = (model / STYLES).read_bytes()
    with pytest.raises(SemsynthError, match="has a mode 'oak' already: replace it"):
        semsynth.store_mode(model, LOWER.name, "oak", seed=10)
    assert (model / STYLES).read_bytes() == before
    assert semsynth.store_mode(model, LOWER.name, "oak", seed=10, replace=True).names == ("oak",)
    assert (model / STYLES).read_bytes() != before


def test_what_cannot_be_stored(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="class sofa: the model has no such class; it has "):
        semsynth.store_mode(save_tiny_oasis(tmp_path / "oasis"), "sofa", "a", seed=1)
    for other in (save_tiny_model(tmp_path / "spade"), save_tiny_pix2pixhd(tmp_path / "hd")):
        with pytest.raises(SemsynthError, match="reads no noise for regions"):
            semsynth.store_mode(other, LOWER.name, "a", seed=1)

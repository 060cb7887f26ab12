"""A training that begins with a model of other classes: what was learned of a class goes to the class of its name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from semsynth.checkpoint import BUNDLED, Card, load_model
from semsynth.classes import NO_CLASSES, VOID, ClassInfo, ClassSet
from semsynth.config import override
from semsynth.data.sample import Sample
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.recipes import RECIPES
from semsynth.recipes.base import Recipe
from semsynth.training.affinity import affinity_matrix
from semsynth.training.beginning import Beginning, begin_with, class_axes, find_start, for_classes

TINY = ("generator.width=2", "discriminator.width=2", "data.crop_size=64", "generator.crop_size=64")
SMALL = {
    "spade": ("loss.perceptual=0", *TINY),
    "oasis": TINY,
    "pix2pixhd": ("loss.perceptual=0", "generator.width=4", "generator.downsamplings=2", "data.load_size=64"),
    "pix2pix": ("generator.width=2", "generator.halvings=5"),
    "image_space": (),
}


def class_set(*names: str) -> ClassSet:
    """Classes in this order."""
    return ClassSet(
        name="-".join(names),
        classes=tuple(ClassInfo(id=3 * n, name=name, color=(n, 0, 0)) for n, name in enumerate(names)),
    )


OLD = class_set("wall", "sky", "door", "grass")
NEW = class_set("car", "door", "wall", "tree", "road", "sky")
AS_MANY = class_set("sky", "wall", "tree", "door")


def build(system: str, classes: ClassSet) -> Recipe:
    """A small recipe; other weights for each class set."""
    preset = override(RECIPES[system].presets["small"](classes, False), SMALL[system])
    torch.manual_seed(len(classes.name))
    return RECIPES[system].build(preset, classes, None)


def picture(recipe: Recipe, classes: ClassSet, *names: str) -> Tensor:
    """Of stripes of named classes, and void above them."""
    labels = np.full((64, 64), VOID, np.uint16)
    for number, name in enumerate(names):
        labels[8 + 16 * number :] = classes[name].id
    batch = recipe.collate([Sample("stripes", Layout(labels, classes), np.zeros((64, 64, 3), np.uint8))])
    networks = {name: network.eval() for name, network in recipe.networks.items()}
    torch.manual_seed(5)
    with torch.no_grad():
        return recipe.generate(networks, batch)


@pytest.mark.parametrize("system", SMALL)
def test_classes_of_the_same_name_look_the_same(system: str) -> None:
    old, new = build(system, OLD), build(system, NEW)
    for name in old.networks:
        state = old.networks[name].state_dict()
        axes = class_axes(new.networks[name])
        moved = for_classes(state, axes, affinity_matrix(OLD, NEW), old.first_class_channel(name))
        new.networks[name].load_state_dict(moved)
    names = ("door", "wall", "sky")
    torch.testing.assert_close(picture(new, NEW, *names), picture(old, OLD, *names))


def test_also_where_there_are_as_many_classes() -> None:
    old, new = build("spade", OLD), build("spade", AS_MANY)
    axes = class_axes(new.networks["generator"])
    assert set(axes.values()) == {1}
    moved = for_classes(old.networks["generator"].state_dict(), axes, affinity_matrix(OLD, AS_MANY), 0)
    new.networks["generator"].load_state_dict(moved)
    names = ("door", "wall", "sky")
    torch.testing.assert_close(picture(new, AS_MANY, *names), picture(old, OLD, *names))


def test_channels_by_hand() -> None:
    weight = torch.tensor([[9.0, 1.0, 2.0, 3.0, 6.0, 8.0]])  # noise, then wall, sky, door and grass, then void
    moved = for_classes({"a": weight, "b": weight}, {"a": 1}, affinity_matrix(OLD, NEW), first=1)
    assert moved["a"].tolist() == [[9.0, 3.0, 3.0, 1.0, 3.0, 3.0, 2.0, 8.0]]  # the mean of 1, 2, 3 and 6 is 3
    assert moved["b"] is weight


def test_what_judges_classes_keeps_fake_and_void_first() -> None:
    old, new = build("oasis", OLD), build("oasis", NEW)
    judge = "discriminator"
    axes = class_axes(new.networks[judge])
    assert axes == {"to_logits.weight": 0, "to_logits.bias": 0}
    moved = for_classes(
        old.networks[judge].state_dict(), axes, affinity_matrix(OLD, NEW), old.first_class_channel(judge)
    )
    old_rows, rows = old.networks[judge].state_dict()["to_logits.weight"], moved["to_logits.weight"]
    torch.testing.assert_close(rows[:2], old_rows[:2])  # fake, void
    torch.testing.assert_close(rows[2 + 1], old_rows[2 + 2])  # door
    torch.testing.assert_close(rows[2 + 0], old_rows[2:].mean(0))  # car


def test_bundled_model_begins_a_training_of_street_classes() -> None:
    model = load_model(BUNDLED / "facades")
    streets = class_set("building", "car", "window", "sky", "door")
    settings = ["generator.frozen_statistics=true", "generator.noise_injection=true", "loss.perceptual=0"]
    recipe = RECIPES["spade"].build(
        override(RECIPES["spade"].presets["small"](streets, False), settings), streets, None
    )
    beginning = begin_with(BUNDLED / "facades", recipe)
    assert beginning == Beginning(("generator", "encoder"), ("window", "door"))
    text = "generator and encoder (window, door by name; other classes begin with the mean of those there)"
    assert str(beginning) == text
    key = "up_3.norm_0.shared.weight"
    theirs, ours = (n.state_dict()[key] for n in (model.networks["generator"], recipe.networks["generator"]))
    window = [item.name for item in model.classes.classes].index("window")
    torch.testing.assert_close(ours[:, 2], theirs[:, window])
    torch.testing.assert_close(ours[:, -1], theirs[:, -1])  # void


def test_another_system_of_other_classes_is_one_line() -> None:
    with pytest.raises(SemsynthError, match="its generator has other shapes"):
        begin_with(BUNDLED / "facades", build("oasis", NEW))


def test_pictures_are_no_classes(tmp_path: Path) -> None:
    recipe = build("pix2pixhd", OLD)
    recipe.export(tmp_path / "model", recipe.networks, Card(name="x"))
    edges = RECIPES["pix2pixhd"].presets["edges"](NO_CLASSES, False)
    config = override(edges, ["loss.perceptual=0", "generator.width=4", "discriminator.width=4"])
    with pytest.raises(SemsynthError, match="has pictures, not classes"):
        begin_with(tmp_path / "model", RECIPES["pix2pixhd"].build(config, NO_CLASSES, None))


def test_starts_are_found_as_models_are(tmp_path: Path) -> None:
    """Bundled names, model folders and run folders, which are taken whole; of stages their model."""
    bundled = BUNDLED / "facades"
    run, stages = tmp_path / "run", tmp_path / "stages"
    shutil.copytree(bundled, run / "model")
    (run / "recipe.json").write_text("{}")
    shutil.copytree(bundled, stages / "model")
    (stages / "stages.json").write_text("{}")
    assert find_start("facades") == find_start(bundled) == find_start(str(bundled)) == bundled
    assert find_start(run) == run
    assert find_start(run / "model") == run / "model"
    assert find_start(stages) == stages / "model"
    (tmp_path / "empty").mkdir()
    torch.save({"weight": torch.zeros(1)}, tmp_path / "latest_net_G.pth")
    for missing, said in (("nowhere", "there is no model 'nowhere'"), ("empty", "neither a model folder")):
        with pytest.raises(SemsynthError, match=said):
            find_start(missing if missing == "nowhere" else tmp_path / missing)
    with pytest.raises(SemsynthError, match="semsynth convert"):
        find_start(tmp_path / "latest_net_G.pth")

"""Training with a discriminator on frozen features: resuming, several processes, and the files that it needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from backbone_weights import mobilenet_state, save_mobilenet
from command_line import sets, train
from safetensors.torch import save_file
from tiny_settings import TINY
from training.test_beginning import NEW, OLD
from training.test_beginning import SMALL as SMALL_SYSTEMS
from training.test_distributed import OASIS, SETTINGS, assert_equals, in_processes

from semsynth.classes import VOID
from semsynth.config import load_config, override, validated
from semsynth.data.sample import Sample
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.recipes import RECIPES
from semsynth.recipes.aids import FEATURES
from semsynth.training.affinity import affinity_matrix
from semsynth.training.beginning import class_axes, for_classes
from semsynth.training.devices import make_fabric
from semsynth.training.memory import count_parameters, estimate_memory
from semsynth.training.records import resumed_record
from semsynth.training.run import RunRecord
from semsynth.training.start import example_batch
from semsynth.training.trainer import Data, Trainer

Start = Callable[..., Trainer]
SMALL = '"backbone": "mobilenet_v1", "size": null, "width": 4, "mixed_channels": [4, 4, 4, 4]'
BESIDE = f"feature_discriminator={{{SMALL}}}"
INSTEAD = f'feature_discriminator={{{SMALL}, "discriminator_weight": 0, "warm_up_images": 5}}'
STILL = f'feature_discriminator={{{SMALL}, "augmentation": {{}}}}'
"""Without augmentation, for which every process has noise of its own."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return save_mobilenet(tmp_path_factory.mktemp("backbone"))


def states(trainer: Trainer) -> dict[str, Any]:
    return {name: network.state_dict() for name, network in trainer.recipe.networks.items()}


def assert_same(one: Trainer, other: Trainer) -> None:
    assert states(one).keys() == states(other).keys()
    for name, state in states(one).items():
        for key, value in state.items():
            assert torch.equal(value, states(other)[name][key]), f"{name}.{key}"


@pytest.mark.parametrize("setting", [BESIDE, INSTEAD], ids=["beside", "instead"])
@pytest.mark.parametrize("system", ["spade", "oasis", "pix2pixhd", "pix2pix", "gan_segmentation"])
def test_a_resumed_run_equals_an_uninterrupted_one(start: Start, weights: Path, system: str, setting: str) -> None:
    settings = (setting, *(["warm_up_steps=1"] if system == "gan_segmentation" else []))
    whole = start("whole", *settings, system=system, features=weights)
    whole.fit()
    start("parts", *settings, "training.steps=2", system=system, features=weights).fit()
    rest = start("parts", *settings, system=system, features=weights, resume=True)
    assert rest.step == 2
    rest.fit()
    assert_same(whole, rest)
    assert ("discriminator" in whole.recipe.networks) == (setting == BESIDE)


def test_all_of_it_learns_and_nothing_that_is_fixed(start: Start, weights: Path) -> None:
    trainer = start("run", INSTEAD, "training.batch_size=3", features=weights)
    network = trainer.recipe.networks[FEATURES]
    before = {key: value.clone() for key, value in network.state_dict().items()}
    trainer.fit()
    fixed = {key for key, value in network.state_dict().items() if torch.equal(value, before[key])}
    # A bias of logits stands still where photos and pictures pull at it alike.
    assert not fixed & {key for key, value in network.named_parameters() if value.ndim > 1}
    assert fixed >= {key for key in before if key.startswith("mixing.") or key == "backbone_sha256"}


@pytest.mark.slow
def test_two_processes_equal_one(start: Start, tmp_path: Path, weights: Path) -> None:
    systems = {"spade": SETTINGS, "oasis": OASIS}
    alone = [start(name, *settings, STILL, system=name, features=weights) for name, settings in systems.items()]
    together = in_processes(2, tmp_path, [one.run.record for one in alone])
    for number, (one, networks) in enumerate(zip(alone, together, strict=True)):
        assert FEATURES in networks[0]
        one.fit()
        assert_equals(one, tmp_path / str(number), networks)


def test_a_weight_that_warms_up_begins_with_nothing(start: Start, weights: Path) -> None:
    """With the own discriminator left out and no other term, the generator stands still in the first step."""
    settings = ("loss.pixels=0", "training.batch_size=2")
    warm = start("warm", INSTEAD, *settings, features=weights)
    (phase,) = (one for one in warm.recipe.phases if one.name == "generator")
    rising = [phase.weights_in(step)["feature_adversarial"] for step in range(5)]
    assert rising == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])  # five images are three batches
    before = [p.detach().clone() for p in phase.parameters(warm.recipe.networks)]
    for step in range(2):
        warm.learner.train_step([warm.learner.to_device(warm.batches[step])])
        moved = any(not torch.equal(a, b) for a, b in zip(before, phase.parameters(warm.recipe.networks), strict=True))
        assert moved == (step > 0)


# Files and configurations -------------------------------------------------------------------------------------------


def test_a_checkpoint_of_another_network_is_one_line(start: Start, weights: Path, tmp_path: Path) -> None:
    start("run", BESIDE, "training.steps=1", features=weights).fit()
    torch.manual_seed(1)
    save_file(mobilenet_state(), tmp_path / "other.safetensors")
    with pytest.raises(SemsynthError, match=r"other\.safetensors is not the network .*`feature_weights`") as failure:
        start("run", BESIDE, features=tmp_path / "other.safetensors", resume=True)
    assert "\n" not in str(failure.value)


def test_a_file_that_lies_elsewhere_now_can_be_given(start: Start, tmp_path: Path) -> None:
    here, there = save_mobilenet(tmp_path), tmp_path / "there.safetensors"
    trainer = start("run", BESIDE, "training.steps=1", features=here)
    trainer.fit()
    here.rename(there)
    with pytest.raises(SemsynthError, match=r"mobilenet\.safetensors is missing.*`feature_weights`"):
        start("run", BESIDE, features=here, resume=True)
    record = resumed_record(trainer.run.root, feature_weights=there)
    assert isinstance(record, RunRecord)
    assert record.feature_weights == str(there)
    assert start("run", BESIDE, features=there, resume=True).step == 1


def test_weights_that_are_gone_are_one_line(start: Start, tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"gone\.safetensors.*`feature_weights`") as failure:
        start("run", BESIDE, features=tmp_path / "gone.safetensors")
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("system", ["spade", "image_space"])
def test_weights_that_nothing_reads_are_one_line(start: Start, weights: Path, system: str) -> None:
    with pytest.raises(SemsynthError, match=r"no feature discriminator.* leave the file out") as failure:
        start("run", system=system, features=weights)
    assert "\n" not in str(failure.value)


def test_a_run_of_before_resumes_as_it_was(start: Start) -> None:
    """Neither its record nor its checkpoint says anything of feature discriminators."""
    trainer = start("run", "training.steps=2")
    trainer.fit()
    record = load_config(RunRecord, trainer.run.record)
    old = record.model_dump(exclude={"feature_weights"})
    del old["config"]["feature_discriminator"]
    config = validated(RECIPES["spade"].config, old["config"], "recipe.json")
    assert config == trainer.recipe.config
    assert validated(RunRecord, old, "recipe.json").feature_weights is None


def test_memory_and_parameters_count_it(start: Start, weights: Path) -> None:
    plain, featured = start("plain"), start("featured", BESIDE, features=weights)
    estimates = []
    for trainer in (plain, featured):
        data = Data(trainer.batches.samples, trainer.batches.samples, trainer.recipe.classes)
        estimates.append(estimate_memory(trainer.recipe, make_fabric("cpu"), example_batch(trainer.recipe, data), 1))
    network = featured.recipe.networks[FEATURES]
    trained = 4 * count_parameters(network)
    frozen = sum(buffer.numel() * buffer.element_size() for buffer in network.buffers())
    assert estimates[1].weights - estimates[0].weights == trained + frozen
    assert estimates[1].optimizers - estimates[0].optimizers == 2 * trained
    assert estimates[1].activations > estimates[0].activations


@pytest.mark.parametrize("system", ["spade", "oasis"])
def test_classes_of_the_same_name_are_judged_the_same(system: str, weights: Path) -> None:
    """Void stands after the classes in one system and before them in the other."""
    recipes = []
    for classes in (OLD, NEW):
        config = override(RECIPES[system].presets["small"](classes, False), [*SMALL_SYSTEMS[system], BESIDE])
        torch.manual_seed(len(recipes))
        recipes.append(RECIPES[system].build(config, classes, None, weights))
    old, new = recipes
    network = new.networks[FEATURES]
    moved = for_classes(
        old.networks[FEATURES].state_dict(),
        class_axes(network),
        affinity_matrix(OLD, NEW),
        old.first_class_channel(FEATURES),
    )
    network.load_state_dict(moved)
    logits = []
    for recipe, classes in ((old, OLD), (new, NEW)):
        labels = np.full((64, 64), VOID, np.uint16)
        labels[10:], labels[40:, 20:] = classes["door"].id, classes["sky"].id
        batch = recipe.collate([Sample("a", Layout(labels, classes), np.full((64, 64, 3), 99, np.uint8))])
        logits.append(recipe.networks[FEATURES].eval()(batch.layout, batch.image))
    for one, other in zip(*logits, strict=True):
        torch.testing.assert_close(one, other)


def test_the_command_shows_its_cost_and_records_its_file(
    start: Start, weights: Path, toy_data: Path, tmp_path: Path
) -> None:
    options = ("--data", toy_data, "--feature-weights", weights, *sets([*TINY, BESIDE, "training.steps=1"]))
    code, output = train("spade", *options, "--dry-run")
    assert code == 0, output
    network = start("as a trainer", BESIDE, features=weights).recipe.networks[FEATURES]
    assert re.search(rf"feature_discriminator\s+│\s+{count_parameters(network):,} ", output), output
    code, output = train("spade", *options, "--out", tmp_path / "run")
    assert code == 0, output
    assert load_config(RunRecord, tmp_path / "run" / "recipe.json").feature_weights == str(weights)


@pytest.mark.parametrize("system", ["spade", "oasis", "pix2pixhd", "pix2pix", "gan_segmentation"])
def test_configurations_of_before_there_were_aids_load_as_without_them(system: str) -> None:
    config = RECIPES[system].presets["default"](TOY_CLASSES, True)
    old = config.model_dump(mode="json", exclude={"feature_discriminator", "augmentation", "gradient_penalty"})
    assert validated(type(config), old, "recipe.json") == config

"""Training steps of pix2pixHD: what moves, what the discriminator is shown, and how a run begins with a smaller one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from semsynth.checkpoint import load_model
from semsynth.errors import SemsynthError
from semsynth.recipes.base import Step
from semsynth.training.beginning import begin_with
from semsynth.training.devices import make_fabric
from semsynth.training.memory import count_parameters, estimate_memory
from semsynth.training.start import example_batch
from semsynth.training.trainer import Data, Trainer

Start = Callable[..., Trainer]
ENHANCER = ("generator.enhancers=1", "data.crop_size=64")


def snapshot(networks: dict[str, nn.Module]) -> dict[str, Tensor]:
    """Copies of all parameters, by network and name."""
    return {
        f"{network}/{name}": parameter.detach().clone()
        for network, module in networks.items()
        for name, parameter in module.named_parameters()
    }


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


@pytest.mark.parametrize("trained", ["enhancer", "everything"])
def test_second_stage_moves_the_enhancer_only_and_the_third_everything(start: Start, trained: str) -> None:
    trainer = start("run", *ENHANCER, f"trained={trained}", system="pix2pixhd")
    assert trainer.learner.ema is not None
    networks, averages = trainer.recipe.networks, trainer.learner.ema.networks
    before, average_before = snapshot(networks), snapshot(averages)
    trainer.fit()
    changed, average_changed = moved(before, snapshot(networks)), moved(average_before, snapshot(averages))
    still = {name for name in before if name.startswith("generator/coarse.")} if trained == "enhancer" else set()
    assert not changed & still
    assert not average_changed & still
    # Biases before instance norm have no gradient (but for rounding), so only weights must have moved.
    weights = {name for name in before if name.endswith(".weight")} - still
    assert weights <= changed
    assert {name for name in weights if not name.startswith("discriminator/")} <= average_changed
    model = load_model(trainer.run.model).networks["generator"]
    exported = {f"generator/{name}": value for name, value in model.named_parameters()}
    assert all(torch.equal(exported[name], before[name]) for name in still)


def test_discriminator_judges_the_pictures_of_the_generators_phase(start: Start) -> None:
    """Not those of the generator after its step, and each micro-batch its own."""
    trainer = start("run", "training.accumulate=2", "training.steps=1", system="pix2pixhd")
    shown: list[Tensor] = []
    made: list[Tensor] = []
    networks = trainer.recipe.networks
    networks["discriminator"].register_forward_pre_hook(lambda module, inputs: shown.append(inputs[1]))
    networks["generator"].register_forward_hook(lambda module, inputs, output: made.append(output.detach().clone()))
    learner = trainer.learner
    learner.train_step([learner.to_device(trainer.batches[number]) for number in range(2)])
    assert len(made) == 2  # the discriminator's phase does not generate again
    assert not torch.equal(made[0], made[1])
    generators_phase, own_phase = shown[:4], shown[4:]
    for number, fake in enumerate(made):
        assert torch.equal(generators_phase[2 * number], fake)
        assert torch.equal(own_phase[2 * number], fake)
        assert generators_phase[2 * number].requires_grad
        assert not own_phase[2 * number].requires_grad
        assert torch.equal(own_phase[2 * number + 1], generators_phase[2 * number + 1])  # the photo


def test_discriminators_phase_alone_generates_for_itself(start: Start) -> None:
    recipe, learner = (trainer := start("run", system="pix2pixhd")).recipe, trainer.learner
    batch = learner.to_device(trainer.batches[0])
    alone = recipe.phases[1].terms(recipe.networks, batch, Step())
    step = Step()
    recipe.phases[0].terms(recipe.networks, batch, step)
    for name, value in recipe.phases[1].terms(recipe.networks, batch, step).items():
        torch.testing.assert_close(alone[name], value)


@pytest.mark.parametrize("settings", [(), (*ENHANCER, "trained=enhancer")], ids=["everything", "enhancer"])
def test_resumed_run_equals_uninterrupted_one(start: Start, settings: tuple[str, ...]) -> None:
    whole = start("whole", *settings, system="pix2pixhd")
    whole.fit()
    start("parts", *settings, "training.steps=2", system="pix2pixhd").fit()
    rest = start("parts", *settings, resume=True, system="pix2pixhd")
    assert rest.step == 2
    rest.fit()
    for name in ("generator", "encoder"):
        files = [trainer.run.model / f"{name}.safetensors" for trainer in (whole, rest)]
        assert files[0].read_bytes() == files[1].read_bytes()
    assert not moved(snapshot(whole.recipe.networks), snapshot(rest.recipe.networks))


def test_two_micro_batches_equal_one_batch(start: Start) -> None:
    settings = ("training.batch_size=4", "training.precision=64-true")
    one = start("one", *settings, system="pix2pixhd")
    two = start("two", *settings, "training.accumulate=2", system="pix2pixhd")
    one.fit()
    two.fit()
    left, right = snapshot(one.recipe.networks), snapshot(two.recipe.networks)
    followed_by_no_norm = ("to_rgb.bias", "last.bias", "convs.0.bias", "convs.4.bias")  # of 4 layers and the logits'
    for name, value in left.items():
        # A bias before a norm has no gradient but rounding noise, which Adam divides by something of the kind.
        without_gradient = name.endswith(".bias") and not name.endswith(followed_by_no_norm)
        torch.testing.assert_close(value, right[name], rtol=0, atol=1e-6 if without_gradient else 1e-9, msg=name)


def test_larger_run_begins_with_a_run_and_its_discriminators(start: Start) -> None:
    """The generator's average and the discriminators as they were; what is new stays as initialised."""
    first = start("first", "discriminator.scales=1", system="pix2pixhd")
    first.fit()
    second = start("second", *ENHANCER, "trained=enhancer", system="pix2pixhd")
    fresh = snapshot(second.recipe.networks)
    assert begin_with(first.run.root, second.recipe).networks == ("generator", "discriminator", "encoder")
    grown, theirs = snapshot(second.recipe.networks), snapshot(load_model(first.run.model).networks)
    theirs |= snapshot({"discriminator": first.recipe.networks["discriminator"]})
    for name, value in grown.items():
        if name.startswith(("generator/to_rgb.", "generator/enhancers.", "discriminator/scales.0.")):
            assert torch.equal(value, fresh[name]), name
        else:
            assert torch.equal(value, theirs[name.replace("scales.1.", "scales.0.")]), name


def test_model_folder_gives_no_discriminators_and_a_smaller_system_refuses(start: Start) -> None:
    large = start("large", *ENHANCER, system="pix2pixhd")
    large.fit()
    same, small = start("same", *ENHANCER, system="pix2pixhd"), start("small", system="pix2pixhd")
    assert begin_with(large.run.model, same.recipe).networks == ("generator", "encoder")
    with pytest.raises(SemsynthError, match="its generator has other shapes") as failure:
        begin_with(large.run.root, small.recipe)
    assert "\n" not in str(failure.value)


def test_memory_of_the_second_stage_counts_what_moves(start: Start) -> None:
    trainer = start("run", *ENHANCER, "trained=enhancer", system="pix2pixhd")
    recipe = trainer.recipe
    data = Data(trainer.batches.samples, trainer.batches.samples, recipe.classes)
    sizes = {name: 4 * count_parameters(network) for name, network in recipe.networks.items()}
    generator: Any = recipe.networks["generator"]
    still = 4 * count_parameters(generator.coarse)
    estimate = estimate_memory(recipe, make_fabric("cpu"), example_batch(recipe, data), 1)
    assert estimate.optimizers == 2 * (sum(sizes.values()) - still)


def test_killed_between_checkpoint_and_model_resumes_to_the_model(start: Start) -> None:
    trainer = start("run", system="pix2pixhd")
    trainer.fit()
    weights = {path: path.read_bytes() for path in trainer.run.model.glob("*.safetensors")}
    assert len(weights) == 2
    for path in Path(trainer.run.model).iterdir():
        path.unlink()
    start("run", resume=True, system="pix2pixhd").fit()
    assert {path: path.read_bytes() for path in trainer.run.model.glob("*.safetensors")} == weights

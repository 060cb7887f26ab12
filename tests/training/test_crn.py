"""Training of cascaded refinement networks: balanced weights through everything, growing, what moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from training.test_distributed import in_processes

from semsynth.checkpoint import load_model
from semsynth.errors import SemsynthError
from semsynth.losses.level_weights import BalancedWeights
from semsynth.models.vgg import VGG19
from semsynth.recipes.crn import CRNRecipe
from semsynth.synthesizer import Synthesizer
from semsynth.training.beginning import begin_with
from semsynth.training.learner import Learner
from semsynth.training.trainer import Trainer

Start = Callable[..., Trainer]
DIVERSE = ("generator.count=2", "loss.mean_share=0.001")
LEVELS = ("input", "relu1_2", "relu2_2", "relu3_2")


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thin random VGG-19 that ends in its third block, for pixels of 0..255."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("vgg") / "thin.safetensors"
    state = VGG19([4, 4, 4, 4, 6, 6]).state_dict()
    said = {"input": "RGB order, range 0..255, minus (123.68,116.779,103.939), no std division"}
    save_file(state, path, said)
    return path


def weights(trainer: Trainer) -> BalancedWeights:
    assert isinstance(trainer.recipe, CRNRecipe)
    assert isinstance(trainer.recipe.content.weights, BalancedWeights)
    return trainer.recipe.content.weights


def parameters(trainer: Trainer) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in trainer.recipe.networks["generator"].named_parameters()}


def step(learner: Learner, trainer: Trainer, number: int) -> None:
    learner.train_step([learner.to_device(trainer.batches[number])])


@pytest.mark.parametrize("settings", [(), DIVERSE], ids=["one", "collection"])
def test_resumed_run_equals_uninterrupted_one(start: Start, vgg: Path, settings: tuple[str, ...]) -> None:
    """Stopped while weights are measured, and after they were balanced (from step 3 on)."""
    whole = start("whole", *settings, system="crn", perceptual=vgg)
    whole.fit()
    assert len(set(weights(whole).values.tolist())) == len(LEVELS)
    for steps in (2, 4, 5):
        rest = start("parts", *settings, f"training.steps={steps}", resume=steps > 2, system="crn", perceptual=vgg)
        if steps == 4:
            assert rest.step == 2
            assert weights(rest).values.tolist() == [1] * len(LEVELS)
            assert float(weights(rest).images) == 4
        rest.fit()
    files = [trainer.run.model / "generator.safetensors" for trainer in (whole, rest)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert torch.equal(weights(whole).values, weights(rest).values)


def test_levels_are_logged_and_contribute_equally_when_balanced(start: Start, vgg: Path) -> None:
    trainer = start("run", system="crn", perceptual=vgg)
    trainer.fit()
    lines = [json.loads(line)["terms"] for line in trainer.run.log.read_text().splitlines()]
    assert set(lines[0]) == {f"generator/{name}" for level in LEVELS for name in ("content", level, f"lambda_{level}")}
    for line in lines[:3]:
        assert [line[f"generator/lambda_{level}"] for level in LEVELS] == [1] * len(LEVELS)
    means = [sum(line[f"generator/{level}"] for line in lines[:3]) / 3 for level in LEVELS]
    for level, mean in zip(LEVELS, means, strict=True):
        assert lines[3][f"generator/lambda_{level}"] * mean == pytest.approx(means[0], rel=1e-5)
    for line in lines:
        total = sum(line[f"generator/{level}"] * line[f"generator/lambda_{level}"] for level in LEVELS)
        assert line["generator/content"] == pytest.approx(total, rel=1e-5)


def test_two_micro_batches_equal_one_batch(start: Start, vgg: Path) -> None:
    settings = ("training.precision=64-true", *DIVERSE)
    one = start("one", *settings, system="crn", perceptual=vgg)
    two = start("two", *settings, "training.accumulate=2", system="crn", perceptual=vgg)
    one.fit()
    two.fit()
    torch.testing.assert_close(weights(one).values, weights(two).values, rtol=1e-9, atol=0)
    for name, value in parameters(one).items():
        torch.testing.assert_close(value, parameters(two)[name], rtol=0, atol=1e-7, msg=name)


@pytest.mark.slow
def test_two_processes_equal_one(start: Start, vgg: Path, tmp_path: Path) -> None:
    """Through the step in which weights are balanced, by what both processes measured."""
    one = start("one", "training.precision=64-true", system="crn", perceptual=vgg)
    one.fit()
    (ranks,) = in_processes(2, tmp_path, [one.run.record])
    for rank in ranks:
        for name, value in parameters(one).items():
            torch.testing.assert_close(rank["generator"][name], value, rtol=0, atol=1e-7, msg=name)


def test_larger_cascade_begins_with_a_smaller_one(start: Start, vgg: Path) -> None:
    first = start("first", *DIVERSE, system="crn", perceptual=vgg)
    first.fit()
    grown = ("generator.refinements=5", "data.crop_size=64")
    second = start("second", *grown, system="crn", perceptual=vgg)
    fresh = parameters(second)
    assert begin_with(first.run.root, second.recipe).networks == ("generator",)
    taken = dict(load_model(first.run.model).networks["generator"].named_parameters())
    for name, value in parameters(second).items():
        assert torch.equal(value, fresh[name] if name.startswith(("to_rgb.", "cascade.4.")) else taken[name]), name
    second.fit()
    third = start("third", system="crn", perceptual=vgg)
    with pytest.raises(SemsynthError, match="its generator has other shapes"):
        begin_with(second.run.root, third.recipe)


def test_only_the_last_modules_move(start: Start, vgg: Path) -> None:
    trainer = start("run", "trained_modules=2", system="crn", perceptual=vgg)
    before = parameters(trainer)
    step(trainer.learner, trainer, 0)
    for name, value in parameters(trainer).items():
        moves = name.startswith(("to_rgb.", "cascade.2.", "cascade.3."))
        assert torch.equal(before[name], value) != moves, name


def test_learns_one_picture_and_its_collection_is_made(start: Start, vgg: Path) -> None:
    settings = (*DIVERSE, "training.steps=40", "training.batch_size=1", "generator_optimizer.lr=0.01", "training.ema=0")
    trainer = start("run", *settings, system="crn", perceptual=vgg)
    learner, losses = trainer.learner, []
    for _ in range(40):
        step(learner, trainer, 0)
        losses.append(learner.terms.close(lambda values: values)[0]["generator/input"])
    assert losses[-1] < 0.35 * losses[0]
    trainer.save(learner.networks_for_inference([]))
    synthesizer = Synthesizer(load_model(trainer.run.model))
    photos = synthesizer.variations(trainer.fixed.samples[0].layout, 2)
    assert [photo.size for photo in photos] == [(32, 32)] * 2
    assert photos[0].tobytes() != photos[1].tobytes()
    with pytest.raises(SemsynthError, match="makes 2 photos of a layout at once, not 3"):
        synthesizer.variations(trainer.fixed.samples[0].layout, 3)

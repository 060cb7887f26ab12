"""OASIS's table, and what its two phases do."""

from __future__ import annotations

import random

import pytest
import torch
from tiny_settings import OASIS_SIZES

from semsynth.checkpoint import Card, load_model
from semsynth.classes import builtin
from semsynth.config import override, validated
from semsynth.data.sample import Batch
from semsynth.data.toy import TOY_CLASSES, draw_scene
from semsynth.errors import SemsynthError
from semsynth.recipes.base import Step
from semsynth.recipes.oasis import OASIS_SYSTEM, PRESETS, OASISConfig, OASISRecipe


def tiny(*settings: str) -> OASISRecipe:
    torch.manual_seed(0)
    config = override(PRESETS["default"](TOY_CLASSES, True), (*OASIS_SIZES, "training.batch_size=2", *settings))
    recipe = OASIS_SYSTEM.build(config, TOY_CLASSES)
    assert isinstance(recipe, OASISRecipe)
    return recipe


def batch_for(recipe: OASISRecipe) -> Batch:
    samples = [recipe.config.data.apply(draw_scene(i, 72), random.Random(0), train=True) for i in range(2)]
    return recipe.collate(samples)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_consistent_and_can_be_stored(name: str) -> None:
    config = PRESETS[name](builtin("ade20k"), False)
    assert validated(OASISConfig, config.model_dump(mode="json"), name) == config
    assert config.data.output_size == config.generator.output_size
    assert config.generator.encoding.num_channels == 151
    assert config.loss.label_mix == "independent"


@pytest.mark.parametrize(
    ("name", "size", "epochs", "batch_size", "rates", "label_mix", "ema"),
    [
        ("ade20k", (256, 256), 200, 32, (1e-4, 4e-4), 10, 0.9999),
        ("coco_stuff", (256, 256), 100, 32, (1e-4, 4e-4), 10, 0.9999),
        ("cityscapes", (256, 512), 200, 20, (4e-4, 4e-4), 5, 0.999),
    ],
)
def test_official_settings(name, size, epochs, batch_size, rates, label_mix, ema) -> None:
    config = PRESETS[name](builtin("cityscapes"), True)
    assert config.data.output_size == size
    assert (config.schedule.total_epochs, config.training.batch_size) == (epochs, batch_size)
    assert (config.generator_optimizer.lr, config.discriminator_optimizer.lr) == rates
    assert (config.loss.label_mix_consistency, config.training.ema, config.training.ema_warm_up) == (
        label_mix,
        ema,
        False,
    )


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(SemsynthError, match="multiples of 64, not 96x96"):
        tiny("generator.crop_size=96", "data.crop_size=96")
    with pytest.raises(SemsynthError, match="give 64x64, the generator makes 128x128"):
        tiny("generator.crop_size=128")
    with pytest.raises(SemsynthError, match="must be equal"):
        tiny("generator.encoding.void=none")
    config = PRESETS["default"](builtin("camvid"), True)
    with pytest.raises(SemsynthError, match="the recipe is for"):
        OASIS_SYSTEM.build(config, TOY_CLASSES)


@pytest.mark.parametrize("label_mix", ["independent", "official", "none"])
def test_terms_and_who_learns_from_them(label_mix: str) -> None:
    recipe = tiny(f"loss.label_mix={label_mix}", 'augmentation={"color": true, "cutout": 0.5}')
    batch = batch_for(recipe)
    for phase in recipe.phases:
        terms = phase.terms(recipe.networks, batch, Step())
        expected = {"adversarial"} if phase.name == "generator" else {"fake", "real"}
        if phase.name == "discriminator" and label_mix != "none":
            expected.add("label_mix")
        assert set(terms) == expected
        assert all(term.ndim == 0 and term.isfinite() for term in terms.values())
        sum(phase.weights[name] * term for name, term in terms.items()).backward()  # type: ignore[union-attr]
        assert any(value.grad.abs().sum() > 0 for value in phase.parameters(recipe.networks) if value.grad is not None)
        assert (next(recipe.networks["generator"].parameters()).grad is None) == (phase.name == "discriminator")
        for network in recipe.networks.values():
            network.zero_grad(set_to_none=True)


def test_the_generator_is_trained_on_windows_that_the_workers_found() -> None:
    recipe = tiny()
    batch = batch_for(recipe)
    regions = batch.layout.regions().layout  # type: ignore[union-attr]
    before = {size: dict(level._label_windows) for size, level in regions._levels.items()}
    assert len(before) == 5
    recipe.generator_terms(recipe.networks, batch, Step())
    assert {size: level._label_windows for size, level in regions._levels.items()} == before


def test_without_noise_there_is_one_picture(tmp_path) -> None:
    recipe = tiny("generator.z_dim=0")
    batch = batch_for(recipe)
    networks = {name: network.eval() for name, network in recipe.networks.items()}
    with torch.no_grad():
        assert torch.equal(recipe.generate(networks, batch), recipe.generate(networks, batch))
    noisy = tiny()
    networks = {name: network.eval() for name, network in noisy.networks.items()}
    torch.nn.init.normal_(noisy.networks["generator"].fc.weight)  # type: ignore[union-attr,arg-type]
    with torch.no_grad():
        assert not torch.equal(noisy.generate(networks, batch), noisy.generate(networks, batch))


def test_models_are_stored_and_loaded(tmp_path) -> None:
    recipe = tiny()
    recipe.export(tmp_path / "model", recipe.networks, Card(name="tiny"))
    loaded = load_model(tmp_path / "model")
    batch, z = batch_for(recipe), torch.randn(2, 3)
    with torch.no_grad():
        expected = recipe.networks["generator"].eval()(batch.layout, z)
        assert torch.equal(loaded.networks["generator"](batch.layout, z), expected)

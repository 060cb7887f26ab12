"""The SPADE paper's comparisons: their objective is SPADE's, and every preset trains."""

from __future__ import annotations

import pytest
import torch

from semsynth.checkpoint import Card, load_model
from semsynth.config import override
from semsynth.data.toy import TOY_CLASSES, draw_scene
from semsynth.recipes import RECIPES
from semsynth.recipes.pix2pixhd_plus import PLUS_ROWS
from semsynth.recipes.pix2pixhd_presets import PRESETS as PIX2PIXHD_PRESETS
from semsynth.recipes.spade import PRESETS as SPADE_PRESETS
from semsynth.synthesizer import Synthesizer
from semsynth.training.devices import make_fabric
from semsynth.training.learner import Learner, weighted_sum

TINY = ("discriminator.width=4", "discriminator.layers=2", "loss.perceptual=0", "loss.perceptual_input=official")
TINY_PLUS = (*TINY, "generator.width=4", "generator.downsamplings=2", "generator.blocks=1", "generator.hidden=4")
TINY_SPADE = (
    *TINY,
    "generator.width=2",
    "generator.crop_size=64",
    "data.crop_size=64",
    "data.aspect_ratio=1",
    "generator.aspect_ratio=1",
    "generator.upsamplings=5",
)
CONCAT = [name for name in SPADE_PRESETS if name.endswith("_concat")]


@pytest.mark.parametrize(
    ("system", "preset", "tiny"),
    [*(("pix2pixhd", name, TINY_PLUS) for name in PLUS_ROWS), *(("spade", name, TINY_SPADE) for name in CONCAT)],
)
def test_a_training_step_of_every_preset_moves_every_weight(system, preset, tiny):
    config = override(RECIPES[system].presets[preset](TOY_CLASSES, True), tiny)
    recipe = RECIPES[system].build(config, TOY_CLASSES, None)
    batch = recipe.collate([draw_scene(seed, 64) for seed in range(2)])
    fabric = make_fabric("cpu", 1)
    learner = Learner(recipe, fabric, 2)
    weights = {
        (name, key): value
        for name, network in recipe.networks.items()
        for key, value in network.named_parameters()
        if value.ndim > 1
    }
    before = {key: value.detach().clone() for key, value in weights.items()}
    learner.train_step([batch])
    assert [key for key, value in weights.items() if not value.isfinite().all()] == []
    assert [key for key, value in weights.items() if torch.equal(value, before[key])] == []


@pytest.mark.parametrize("preset", ["default_plus", "default_plus_concat", "default_plus_spade"])
def test_an_exported_model_makes_the_trained_networks_picture(preset, tmp_path):
    config = override(PIX2PIXHD_PRESETS[preset](TOY_CLASSES, True), TINY_PLUS)
    recipe = RECIPES["pix2pixhd"].build(config, TOY_CLASSES, None)
    batch = recipe.collate([draw_scene(3, 48)])
    recipe.export(tmp_path / "model", recipe.networks, Card())
    synthesizer = Synthesizer(load_model(tmp_path / "model"))
    generator = recipe.networks["generator"].eval()
    with torch.inference_mode():
        expected = generator(batch.layout)
    torch.testing.assert_close(synthesizer.synthesize_tensor(batch.layout), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("preset", ["ade20k", "coco_stuff", "cityscapes"])
def test_nothing_but_the_generator_differs_from_spades_preset(preset):
    spade = SPADE_PRESETS[preset](TOY_CLASSES, True)
    for ending in ("plus", "plus_concat", "plus_spade"):
        config = PIX2PIXHD_PRESETS[f"{preset}_{ending}"](TOY_CLASSES, True)
        shared = ("discriminator", "generator_optimizer", "discriminator_optimizer", "data", "schedule", "training")
        assert all(getattr(config, part) == getattr(spade, part) for part in shared)
        assert config.generator.encoding == spade.generator.encoding
        assert (config.generator_optimizer.lr, config.discriminator_optimizer.lr) == (1e-4, 4e-4)


def test_the_objective_is_spades_times_the_number_of_scales():
    """For the same outputs of the discriminator, so that Adam takes the same steps."""
    spade = RECIPES["spade"].presets["ade20k"](TOY_CLASSES, True)
    plus = PIX2PIXHD_PRESETS["ade20k_plus"](TOY_CLASSES, True)
    scales = spade.discriminator.scales
    recipes = [
        RECIPES[system].build(
            override(config, [*tiny, "discriminator.layers=4", "loss.perceptual=0"]), TOY_CLASSES, None
        )
        for system, config, tiny in (("spade", spade, TINY_SPADE), ("pix2pixhd", plus, TINY_PLUS))
    ]
    terms = {"adversarial": torch.tensor(0.3), "feature_matching": torch.tensor(0.7)}
    of_spade, of_plus = (weighted_sum(terms, recipe.phases[0].weights).item() for recipe in recipes)
    assert of_plus == pytest.approx(scales * of_spade)
    assert plus.loss.perceptual == scales * spade.loss.perceptual
    judged = {"fake": torch.tensor(0.3), "real": torch.tensor(0.7)}
    of_spade, of_plus = (weighted_sum(judged, recipe.phases[1].weights).item() for recipe in recipes)
    assert of_plus == pytest.approx(of_spade)

"""GAN and semantic segmentation: its objective by hand, and its warm-up."""

from __future__ import annotations

import math

import pytest
from recipes.stand_ins import Brightness, Critic, Painter, batch_of, softplus, tiny

from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.recipes.base import Step
from semsynth.recipes.gan_segmentation import GANSegmentationConfig, GANSegmentationRecipe
from semsynth.training.learner import weighted_sum


def test_gan_and_segmentation_minimises_both_cross_entropies():
    recipe = GANSegmentationRecipe(tiny("gan_segmentation", "loss.segmentation=3"), TOY_CLASSES, segmenter=Brightness())
    networks = {"generator": Painter(0.5), "discriminator": Critic(2.0, conditional=False)}
    batch = batch_of(recipe.config, photo=-0.25)
    of_d, of_g = recipe.phases
    assert weighted_sum(of_d.terms(networks, batch, Step()), of_d.weights).item() == pytest.approx(
        softplus(1.0) + softplus(0.5), rel=1e-6
    )
    others = TOY_CLASSES.num_classes - 1
    segmentation = math.log(math.exp(0.5) + others) - 0.5
    loss = weighted_sum(of_g.terms(networks, batch, Step()), of_g.weights)
    assert loss.item() == pytest.approx(softplus(-1.0) + 3 * segmentation, rel=1e-6)
    loss.backward()
    through_segmenter = math.exp(0.5) / (math.exp(0.5) + others) - 1
    expected = -2 / (1 + math.e) + 3 * through_segmenter
    assert networks["generator"].value.grad.item() == pytest.approx(expected, rel=1e-5)


def test_the_segmenter_learns_from_photos_and_void_teaches_nothing():
    recipe = GANSegmentationRecipe(tiny("gan_segmentation"), TOY_CLASSES)
    networks = {"segmenter": Brightness()}
    warm_up = recipe.phases[0]
    others = TOY_CLASSES.num_classes - 1
    value = warm_up.terms(networks, batch_of(recipe.config, photo=-0.25, channel=1), Step())["segmentation"].item()
    assert value == pytest.approx(math.log(math.exp(-0.25) + others), rel=1e-6)
    void = recipe.config.generator.encoding.num_classes
    assert warm_up.terms(networks, batch_of(recipe.config, photo=1.0, channel=void), Step())["segmentation"].item() == 0


def test_a_segmenter_that_is_passed_in_is_frozen_and_needs_no_warm_up():
    segmenter = Brightness().train()
    recipe = GANSegmentationRecipe(tiny("gan_segmentation"), TOY_CLASSES, segmenter=segmenter)
    assert recipe.frozen == {"segmenter": segmenter}
    assert not segmenter.training
    assert set(recipe.networks) == {"generator", "discriminator"}
    assert [(phase.name, phase.runs_in(0)) for phase in recipe.phases] == [("discriminator", True), ("generator", True)]


def test_a_training_that_ends_in_the_warm_up_is_refused():
    config = tiny("gan_segmentation", "training.steps=100", "warm_up_steps=100")
    assert isinstance(config, GANSegmentationConfig)
    with pytest.raises(SemsynthError, match="nothing but the segmenter"):
        RECIPES["gan_segmentation"].build(config, TOY_CLASSES, None)

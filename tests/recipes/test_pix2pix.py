"""pix2pix: its objective by hand, and its table."""

from __future__ import annotations

import math

import pytest
import torch
from recipes.stand_ins import Critic, Painter, batch_of, softplus, tiny
from torch import nn

from semsynth.classes import builtin
from semsynth.config import override, validated
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.recipes.base import Step
from semsynth.recipes.pix2pix import PRESETS as PIX2PIX_PRESETS
from semsynth.recipes.pix2pix import Pix2PixConfig, Pix2PixRecipe
from semsynth.training.learner import weighted_sum


def test_pix2pix_minimises_cross_entropy_and_a_hundred_times_l1():
    recipe = Pix2PixRecipe(tiny("pix2pix"), TOY_CLASSES)
    networks = {"generator": Painter(0.5), "discriminator": Critic(2.0, conditional=True)}
    batch = batch_of(recipe.config, photo=-0.25)
    of_d, of_g = recipe.phases
    fake, real = 1.0, -0.5  # the logits
    terms = of_d.terms(networks, batch, Step())
    assert not terms["fake"].requires_grad
    assert weighted_sum(terms, of_d.weights).item() == pytest.approx((softplus(fake) + softplus(-real)) / 2, rel=1e-6)
    loss = weighted_sum(of_g.terms(networks, batch, Step()), of_g.weights)
    assert loss.item() == pytest.approx(softplus(-fake) + 100 * 0.75, rel=1e-6)
    loss.backward()
    assert networks["generator"].value.grad.item() == pytest.approx(-2 / (1 + math.exp(fake)) + 100, rel=1e-5)


def test_pix2pixs_table():
    """Section 3.3 and the appendix."""
    config = PIX2PIX_PRESETS["default"](builtin("cityscapes"), True)
    assert isinstance(config, Pix2PixConfig)
    assert config.generator.widths == [64, 128, 256, 512, 512, 512, 512, 512]
    assert (config.data.load_size, config.data.crop_size, config.data.flip) == (286, 256, True)
    assert (config.generator_optimizer.lr, config.generator_optimizer.beta1) == (2e-4, 0.5)
    assert config.discriminator_optimizer == config.generator_optimizer
    assert (config.training.batch_size, config.loss.pixels, config.loss.adversarial_kind) == (1, 100, "original")
    assert not config.generator.encoding.edges


def test_the_discriminator_judges_patches_of_70_pixels():
    """Five 4 x 4 convolutions of strides 2, 2, 2, 1, 1; how far a pixel's change reaches, by its gradient."""
    config = override(PIX2PIX_PRESETS["default"](TOY_CLASSES, False), ["discriminator.width=1", "generator.width=1"])
    recipe = Pix2PixRecipe(config, TOY_CLASSES)
    judge = recipe.networks["discriminator"].double()
    for scale in judge.scales:
        scale.norms = nn.ModuleList(nn.Identity() for _ in scale.norms)
    image = torch.randn(1, 3, 256, 256, dtype=torch.float64, requires_grad=True)
    layout = LayoutBatch.from_channels(torch.zeros(1, 256, 256, dtype=torch.int64), config.generator.encoding)
    logits = judge(layout, image)[0][-1]
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    rows = image.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert rows.max() - rows.min() + 1 == 70


def test_a_generator_that_needs_noise_is_refused():
    values = PIX2PIX_PRESETS["small"](TOY_CLASSES, False).model_dump()
    values["generator"] = SPADEGeneratorConfig(encoding=values["generator"]["encoding"], input="noise").model_dump()
    with pytest.raises(SemsynthError, match="reads layouts alone"):
        validated(Pix2PixConfig, values, "recipe.json")

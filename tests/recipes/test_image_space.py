"""The image-space loss: equation 4, and nothing else of the cascade changed."""

from __future__ import annotations

import pytest
from recipes.stand_ins import Painter, batch_of

from semsynth.config import override
from semsynth.data.toy import TOY_CLASSES
from semsynth.recipes import RECIPES
from semsynth.recipes.base import Step
from semsynth.training.learner import weighted_sum


@pytest.mark.parametrize("preset", ["default", "small"])
def test_the_image_space_baseline_changes_nothing_but_the_loss(preset):
    """Equation 4: the mean absolute difference of the colours, on the scale to 255 of the official code."""
    config, crn = (RECIPES[name].presets[preset](TOY_CLASSES, True) for name in ("image_space", "crn"))
    assert config.model_copy(update={"loss": crn.loss}) == crn
    small = override(config, ["generator.width_scale=0.004", "generator.refinements=2"])
    recipe = RECIPES["image_space"].build(small, TOY_CLASSES, None)
    (phase,) = recipe.phases
    terms = phase.terms({"generator": Painter(0.5)}, batch_of(config, photo=-0.25), Step())
    assert weighted_sum(terms, phase.weights).item() == pytest.approx(0.75 * 255 / 2, rel=1e-6)

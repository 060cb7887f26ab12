"""Baselines with another network in the cascade's place change nothing else."""

from __future__ import annotations

import pytest

from semsynth.config import validated
from semsynth.data.toy import TOY_CLASSES
from semsynth.recipes import RECIPES


@pytest.mark.parametrize("system", ["encoder_decoder", "full_resolution"])
@pytest.mark.parametrize("preset", ["default", "small"])
def test_baselines_of_the_crn_paper_change_nothing_but_the_network(system, preset):
    config, crn = (RECIPES[name].presets[preset](TOY_CLASSES, True) for name in (system, "crn"))
    assert config.generator.family == system
    assert config.model_copy(update={"generator": crn.generator}) == crn
    assert config.generator.encoding == crn.generator.encoding
    assert validated(type(config), config.model_dump(), system) == config

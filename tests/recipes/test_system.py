"""From a row of a table to a configuration, and from a configuration to a recipe."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from semsynth.classes import builtin
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.recipes.crn import CRNConfig
from semsynth.recipes.gan_segmentation import GANSegmentationConfig
from semsynth.recipes.spade import SPADEConfig
from semsynth.recipes.system import WITH_INSTANCES, Preset


def test_what_a_row_leaves_out_is_the_configurations_default() -> None:
    config = Preset(CRNConfig, {"generator.family": "crn", "data.crop_size": 1024})(TOY_CLASSES, False)
    assert config.data == CRNConfig.model_fields["data"].default.model_copy(update={"crop_size": 1024})
    assert config.schedule.epochs == 200
    assert config.generator.encoding.num_classes == TOY_CLASSES.num_classes


def test_the_encoding_is_that_of_every_network_that_reads_layouts() -> None:
    row = {"encoding.void": "after", "encoding.edges": WITH_INSTANCES}
    for instances in (False, True):
        spade = Preset(SPADEConfig, row)(TOY_CLASSES, instances)
        assert spade.generator.encoding == spade.discriminator.encoding
        assert (spade.generator.encoding.void, spade.generator.encoding.edges) == ("after", instances)
    alone = Preset(GANSegmentationConfig, {**row, "generator.family": "dcgan"})(TOY_CLASSES, True)
    assert alone.generator.encoding == spade.generator.encoding  # its discriminator reads pictures alone


@pytest.mark.parametrize("key", ["generator.widht", "loss.perceptaul", "trainning.steps"])
def test_a_misspelt_key_of_a_row_is_an_error(key: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Preset(SPADEConfig, {key: 1})(TOY_CLASSES, False)


@pytest.mark.parametrize("system", RECIPES)
def test_every_system_refuses_other_classes_before_it_loads_anything(system: str) -> None:
    config = RECIPES[system].presets["small"](TOY_CLASSES, False)
    with pytest.raises(SemsynthError, match="the class set 'cityscapes' has"):
        RECIPES[system].build(config, builtin("cityscapes"))

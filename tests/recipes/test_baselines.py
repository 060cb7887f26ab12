"""What the papers' baselines have in common: sizes, other generators, bad input."""

from __future__ import annotations

import re

import pytest
import torch
from recipes.stand_ins import tiny

from semsynth.classes import NO_CLASSES, builtin
from semsynth.config import override, validated
from semsynth.data.sample import Batch
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.recipes import RECIPES
from semsynth.recipes.gan_segmentation import PRESETS as GAN_SEGMENTATION_PRESETS
from semsynth.recipes.pix2pix import PRESETS as PIX2PIX_PRESETS


@pytest.mark.parametrize("presets", [PIX2PIX_PRESETS, GAN_SEGMENTATION_PRESETS])
def test_the_small_preset_differs_in_size_only(presets):
    default, small = (presets[name](TOY_CLASSES, True) for name in ("default", "small"))
    same = ("loss", "generator_optimizer", "discriminator_optimizer", "schedule")
    assert all(getattr(default, part) == getattr(small, part) for part in same)
    assert validated(type(small), small.model_dump(), "small") == small
    assert small.generator.width * 4 <= default.generator.width


def test_the_documents_parameters_are_what_the_networks_have(repository):
    """Rows of the overview: a system, perhaps with a preset, its generator's family and millions of parameters."""
    text = (repository / "docs" / "recipes" / "baselines.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)`(?:, preset `(\w+)`)? \| [^|]+ \| `(\w+)` \| ([\d.]+)M \|", text, re.MULTILINE)
    assert len(rows) == 7
    for system, preset, family, millions in rows:
        config = RECIPES[system].presets[preset or "default"](builtin("cityscapes_19"), True)
        with torch.device("meta"):
            network = config.generator.build()
        assert config.generator.family == family
        assert f"{sum(p.numel() for p in network.parameters()) / 1e6:.2f}" == millions


@pytest.mark.parametrize("system", ["pix2pix", "gan_segmentation", "pix2pixhd"])
def test_generators_of_other_papers_take_the_place(system):
    encoding = tiny("pix2pix").generator.encoding
    generators = [
        Pix2PixHDGeneratorConfig(encoding=encoding, width=2, downsamplings=1, blocks=1),
        SPADEGeneratorConfig(encoding=encoding, width=1, hidden=2, crop_size=128),
    ]
    for generator in generators:
        preset = "small" if system != "pix2pixhd" else "unet_generator"
        start = RECIPES[system].presets[preset](TOY_CLASSES, False).model_dump()
        start["generator"] = generator.model_dump()
        start["data"] |= {"mode": "fixed", "crop_size": 128, "aspect_ratio": 1.0}
        start["discriminator"]["width"] = 2
        if system == "pix2pixhd":
            start["loss"]["perceptual"] = 0
        config = validated(RECIPES[system].config, start, system)
        recipe = RECIPES[system].build(config, TOY_CLASSES, None)
        labels = torch.zeros(1, 128, 128, dtype=torch.int64)
        batch = Batch(LayoutBatch.from_channels(labels, encoding), torch.zeros(1, 3, 128, 128), ("a",))
        with torch.no_grad():
            assert recipe.generate(recipe.networks, batch).shape == (1, 3, 128, 128)


@pytest.mark.parametrize(
    ("system", "preset", "settings", "message"),
    [
        ("pix2pix", "default", ["data.crop_size=200"], "give 200x200, the generator makes 256x256"),
        ("pix2pix", "default", ["generator.encoding.edges=true"], "must be equal: set both"),
        ("gan_segmentation", "default", ["data.crop_size=48"], "sides of 48, the discriminator needs 64"),
        (
            "gan_segmentation",
            "default",
            ["segmenter.dilations=[1, 0]"],
            "segmenter.dilations.1: .* greater than or equal",
        ),
        ("pix2pixhd", "crn_generator", ["generator.count=3"], "1 in this recipe, 3 of the generator"),
        ("pix2pixhd", "unet_generator", ["trained=enhancer"], "needs generator.enhancers"),
        ("pix2pixhd", "unet_generator", ["encoder={}"], "encoder.features=3 and generator.features=0 differ"),
        ("pix2pixhd", "unet_generator", ["data.crop_size=1000"], "give 1000x500, the generator makes 1024x512"),
    ],
)
def test_parts_that_do_not_fit_are_one_line(system, preset, settings, message):
    with pytest.raises(SemsynthError, match=message) as failure:
        override(RECIPES[system].presets[preset](TOY_CLASSES, True), settings)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("system", ["pix2pix", "gan_segmentation"])
def test_other_class_sets_and_pictures_are_refused(system):
    config = RECIPES[system].presets["small"](TOY_CLASSES, False)
    with pytest.raises(SemsynthError, match="the class set 'cityscapes' has"):
        RECIPES[system].build(config, builtin("cityscapes"), None)
    with pytest.raises(SemsynthError, match="conditions are pictures"):
        RECIPES[system].build(config, NO_CLASSES, None)

"""The papers' baselines: their objectives by hand, their tables, and generators that meet other objectives."""

from __future__ import annotations

import math
import re

import pytest
import torch
from torch import Tensor, nn

from semsynth.classes import NO_CLASSES, builtin
from semsynth.config import override, validated
from semsynth.data.sample import Batch
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.models.unet import UNetConfig
from semsynth.ops.dilated_conv import dilated_conv2d
from semsynth.recipes import RECIPES
from semsynth.recipes.base import Step
from semsynth.recipes.gan_segmentation import PRESETS as GAN_SEGMENTATION_PRESETS
from semsynth.recipes.gan_segmentation import GANSegmentationConfig, GANSegmentationRecipe
from semsynth.recipes.pix2pix import PRESETS as PIX2PIX_PRESETS
from semsynth.recipes.pix2pix import Pix2PixConfig, Pix2PixRecipe
from semsynth.recipes.pix2pixhd import Pix2PixHDConfig
from semsynth.recipes.pix2pixhd_presets import PRESETS as PIX2PIXHD_PRESETS
from semsynth.recipes.pix2pixhd_presets import stages
from semsynth.training.learner import weighted_sum


class Painter(nn.Module):
    """A generator that paints one colour."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, layout: LayoutBatch) -> Tensor:
        return self.value * torch.ones(len(layout), 3, *layout.size)


class Critic(nn.Module):
    """A discriminator, and a segmenter of two classes, whose logits are a picture's mean times a factor."""

    def __init__(self, factor: float, *, conditional: bool) -> None:
        super().__init__()
        self.factor, self.conditional = factor, conditional

    def forward(self, *inputs: Tensor) -> list[list[Tensor]]:
        assert len(inputs) == 1 + self.conditional
        return [[inputs[-1].mean((1, 2, 3)) * self.factor]]


class Brightness(nn.Module):
    """A segmenter: the first class's logit is the brightness, the others' are 0."""

    def forward(self, image: Tensor) -> Tensor:
        bright = image.mean(1, keepdim=True)
        return torch.cat([bright, torch.zeros_like(bright).expand(-1, TOY_CLASSES.num_classes - 1, -1, -1)], 1)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def batch_of(config, photo: float, channel: int = 0) -> Batch:
    """Two layouts of one class, with photos of one colour."""
    layout = LayoutBatch.from_channels(torch.full((2, 4, 4), channel), config.generator.encoding)
    return Batch(layout, torch.full((2, 3, 4, 4), photo), ("a", "b"))


def tiny(system: str, *settings: str):
    return override(
        RECIPES[system].presets["small"](TOY_CLASSES, False), ["generator.width=2", "discriminator.width=2", *settings]
    )


# Objectives -------------------------------------------------------------------------------------------------------


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


# Tables -----------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("presets", [PIX2PIX_PRESETS, GAN_SEGMENTATION_PRESETS])
def test_the_small_preset_differs_in_size_only(presets):
    default, small = (presets[name](TOY_CLASSES, True) for name in ("default", "small"))
    same = ("loss", "generator_optimizer", "discriminator_optimizer", "schedule")
    assert all(getattr(default, part) == getattr(small, part) for part in same)
    assert validated(type(small), small.model_dump(), "small") == small
    assert small.generator.width * 4 <= default.generator.width


@pytest.mark.parametrize("system", ["encoder_decoder", "full_resolution"])
@pytest.mark.parametrize("preset", ["default", "small"])
def test_baselines_of_the_crn_paper_change_nothing_but_the_network(system, preset):
    config, crn = (RECIPES[name].presets[preset](TOY_CLASSES, True) for name in (system, "crn"))
    assert config.generator.family == system
    assert config.model_copy(update={"generator": crn.generator}) == crn
    assert config.generator.encoding == crn.generator.encoding
    assert validated(type(config), config.model_dump(), system) == config


def test_the_full_resolution_network_begins_by_handing_the_layout_on():
    """Hidden layers are the identity: beside the norms, a pixel depends on its own label alone."""
    settings = ["generator.width=4", "generator.layers=3", "loss.kind=image_space"]
    config = override(RECIPES["full_resolution"].presets["small"](TOY_CLASSES, False), settings)
    recipe = RECIPES["full_resolution"].build(config, TOY_CLASSES, None)
    for conv in recipe.networks["generator"].convs:
        x = torch.randn(1, 4, 5, 5)
        assert torch.equal(dilated_conv2d(conv, x), x)


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


# Any generator with any objective ---------------------------------------------------------------------------------


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


@pytest.mark.parametrize(("name", "kind"), [("unet_generator", UNetConfig), ("crn_generator", CRNGeneratorConfig)])
def test_tables_3_and_4_of_pix2pixhd_change_nothing_but_the_generator(name, kind):
    labels_only = PIX2PIXHD_PRESETS["labels_only"](builtin("cityscapes"), True)
    config = PIX2PIXHD_PRESETS[name](builtin("cityscapes"), True)
    assert isinstance(config.generator, kind)
    assert config.model_copy(update={"generator": labels_only.generator, "data": labels_only.data}) == labels_only
    assert config.data.output_size == (512, 1024)
    assert validated(Pix2PixHDConfig, config.model_dump(), "preset") == config


def test_configurations_of_before_there_were_other_generators_still_load():
    config = PIX2PIXHD_PRESETS["small"](TOY_CLASSES, True)
    values = config.model_dump(mode="json")
    del values["generator"]["family"]
    assert validated(Pix2PixHDConfig, values, "recipe.json") == config


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


# Bad input --------------------------------------------------------------------------------------------------------


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


def test_a_generator_that_needs_noise_is_refused():
    values = PIX2PIX_PRESETS["small"](TOY_CLASSES, False).model_dump()
    values["generator"] = SPADEGeneratorConfig(encoding=values["generator"]["encoding"], input="noise").model_dump()
    with pytest.raises(SemsynthError, match="reads layouts alone"):
        validated(Pix2PixConfig, values, "recipe.json")


def test_stages_are_of_pix2pixhds_own_generator():
    with pytest.raises(SemsynthError, match=r"generator\.family=unet: .* train without stages"):
        stages(PIX2PIXHD_PRESETS["unet_generator"](TOY_CLASSES, True))


@pytest.mark.parametrize("system", ["pix2pix", "gan_segmentation"])
def test_other_class_sets_and_pictures_are_refused(system):
    config = RECIPES[system].presets["small"](TOY_CLASSES, False)
    with pytest.raises(SemsynthError, match="the class set 'cityscapes' has"):
        RECIPES[system].build(config, builtin("cityscapes"), None)
    with pytest.raises(SemsynthError, match="conditions are pictures"):
        RECIPES[system].build(config, NO_CLASSES, None)


def test_a_training_that_ends_in_the_warm_up_is_refused():
    config = tiny("gan_segmentation", "training.steps=100", "warm_up_steps=100")
    assert isinstance(config, GANSegmentationConfig)
    with pytest.raises(SemsynthError, match="nothing but the segmenter"):
        RECIPES["gan_segmentation"].build(config, TOY_CLASSES, None)

"""pix2pixHD's table, its stages, and other generators in its place."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from semsynth.classes import ClassSet, builtin
from semsynth.config import override, validated
from semsynth.data.sample import Sample
from semsynth.data.toy import TOY_CLASSES, draw_scene
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.models.patch import MultiScaleDiscriminator
from semsynth.models.pix2pixhd import Pix2PixHDGenerator
from semsynth.models.unet import UNetConfig
from semsynth.recipes.pix2pixhd import Pix2PixHDConfig
from semsynth.recipes.pix2pixhd_presets import PRESETS, stages

CITYSCAPES = builtin("cityscapes")


def preset(name: str, classes: ClassSet = CITYSCAPES, *settings: str) -> Pix2PixHDConfig:
    config = PRESETS[name](classes, True)
    assert isinstance(config, Pix2PixHDConfig)
    return override(config, settings)


def staged(config: Pix2PixHDConfig) -> dict[str, Pix2PixHDConfig]:
    """The stages, checked as a run checks them."""
    return {
        name: validated(Pix2PixHDConfig, stage.model_dump(mode="json"), name) for name, stage in stages(config).items()
    }


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def result_size(pipeline: Pipeline, photo: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of a training picture made from a photo of that size."""
    sample = Sample("scene", draw_scene(0, 64).layout.resized(photo), None)
    return pipeline.apply(sample, random.Random(0), train=True).layout.size


@pytest.mark.parametrize("name", ["default", "labels_only", "cityscapes", "cityscapes_features", "nyu", "ade20k"])
def test_presets_are_the_papers_networks_and_numbers(name: str) -> None:
    """Section 4 and appendices A to C."""
    config = preset(name)
    generator, discriminator = config.generator, config.discriminator
    assert (generator.width, generator.downsamplings, generator.blocks) == (64, 4, 9)
    assert (generator.enhancers, generator.enhancer_blocks, generator.norm) == (0, 3, "instance")
    assert (discriminator.width, discriminator.layers, discriminator.scales) == (64, 4, 3)
    assert (discriminator.norm, discriminator.spectral, discriminator.max_width) == ("instance", False, 512)
    assert (config.loss.adversarial_kind, config.loss.feature_matching, config.loss.perceptual) == (
        "least_squares",
        10,
        10,
    )
    for adam in (config.generator_optimizer, config.discriminator_optimizer):
        assert (adam.lr, adam.beta1, adam.beta2) == (2e-4, 0.5, 0.999)
    assert (config.schedule.epochs, config.schedule.decay_epochs, config.training.batch_size) == (100, 100, 1)
    assert generator.features == (3 if name == "cityscapes_features" else 0)
    assert generator.encoding.edges == (name != "labels_only")


@pytest.mark.parametrize(
    ("name", "photo", "expected"),
    [
        ("cityscapes", (1024, 2048), (512, 1024)),
        ("nyu", (427, 561), (427, 561)),
        ("ade20k", (300, 400), (384, 512)),
        ("helen", (700, 900), (1024, 1024)),
        ("small", (512, 1024), (128, 256)),
    ],
)
def test_presets_sizes_are_appendix_as(name: str, photo: tuple[int, int], expected: tuple[int, int]) -> None:
    assert result_size(preset(name, TOY_CLASSES).data, photo) == expected


def test_papers_networks_have_the_hand_counted_parameters() -> None:
    """Appendix B and C for Cityscapes: 35 label ids and an edge map (36 channels), biases everywhere."""

    def conv(inputs: int, outputs: int, kernel: int) -> int:
        return inputs * outputs * kernel**2 + outputs

    config = preset("cityscapes_features")
    plain = override(config, ["encoder=null", "generator.features=0"])
    large = staged(plain)["3-joint"]
    with torch.device("meta"):
        global_generator, both = Pix2PixHDGenerator(plain.generator), Pix2PixHDGenerator(large.generator)
        discriminator = MultiScaleDiscriminator(plain.discriminator)
        assert config.encoder is not None
        encoder = InstanceEncoder(config.encoder)
    down = [(64, 128), (128, 256), (256, 512), (512, 1024)]
    trunk = conv(36, 64, 7) + 2 * sum(conv(a, b, 3) for a, b in down) + 9 * 2 * conv(1024, 1024, 3)
    trunk += sum(a - b for a, b in down)  # on the way up the biases are a, not b
    enhancer = conv(36, 32, 7) + conv(32, 64, 3) + 3 * 2 * conv(64, 64, 3) + conv(64, 32, 3)
    assert parameters(global_generator) == trunk + conv(64, 3, 7) == 182_546_755
    assert parameters(both) == trunk + enhancer + conv(32, 3, 7) == 182_857_059
    patch = conv(39, 64, 4) + conv(64, 128, 4) + conv(128, 256, 4) + conv(256, 512, 4) + conv(512, 1, 4)
    assert parameters(discriminator) == 3 * patch == 8_404_803
    narrow = [(16, 32), (32, 64), (64, 128), (128, 256)]
    bowl = sum(conv(a, b, 3) + conv(b, a, 3) for a, b in narrow)
    assert parameters(encoder) == conv(3, 16, 7) + bowl + conv(16, 3, 7) == 788_803


def test_stages_are_section_3_2_with_the_official_epochs() -> None:
    """100 + 100 epochs of G1 (default options), then 50 + 50 with ``niter_fix_global`` 10 (train_1024p_24G.sh)."""
    first, second, third = staged(preset("cityscapes")).values()
    assert [stage.generator.enhancers for stage in (first, second, third)] == [0, 1, 1]
    assert [stage.trained for stage in (first, second, third)] == ["everything", "enhancer", "everything"]
    assert [stage.discriminator.scales for stage in (first, second, third)] == [2, 3, 3]
    epochs = [(stage.schedule.epochs, stage.schedule.decay_epochs) for stage in (first, second, third)]
    assert epochs == [(100, 100), (10, 0), (40, 50)]
    assert [result_size(stage.data, (1024, 2048)) for stage in (first, second, third)] == [
        (512, 1024),
        (1024, 2048),
        (1024, 2048),
    ]
    alike = {"generator", "discriminator", "data", "trained", "schedule"}
    assert first.model_dump(exclude=alike) == second.model_dump(exclude=alike) == third.model_dump(exclude=alike)


@pytest.mark.parametrize(
    "settings",
    [
        ("data.mode=scale_width", "data.load_size=40"),
        ("data.mode=scale_shortside_and_crop", "data.load_size=40", "data.crop_size=32"),
        ("data.mode=scale_width_and_crop", "data.load_size=48", "data.crop_size=32", "data.aspect_ratio=2"),
        ("data.mode=resize_and_crop", "data.load_size=40", "data.crop_size=32"),
        ("data.mode=fixed", "data.crop_size=32", "data.aspect_ratio=2"),
    ],
)
def test_later_stages_see_the_same_scene_at_twice_the_size(settings: tuple[str, ...]) -> None:
    first, second, third = staged(preset("default", TOY_CLASSES, *settings)).values()
    height, width = result_size(first.data, (64, 80))
    assert result_size(second.data, (64, 80)) == result_size(third.data, (64, 80)) == (2 * height, 2 * width)


def test_short_schedules_leave_every_stage_an_epoch() -> None:
    short = preset("default", TOY_CLASSES, "schedule.epochs=1", "schedule.decay_epochs=0")
    assert [stage.schedule.total_epochs for stage in staged(short).values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("generator.enhancers=1", "leave it 0"),
        ("data.mode=none", "leaves photos at their size"),
        ("data.mode=crop", "leaves photos at their size"),
    ],
)
def test_what_cannot_be_staged_is_said(setting: str, message: str) -> None:
    with pytest.raises(SemsynthError, match=message):
        stages(preset("default", TOY_CLASSES, setting))


@pytest.mark.parametrize(("name", "kind"), [("unet_generator", UNetConfig), ("crn_generator", CRNGeneratorConfig)])
def test_tables_3_and_4_of_pix2pixhd_change_nothing_but_the_generator(name, kind):
    labels_only = PRESETS["labels_only"](builtin("cityscapes"), True)
    config = PRESETS[name](builtin("cityscapes"), True)
    assert isinstance(config.generator, kind)
    assert config.model_copy(update={"generator": labels_only.generator, "data": labels_only.data}) == labels_only
    assert config.data.output_size == (512, 1024)
    assert validated(Pix2PixHDConfig, config.model_dump(), "preset") == config


def test_configurations_of_before_there_were_other_generators_still_load():
    config = PRESETS["small"](TOY_CLASSES, True)
    values = config.model_dump(mode="json")
    del values["generator"]["family"]
    assert validated(Pix2PixHDConfig, values, "recipe.json") == config


def test_stages_are_of_pix2pixhds_own_generator():
    with pytest.raises(SemsynthError, match=r"generator\.family=unet: .* train without stages"):
        stages(PRESETS["unet_generator"](TOY_CLASSES, True))

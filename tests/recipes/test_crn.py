"""The table of cascaded refinement networks, its stages, and other generators under its objective."""

from __future__ import annotations

import random

import pytest
import torch

from semsynth.classes import builtin
from semsynth.config import override, validated
from semsynth.data.sample import Batch
from semsynth.data.toy import TOY_CLASSES, draw_scene
from semsynth.errors import SemsynthError
from semsynth.losses.level_weights import OFFICIAL_256P, OFFICIAL_512P, BalancedWeights
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.generator import check_size
from semsynth.models.vgg import VGG19
from semsynth.recipes.base import Step
from semsynth.recipes.crn import CRN_SYSTEM, PRESETS, CRNConfig, CRNRecipe, stages

CITYSCAPES = builtin("cityscapes_19")
THIN = [4, 4, 4, 4, 6, 6, 6, 6, 8, 8, 8, 8, 8, 8]
TINY = ("generator.refinements=3", "generator.width_scale=0.004", "data.crop_size=32", "data.aspect_ratio=2.0")


def preset(name: str, *settings: str) -> CRNConfig:
    return override(PRESETS[name](CITYSCAPES, False), settings)


def cascade(config: CRNConfig) -> CRNGeneratorConfig:
    assert isinstance(config.generator, CRNGeneratorConfig)
    return config.generator


def tiny(*settings: str) -> CRNRecipe:
    config = override(PRESETS["default"](TOY_CLASSES, True), (*TINY, *settings))
    return CRNRecipe(config, TOY_CLASSES, VGG19(THIN, pooling="average"))


def tiny_batch(recipe: CRNRecipe, count: int = 2) -> Batch:
    samples = [recipe.config.data.apply(draw_scene(i, 32), random.Random(0), train=True) for i in range(count)]
    return recipe.collate(samples)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_consistent_and_can_be_stored(name: str) -> None:
    config = preset(name)
    assert validated(CRNConfig, config.model_dump(mode="json"), name) == config
    assert cascade(config).encoding.num_channels == 20
    assert config.data.output_size is not None
    check_size(cascade(config), config.data.output_size)
    assert not config.data.flip
    assert cascade(config).count == (9 if name.endswith("_diverse") else 1)
    assert config.loss.mean_share == (0.001 if name.endswith("_diverse") else 0)


@pytest.mark.parametrize(
    ("name", "size", "modules", "epochs", "trained"),
    [
        ("cityscapes_256p", (256, 512), 7, 200, None),
        ("cityscapes_512p", (512, 1024), 8, 20, None),
        ("cityscapes_1024p", (1024, 2048), 9, 5, 2),
        ("gta", (256, 512), 7, 400, None),
    ],
)
def test_the_papers_sizes_and_the_official_schedules(
    name: str, size: tuple[int, int], modules: int, epochs: int, trained: int | None
) -> None:
    config = preset(name)
    assert config.data.output_size == size
    assert (size[0] // cascade(config).sizes.step, size[1] // cascade(config).sizes.step) == (4, 8)
    assert (cascade(config).refinements, config.schedule.epochs, config.trained_modules) == (modules, epochs, trained)
    adam = config.generator_optimizer
    assert (adam.lr, adam.beta1, adam.beta2, config.training.batch_size) == (1e-4, 0.9, 0.999, 1)


def test_stages_grow_from_256p_to_1024p() -> None:
    grown = {
        name: validated(CRNConfig, stage.model_dump(mode="json"), name)
        for name, stage in stages(preset("cityscapes_256p_diverse")).items()
    }
    assert list(grown) == ["1-256p", "2-512p", "3-1024p"]
    assert [stage.data.output_size for stage in grown.values()] == [(256, 512), (512, 1024), (1024, 2048)]
    assert [cascade(stage).refinements for stage in grown.values()] == [7, 8, 9]
    assert [stage.schedule.epochs for stage in grown.values()] == [200, 20, 5]
    assert [stage.trained_modules for stage in grown.values()] == [None, None, 2]
    assert [stage.loss.weights for stage in grown.values()] == ["official_256p", "official_512p", "official_512p"]
    automatic = stages(preset("default"))
    assert [stage.loss.rescale_after_epochs for stage in automatic.values()] == [100, 1, 1]  # type: ignore[attr-defined]


def test_stages_say_what_they_need() -> None:
    with pytest.raises(SemsynthError, match=r"set data\.mode=fixed"):
        stages(preset("default", "data.mode=none"))
    with pytest.raises(SemsynthError, match=r"generator\.widths"):
        stages(preset("cityscapes_512p"))


def test_parts_that_do_not_fit() -> None:
    with pytest.raises(SemsynthError, match="give 100x50, the generator makes 128x64"):
        preset("default", "data.crop_size=100")
    with pytest.raises(SemsynthError, match="give 300x150, the generator makes 320x128"):
        preset("default", "data.crop_size=300")
    with pytest.raises(SemsynthError, match="trained_modules=8, the generator has 7"):
        preset("default", "trained_modules=8")
    with pytest.raises(SemsynthError, match="no noise"):
        preset("default", 'generator={"family": "spade", "encoding": {"num_classes": 19}, "input": "noise"}')


def test_weights_of_the_levels_that_there_are() -> None:
    prefix = VGG19(THIN[:6], pooling="average")
    config = preset("cityscapes_512p", *TINY)
    fixed = CRNRecipe(config, CITYSCAPES, prefix).content
    assert fixed.missing == ("relu4_2", "relu5_2")
    assert fixed.weights.values.tolist() == pytest.approx([OFFICIAL_512P[level] for level in fixed.weights.levels])
    automatic = CRNRecipe(preset("default", *TINY, "loss.last_factor=10"), CITYSCAPES, VGG19(THIN)).content.weights
    assert isinstance(automatic, BalancedWeights)
    assert automatic.rescale_after_epochs == 100
    assert automatic.factors == [1, 1, 1, 1, 1, 10]
    with pytest.raises(SemsynthError, match="end before relu1_2"):
        CRNRecipe(config, CITYSCAPES, VGG19(THIN[:1]))


def test_official_weights_of_256p_make_the_loss() -> None:
    recipe = tiny("loss.weights=official_256p")
    terms = recipe.generator_terms(recipe.networks, tiny_batch(recipe), Step())
    expected = sum(weight * float(terms[level]) for level, weight in OFFICIAL_256P.items())
    assert terms["content"].item() == pytest.approx(expected, rel=1e-5)
    assert set(terms) == set(recipe.phases[0].weights)
    assert [name for name, weight in recipe.phases[0].weights.items() if weight] == ["content"]


def test_image_space_loss_needs_no_perceptual_network() -> None:
    config = override(PRESETS["default"](TOY_CLASSES, True), (*TINY, "loss.kind=image_space"))
    recipe = CRN_SYSTEM.build(config, TOY_CLASSES)
    batch = tiny_batch(recipe)
    terms = recipe.generator_terms(recipe.networks, batch, Step())
    made = recipe.networks["generator"](batch.layout)
    torch.testing.assert_close(terms["content"], 127.5 * (made - batch.image).abs().mean())


@pytest.mark.parametrize(
    "generator",
    [
        '{"family": "spade", "encoding": {"num_classes": 8}, "width": 2, "crop_size": 32, "aspect_ratio": 1.0}',
        '{"family": "pix2pixhd", "encoding": {"num_classes": 8}, "width": 4, "downsamplings": 2, "blocks": 1}',
    ],
    ids=["spade", "pix2pixhd"],
)
def test_other_generators_take_the_objective(generator: str) -> None:
    recipe = tiny(f"generator={generator}", "data.aspect_ratio=1.0")
    loss = recipe.generator_terms(recipe.networks, tiny_batch(recipe), Step())["content"]
    loss.backward()
    assert all(parameter.grad is not None for parameter in recipe.networks["generator"].parameters())


def test_other_classes_are_refused() -> None:
    with pytest.raises(SemsynthError, match="19 classes"):
        CRN_SYSTEM.build(preset("default", "loss.kind=image_space"), TOY_CLASSES)


def test_output_layers_of_collections_begin_anew() -> None:
    one, many = tiny(), tiny("generator.count=4")
    state = one.networks["generator"].state_dict()
    adapted = many.adapted("generator", state)
    own = many.networks["generator"].state_dict()
    assert adapted.keys() == own.keys()
    for name, value in adapted.items():
        assert torch.equal(value, own[name] if name.startswith("to_rgb.") else state[name])
    assert one.adapted("generator", state) is state

"""SIMS: the table, the schedule and the objective; one pair learnt, and a run that is stopped."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from torch.nn import functional as F
from toy_bank import TINY_SIMS

from semsynth.bank.batches import CanvasBatch
from semsynth.bank.memory import MemoryBank
from semsynth.classes import builtin
from semsynth.config import override, validated
from semsynth.data.folder import DatasetFolder
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.losses.level_weights import OFFICIAL_512P
from semsynth.models.generator import check_size
from semsynth.models.vgg import VGG19
from semsynth.recipes.base import Step
from semsynth.recipes.sims import PRESETS, SIMS_SYSTEM, RisingSchedule, SIMSConfig, SIMSRecipe
from semsynth.training.learner import Learner

CITYSCAPES = builtin("cityscapes_19")
THIN = [4, 4, 4, 4, 6, 6, 6, 6]


def preset(name: str, *settings: str) -> SIMSConfig:
    return override(PRESETS[name](CITYSCAPES, False), settings)


def tiny(memory: MemoryBank, *settings: str, vgg: VGG19 | None = None) -> SIMSRecipe:
    config = override(PRESETS["small"](TOY_CLASSES, False), (*TINY_SIMS, *settings))
    torch.manual_seed(0)
    return SIMSRecipe(config, TOY_CLASSES, memory, vgg)


def batch_of(recipe: SIMSRecipe, folder: Path, count: int = 2) -> CanvasBatch:
    data = DatasetFolder(folder, "train")
    return recipe.collate([recipe.pipeline.apply(data[i], random.Random(i), train=True) for i in range(count)])


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_consistent_and_can_be_stored(name: str) -> None:
    config = preset(name)
    assert validated(SIMSConfig, config.model_dump(mode="json"), name) == config
    assert config.generator.encoding.num_channels == 20
    assert config.data.output_size is not None
    check_size(config.generator, config.data.output_size)
    assert config.memory.faithful != name.startswith("cityscapes")


@pytest.mark.parametrize(("name", "size"), [("256p", (256, 512)), ("512p", (512, 1024)), ("1024p", (1024, 2048))])
def test_published_sizes(name: str, size: tuple[int, int]) -> None:
    assert preset(f"cityscapes_{name}").data.output_size == size


def test_the_small_network_has_a_sixteenth_of_the_arithmetic_or_less() -> None:
    """Products of convolutions grow with the square of the widths, but for the layout's channels."""
    assert preset("small").generator.width_scale <= 3 / 16


def test_the_published_schedule() -> None:
    config = preset("default")
    rates = [config.generator_optimizer.lr * config.schedule.factor(epoch) for epoch in range(800)]
    assert rates[0] == pytest.approx(1e-6)
    assert rates[1] == pytest.approx(1.1e-6)
    assert rates[60] == pytest.approx(1e-6 * 1.1**60)
    assert rates[73] == rates[111] == pytest.approx(1e-3)
    assert rates[112] == rates[799] == pytest.approx(1e-4)
    later = preset("cityscapes_512p")
    assert {later.generator_optimizer.lr * later.schedule.factor(epoch) for epoch in (0, 50, 99)} == {1e-4}
    assert (config.schedule.total_epochs, later.schedule.total_epochs) == (800, 100)


def test_epochs_without_end_do_not_overflow() -> None:
    assert RisingSchedule(high_epochs=10**9).factor(10**8) == 1


def test_the_objective_term_by_term(scene_bank: MemoryBank, scenes: Path) -> None:
    recipe = tiny(scene_bank, "loss.kind=perceptual", vgg=VGG19(THIN, pooling="average"))
    batch = batch_of(recipe, scenes)
    step = Step()
    terms = recipe.generator_terms(recipe.networks, batch, step)
    assert set(terms) == {"pixels", "features", "segmentation"}
    fake, logits = recipe.networks["generator"](batch.layout, batch.canvas, segment=True)
    assert step.fake is not None
    torch.testing.assert_close(step.fake, fake)
    torch.testing.assert_close(terms["pixels"], 127.5 * (fake - batch.image).abs().mean())
    targets = batch.true_layout.full.symbols.long()
    torch.testing.assert_close(terms["segmentation"], F.cross_entropy(logits, targets))
    assert recipe.phases[0].weights["segmentation"] == 10
    levels = recipe.frozen["features"].weights  # type: ignore[union-attr]
    assert dict(zip(levels.levels, levels.values.tolist(), strict=True)) == pytest.approx(
        {name: OFFICIAL_512P[name] for name in ("relu1_2", "relu2_2", "relu3_2")}
    )


def test_the_head_finds_the_true_layout_and_not_the_one_that_it_reads(scene_bank: MemoryBank, scenes: Path) -> None:
    recipe = tiny(scene_bank, "memory.faithful=false")
    batch = batch_of(recipe, scenes)
    assert batch.changed is not None
    _, logits = recipe.networks["generator"](batch.changed, batch.canvas, segment=True)
    expected = F.cross_entropy(logits, batch.true_layout.full.symbols.long())
    torch.testing.assert_close(recipe.generator_terms(recipe.networks, batch, Step())["segmentation"], expected)


@pytest.mark.slow
def test_it_learns_one_pair(scene_bank: MemoryBank, scenes: Path) -> None:
    recipe = tiny(scene_bank, "generator.width_scale=0.06", "generator_optimizer.lr=0.002")
    learner = Learner(recipe, Fabric(accelerator="cpu", devices=1), num_images=1)
    batch = batch_of(recipe, scenes, 1)
    before = recipe.generator_terms(recipe.networks, batch, Step())
    for _ in range(150):
        learner.train_step([batch])
    after = recipe.generator_terms(recipe.networks, batch, Step())
    assert after["pixels"] < 0.25 * before["pixels"]
    assert after["segmentation"] < 0.5 * before["segmentation"]


def test_what_cannot_be_trained(scene_bank: MemoryBank) -> None:
    config = PRESETS["small"](TOY_CLASSES, False)
    with pytest.raises(SemsynthError, match="needs a memory bank of its training photos: make one with 'semsynth bank"):
        config.completed()
    with pytest.raises(SemsynthError, match="has other classes"):
        SIMSRecipe(PRESETS["small"](CITYSCAPES, False), CITYSCAPES, scene_bank)
    with pytest.raises(SemsynthError, match="fade_in_images"):
        preset("small", "fade_in_images=10")
    with pytest.raises(SemsynthError, match=r"gradient_penalty\.weight"):
        preset("small", "gradient_penalty.weight=1")
    with pytest.raises(SemsynthError, match="the generator makes"):
        preset("small", "data.crop_size=100")


def test_the_perceptual_term_can_be_left_out() -> None:
    config = preset("default")
    assert override(config, config.without_perceptual()).loss.kind == "image_space"
    assert SIMS_SYSTEM.config is SIMSConfig

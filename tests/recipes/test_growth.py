"""Coarse to fine: one set of weights for two sizes, and a larger picture that fades in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from recipes.stand_ins import tiny
from tiny_settings import STYLED, TINY
from torch.nn import functional as F

import semsynth
from semsynth.checkpoint import load_model
from semsynth.config import override
from semsynth.data.sample import Batch
from semsynth.data.toy import TOY_CLASSES, write_toy
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.models.spade import SPADEGenerator
from semsynth.recipes import RECIPES
from semsynth.recipes.base import Step
from semsynth.recipes.growth import Fading

SIZES = ("data.crop_size=64", "generator.crop_size=64", "data.load_size=72")
SIX = {"spade": (*SIZES, "generator.upsamplings=6", "generator.noise_injection=true"), "oasis": SIZES}
NO_VGG = {"spade": ("loss.perceptual=0", "generator.hidden=4", "encoder=null"), "oasis": ("generator.hidden=4",)}


def recipe_of(system: str, *settings: str) -> Any:
    torch.manual_seed(0)
    return RECIPES[system].build(tiny(system, *NO_VGG[system], *SIX[system], *settings), TOY_CLASSES)


def batch_for(recipe: Any) -> Batch:
    torch.manual_seed(1)
    encoding = recipe.config.generator.encoding
    channels = torch.randint(encoding.num_labels, (2, 8, 8)).repeat_interleave(8, 1).repeat_interleave(8, 2)
    return Batch(LayoutBatch.from_channels(channels, encoding), torch.rand(2, 3, 64, 64) * 2 - 1, ("a", "b"))


def noise_for(recipe: Any) -> torch.Tensor:
    return torch.randn(2, recipe.config.generator.z_dim, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("system", ["spade", "oasis"])
def test_half_size_is_a_generator_of_its_own_with_the_same_weights(system: str) -> None:
    recipe = recipe_of(system)
    generator = recipe.networks["generator"].eval()
    coarse = generator.at_half_size()
    assert {id(p) for p in coarse.parameters()} <= {id(p) for p in generator.parameters()}
    batch, z = batch_for(recipe), noise_for(recipe)
    built = coarse.config.build().eval()
    with torch.no_grad():
        for noise in getattr(coarse, "noises", ()):
            noise.scale.fill_(0.5)
        state = coarse.state_dict()
        for key, value in built.state_dict().items():  # a larger picture keeps more noise
            state[key] = state[key][tuple(map(slice, value.shape))]
        built.load_state_dict(state)
        made = coarse(batch.layout, z)
        torch.testing.assert_close(made, built(batch.layout, z))
    assert made.shape == (2, 3, 32, 32)
    assert generator(batch.layout, z).shape == (2, 3, 64, 64)


def test_noise_goes_to_the_doubling_before_the_same_block() -> None:
    large, small = recipe_of("spade").networks["generator"], None
    assert isinstance(large, SPADEGenerator)
    small = large.config.half_size.build()  # type: ignore[union-attr]
    for number, noise in enumerate(small.noises):
        torch.nn.init.constant_(noise.scale, number + 1.0)
    large.load_state_dict(large.extended(small.state_dict()))
    assert [float(noise.scale.detach().mean()) for noise in large.noises] == [1, 0, 2, 3, 4, 5]
    doubled = [block.in_channels for block, double in large.stages if double]
    assert [len(noise.scale) for noise in large.noises] == doubled


@pytest.mark.parametrize("system", ["spade", "oasis"])
def test_pictures_and_photos_fade_in(system: str) -> None:
    recipe = recipe_of(system)
    generator, batch, z = recipe.networks["generator"].eval(), batch_for(recipe), noise_for(recipe)
    fading = Fading(generator.at_half_size(), 4)
    with torch.no_grad():
        fine = generator(batch.layout, z)
        coarse = generator.at_half_size()(batch.layout, z).repeat_interleave(2, 2).repeat_interleave(2, 3)
        small_photo = F.interpolate(F.avg_pool2d(batch.image, 2), scale_factor=2)
        for step, share in ((0, 0.0), (1, 0.25), (3, 0.75)):
            networks, seen, _ = fading(recipe.networks, batch, Step(step))
            torch.testing.assert_close(networks["generator"](batch.layout, z), share * fine + (1 - share) * coarse)
            torch.testing.assert_close(seen.image, share * batch.image + (1 - share) * small_photo)
            assert networks["discriminator"] is recipe.networks["discriminator"]
    for step in (4, 5):
        networks, seen, _ = fading(recipe.networks, batch, Step(step))
        assert networks is recipe.networks
        assert seen is batch


@pytest.mark.parametrize("system", ["spade", "oasis"])
def test_phases_see_what_fades_in(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of(system, "fade_in_images=8", "training.batch_size=2")
    batch = batch_for(recipe)
    step = Step(0)
    recipe.phases[0].terms(recipe.networks, batch, step)
    blocks = step.fake.detach().unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
    assert torch.equal(blocks.amin(4), blocks.amax(4))  # at first the enlarged pictures alone
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(type(recipe), "shown", lambda self, *images: seen.extend(images) or images)
    recipe.phases[1].terms(recipe.networks, batch, Step(0))
    photo = seen[-1].unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
    assert torch.equal(photo.amin(4), photo.amax(4))
    step = Step(4)  # 8 images are 4 steps of 2
    recipe.phases[0].terms(recipe.networks, batch, step)
    blocks = step.fake.detach().unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
    assert not torch.equal(blocks.amin(4), blocks.amax(4))


@pytest.mark.parametrize("system", ["spade", "oasis"])
def test_stages_by_number(system: str) -> None:
    preset = RECIPES[system].presets["small"](TOY_CLASSES, False)
    small = override(preset, ["data.crop_size=128", "data.load_size=144", "generator.crop_size=128"])
    split = RECIPES[system].stages
    assert split is not None
    first, second = split(small).items()
    assert first == ("1-128x128", small)
    assert second[0] == "2-256x256"
    later: Any = second[1]
    assert (later.data.crop_size, later.data.load_size, later.generator.output_size) == (256, 288, (256, 256))
    assert later.schedule.epochs == small.schedule.epochs // 2
    assert later.fade_in_images == 4000
    assert later.generator.half_size == small.generator


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("generator.upsamplings=6",), r"generator\.upsamplings=6: stages begin with 5 doublings"),
        (("data.mode=scale_width",), r"data\.mode=scale_width leaves photos at many sizes"),
    ],
)
def test_what_cannot_grow_is_one_line(settings: tuple[str, ...], message: str) -> None:
    split = RECIPES["spade"].stages
    assert split is not None
    with pytest.raises(SemsynthError, match=message):
        split(tiny("spade", *settings))


@pytest.mark.parametrize("settings", [(), ("generator.upsamplings=7",)])
def test_fading_needs_a_generator_of_half_the_size(settings: tuple[str, ...]) -> None:
    with pytest.raises(SemsynthError, match="fade_in_images: no generator of half the size"):
        tiny("spade", "fade_in_images=8", *settings)


@pytest.mark.slow
def test_two_stages_of_a_training(tmp_path: Path) -> None:
    write_toy(tmp_path / "toy", 3, size=72)
    half = ("data.crop_size=32", "generator.crop_size=32", "data.load_size=36", "training.steps=1")
    settings = [*TINY, *STYLED, *half, "generator.noise_injection=true", "2-64x64:fade_in_images=4"]
    result = semsynth.train(
        "spade", tmp_path / "toy", tmp_path / "run", preset="small", overrides=settings, stages=True, device="cpu"
    )
    assert result.stage == "2-64x64"
    assert load_model(result.model).networks["generator"].config.output_size == (64, 64)

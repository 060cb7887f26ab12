"""Aids that are in no paper: what they add to the phases, by hand, and that a recipe without them is the paper's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from semsynth.config import override
from semsynth.data.sample import Batch
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.recipes import RECIPES
from semsynth.recipes.aids import AidedRecipe, cropped
from semsynth.recipes.base import Step
from semsynth.training.learner import weighted_sum

SIZE = 64
TINY = ("generator.width=1", "generator.hidden=2", "generator.crop_size=64", "data.crop_size=64", "loss.perceptual=0")
PENALTY = ("gradient_penalty.weight=4", "gradient_penalty.every=3")


def recipe_of(system: str, *settings: str) -> AidedRecipe:
    config = override(RECIPES[system].presets["default"](TOY_CLASSES, False), (*TINY, *settings))
    recipe = RECIPES[system].build(config, TOY_CLASSES)
    assert isinstance(recipe, AidedRecipe)
    return recipe


def batch_of(recipe: AidedRecipe, photo: float) -> Batch:
    """Two layouts of one class, with photos of one colour."""
    labels = torch.zeros(2, SIZE, SIZE, dtype=torch.int64)
    layout = LayoutBatch.from_channels(labels, recipe.config.generator.encoding)  # type: ignore[attr-defined]
    return Batch(layout, torch.full((2, 3, SIZE, SIZE), photo), ("a", "b"))


class Painter(nn.Module):
    """A generator that paints everything in one colour."""

    def __init__(self, colour: float) -> None:
        super().__init__()
        self.colour = nn.Parameter(torch.tensor(colour))

    def forward(self, layout: LayoutBatch, style: Tensor | None = None) -> Tensor:
        return self.colour.expand(len(layout), 3, *layout.size)


class PatchCritic(nn.Module):
    """SPADE's discriminator, with one scale and one patch: the mean of a picture, times 6."""

    def forward(self, layout: LayoutBatch, image: Tensor) -> list[list[Tensor]]:
        return [[image.mean((1, 2, 3), keepdim=True), 6 * image.mean((1, 2, 3), keepdim=True)]]


class PixelCritic(nn.Module):
    """OASIS's discriminator, with one pixel and two classes: log-odds of 6 times the mean of a picture."""

    def forward(self, image: Tensor) -> Tensor:
        logit = 6 * image.mean((1, 2, 3), keepdim=True)
        return torch.cat([torch.zeros_like(logit), logit, logit.new_full(logit.shape, -torch.inf)], 1)


@pytest.mark.parametrize("system", ["spade", "oasis"])
def test_without_aids_phases_are_the_papers_own(system: str) -> None:
    recipe = recipe_of(system)
    generator, discriminator = recipe.phases
    assert recipe.aided(generator, discriminator) == (generator, discriminator)
    assert generator.terms == recipe.generator_terms  # type: ignore[attr-defined]
    assert discriminator.terms == recipe.discriminator_terms  # type: ignore[attr-defined]
    (seen,) = recipe.shown(image := torch.randn(2, 3, 4, 4))
    assert torch.equal(seen, image)


def test_the_pixel_term_compares_the_pictures_that_the_phase_made() -> None:
    recipe = recipe_of("spade", "loss.pixels=7", "loss.feature_matching=0")
    phase, batch = recipe.phases[0], batch_of(recipe, photo=-0.25)
    networks = {"generator": Painter(0.5), "discriminator": PatchCritic()}
    terms = phase.terms(networks, batch, Step())
    assert terms["pixels"].item() == pytest.approx(0.75)
    loss = weighted_sum(terms, phase.weights)
    assert loss.item() == pytest.approx(-6 * 0.5 + 7 * 0.75)
    loss.backward()
    assert networks["generator"].colour.grad.item() == pytest.approx(-6 + 7)  # type: ignore[union-attr]


@pytest.mark.parametrize(("system", "critic"), [("spade", PatchCritic()), ("oasis", PixelCritic())])
def test_the_penalty_is_half_of_gamma_times_the_squared_gradient_in_every_third_step(
    system: str, critic: nn.Module
) -> None:
    recipe = recipe_of(system, *PENALTY, *(["loss.label_mix=none"] if system == "oasis" else []))
    recipe.networks["discriminator"] = critic
    phase, batch = recipe.phases[1], batch_of(recipe, photo=-0.25)
    networks = {"generator": Painter(0.5), "discriminator": critic}
    if system == "oasis":  # its other terms want logits of the picture's size
        networks["discriminator"] = recipe_of(system).networks["discriminator"]
    found = [phase.terms(networks, batch, Step(number)) for number in range(4)]
    assert ["gradient_penalty" in terms for terms in found] == [True, False, False, True]
    gradient = 6 / (3 * SIZE * SIZE)  # of every number of a picture
    assert found[3]["gradient_penalty"].item() == pytest.approx(gradient**2 * 3 * SIZE * SIZE)
    assert phase.weights["gradient_penalty"] == 4 / 2 * 3


def test_a_crop_is_of_the_same_place_in_both_pictures() -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def compare(fake: Tensor, real: Tensor) -> Tensor:
        seen.append((fake, real))
        return (fake - real).abs().mean()

    image = torch.rand(2, 3, 9, 11)
    partial = cropped(compare, 4)  # type: ignore[arg-type]
    assert partial is not None
    assert partial(image, image + 1).item() == pytest.approx(1)
    (fake, real) = seen[0]
    assert fake.shape == (2, 3, 4, 4)
    torch.testing.assert_close(real, fake + 1)
    assert cropped(compare, None) is compare  # type: ignore[arg-type,comparison-overlap]
    assert cropped(None, 4) is None


def test_a_crop_without_pixels_is_refused() -> None:
    with pytest.raises(SemsynthError, match=r"perceptual_crop: Input should be greater than or equal to 1"):
        recipe_of("spade", "perceptual_crop=0")

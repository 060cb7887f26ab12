"""SPADE's table, its two equations by hand, and how a generator grows."""

from __future__ import annotations

import pytest
import torch
from recipes.stand_ins import Painter, batch_of
from torch import Tensor, nn

from semsynth.classes import builtin
from semsynth.config import override, validated
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.recipes.base import Step
from semsynth.recipes.spade import PRESETS, SPADE_SYSTEM, SPADEConfig, SPADERecipe
from semsynth.training.learner import weighted_sum

TINY = ("generator.width=1", "generator.hidden=2", "discriminator.width=2", "loss.perceptual=0")


def tiny(*settings: str) -> SPADERecipe:
    recipe = SPADE_SYSTEM.build(override(PRESETS["default"](TOY_CLASSES, False), (*TINY, *settings)), TOY_CLASSES)
    assert isinstance(recipe, SPADERecipe)
    return recipe


class StyledPainter(Painter):
    """Paints the same for every style."""

    def forward(self, layout: LayoutBatch, style: Tensor | None = None) -> Tensor:
        return super().forward(layout)


class Judge(nn.Module):
    """Two scales, of one feature (the mean of a picture) and its logit (six times that, or minus nine times)."""

    def forward(self, layout: LayoutBatch, image: Tensor) -> list[list[Tensor]]:
        mean = image.mean((1, 2, 3), keepdim=True)
        return [[mean, 6 * mean], [mean, -9 * mean]]


class Encoder(nn.Module):
    """Finds the style 1 in everything, and is as sure as the prior."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return torch.ones(len(image), 4), torch.zeros(len(image), 4)


# The table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "size", "channels", "epochs", "batch_size"),
    [
        ("coco_stuff", (256, 256), 182 + 2, (100, 0), 32),
        ("ade20k", (256, 256), 150 + 1, (100, 100), 32),
        ("cityscapes", (256, 512), 35 + 1, (100, 100), 16),
    ],
)
def test_the_papers_datasets(
    name: str, size: tuple[int, int], channels: int, epochs: tuple[int, int], batch_size: int
) -> None:
    """Section 4 and the official data sets' options."""
    config = PRESETS[name](builtin(name), True)
    assert config.data.output_size == config.generator.output_size == size
    assert config.generator.encoding.num_channels == channels
    assert (config.schedule.epochs, config.schedule.decay_epochs) == epochs
    assert config.training.batch_size == batch_size
    assert (config.generator_optimizer.lr, config.discriminator_optimizer.lr) == (1e-4, 4e-4)
    assert (config.loss.adversarial_kind, config.loss.feature_matching, config.loss.perceptual) == ("hinge", 10, 10)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_can_be_stored(name: str) -> None:
    config = PRESETS[name](TOY_CLASSES, True)
    assert validated(SPADEConfig, config.model_dump(mode="json"), name) == config


def test_the_page_has_the_number_of_parameters(repository) -> None:
    with torch.device("meta"):
        generator = PRESETS["cityscapes"](builtin("cityscapes"), True).generator.build()
    count = sum(parameter.numel() for parameter in generator.parameters())
    page = (repository / "docs" / "recipes" / "spade.md").read_text("utf-8")
    assert f"{count:,} parameters at 36 layout channels" in page


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("encoder={}",), "a style encoder needs generator.input=noise"),
        (
            ("encoder={}", "generator.input=noise", "generator.z_dim=5"),
            "z_dim=256 and generator.z_dim=5 differ",
        ),
        (("generator.encoding.edges=true",), "must be equal: set both"),
        (("generator.crop_size=128",), "give 256x256, the generator makes 128x128"),
    ],
)
def test_parts_that_do_not_fit_are_one_line(settings: tuple[str, ...], message: str) -> None:
    with pytest.raises(SemsynthError, match=message) as failure:
        tiny(*settings)
    assert "\n" not in str(failure.value)


# The objective ----------------------------------------------------------------------------------------------------


def test_the_generator_minimises_the_hinge_and_matches_features() -> None:
    recipe = tiny()
    phase, batch = recipe.phases[0], batch_of(recipe.config, photo=-0.25)
    networks = {"generator": StyledPainter(0.5), "discriminator": Judge()}
    step = Step()
    loss = weighted_sum(phase.terms(networks, batch, step), phase.weights)
    assert loss.item() == pytest.approx((-6 + 9) / 2 * 0.5 + 10 * 0.75)  # means over scales
    assert step.fake is not None
    assert torch.equal(step.fake, torch.full_like(step.fake, 0.5))


def test_the_discriminator_minimises_the_hinge() -> None:
    recipe = tiny()
    phase, batch = recipe.phases[1], batch_of(recipe.config, photo=-0.25)
    networks = {"generator": StyledPainter(0.5), "discriminator": Judge()}
    terms = phase.terms(networks, batch, Step())
    assert terms["fake"].item() == pytest.approx((max(0, 1 + 6 * 0.5) + max(0, 1 - 9 * 0.5)) / 2)
    assert terms["real"].item() == pytest.approx((max(0, 1 + 6 * 0.25) + max(0, 1 - 9 * 0.25)) / 2)
    assert not terms["fake"].requires_grad


def test_the_kl_term_is_the_sum_over_the_whole_batch() -> None:
    """1/2 a number of a style; a micro-batch of two has to speak for a batch of six."""
    settings = ("generator.input=noise", "generator.z_dim=4", 'encoder={"width": 2, "z_dim": 4, "size": 32}')
    recipe = tiny(*settings, "training.batch_size=6")
    phase, batch = recipe.phases[0], batch_of(recipe.config, photo=-0.25)
    networks = {"generator": StyledPainter(0.5), "discriminator": Judge(), "encoder": Encoder()}
    assert phase.terms(networks, batch, Step())["kl"].item() == pytest.approx(6 * 4 / 2)
    assert phase.weights["kl"] == 0.05


def test_a_generator_without_injected_noise_goes_on_with_it_at_scale_zero() -> None:
    plain, noisy = tiny(), tiny("generator.noise_injection=true")
    state = plain.networks["generator"].state_dict()
    adapted = noisy.adapted("generator", state)
    assert adapted.keys() == noisy.networks["generator"].state_dict().keys()
    scales = [key for key in adapted.keys() - state.keys() if key.endswith(".scale")]
    assert len(scales) == 5  # one after every doubling
    assert all(not adapted[key].any() for key in scales)
    assert all(torch.equal(adapted[key], value) for key, value in state.items())

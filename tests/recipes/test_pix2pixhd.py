"""pix2pixHD's terms, and how its networks grow."""

from __future__ import annotations

import pytest
import torch
from layouts import layout_batch

from semsynth.config import override
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.layout_ops.pyramid import halved, halved_layout
from semsynth.recipes.pix2pixhd import Pix2PixHDConfig, Pix2PixHDRecipe
from semsynth.recipes.pix2pixhd_presets import PRESETS

TINY = (
    "generator.width=4",
    "generator.downsamplings=2",
    "generator.blocks=1",
    "generator.enhancer_blocks=1",
    "discriminator.width=4",
    "discriminator.max_width=8",
    "loss.perceptual=0",
)


def default(*settings: str) -> Pix2PixHDConfig:
    return override(PRESETS["default"](TOY_CLASSES, True), settings)


def tiny(*settings: str) -> Pix2PixHDRecipe:
    """A recipe of a few thousand parameters with the ``default`` preset's structure."""
    return Pix2PixHDRecipe(default(*TINY, *settings), TOY_CLASSES, None)


def test_terms_weigh_as_equation_5_and_the_official_code() -> None:
    """Three discriminators: their sum is three times the mean; 10 * 4 / (3 + 1) = 10."""
    generator, discriminator = tiny().phases
    assert generator.weights == {"adversarial": 3, "feature_matching": 10, "perceptual": 0}
    assert discriminator.weights == {"fake": 1.5, "real": 1.5}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("generator.width=6", "generator.enhancers=2"), "every enhancer halves the width"),
        (("trained=enhancer",), r"trained=enhancer needs generator\.enhancers"),
        (("generator.features=3",), "needs an encoder"),
        (("discriminator.encoding.edges=false",), "must be equal: set both"),
    ],
)
def test_parts_that_do_not_fit_are_one_line(settings: tuple[str, ...], message: str) -> None:
    with pytest.raises(SemsynthError, match=message) as failure:
        default(*settings)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("enhancers", [0, 1])
def test_generator_grows_by_an_enhancer_and_a_last_layer(enhancers: int) -> None:
    small, large = tiny(f"generator.enhancers={enhancers}"), tiny(f"generator.enhancers={enhancers + 1}")
    theirs, own = (recipe.networks["generator"].state_dict() for recipe in (small, large))
    grown = large.adapted("generator", theirs)
    assert grown.keys() == own.keys()
    new = ("to_rgb.", f"enhancers.{enhancers}.")
    for key, value in grown.items():
        assert torch.equal(value, own[key] if key.startswith(new) else theirs[key]), key
    large.networks["generator"].load_state_dict(grown)


def test_discriminators_keep_the_scale_that_they_know() -> None:
    """After growing, all but the finest judge a picture's half as those before judged a picture of that size."""
    small, large = tiny("discriminator.scales=2"), tiny("discriminator.scales=3")
    theirs, own = (recipe.networks["discriminator"].state_dict() for recipe in (small, large))
    grown = large.adapted("discriminator", theirs)
    assert grown.keys() == own.keys()
    for key in (key for key in own if key.startswith("scales.0.")):
        assert torch.equal(grown[key], own[key])
    large.networks["discriminator"].load_state_dict(grown)
    layout = layout_batch("batch", (64, 96), num_classes=TOY_CLASSES.num_classes)
    image = torch.randn(3, 3, 64, 96)
    known = small.networks["discriminator"](halved_layout(layout.full, image.dtype), halved(image))
    judged = large.networks["discriminator"](layout, image)
    assert len(judged) == len(known) + 1
    for scale, expected in zip(judged[1:], known, strict=True):
        for one, other in zip(scale, expected, strict=True):
            torch.testing.assert_close(one, other)


def test_what_has_the_same_size_is_taken_as_it_is() -> None:
    recipe = tiny("generator.enhancers=1")
    for name, network in recipe.networks.items():
        state = network.state_dict()
        adapted = recipe.adapted(name, state)
        assert adapted.keys() == state.keys()
        assert all(torch.equal(adapted[key], value) for key, value in state.items())


def test_only_the_finest_enhancer_and_the_last_layer_move_in_the_second_stage() -> None:
    recipe = tiny("generator.enhancers=2", "trained=enhancer")
    generator, discriminator = recipe.phases
    moving = {id(parameter) for parameter in generator.parameters(recipe.networks)}
    names = {name for name, p in recipe.networks["generator"].named_parameters() if id(p) in moving}
    assert names == {
        name
        for name, _ in recipe.networks["generator"].named_parameters()
        if name.startswith(("enhancers.1.", "to_rgb."))
    }
    assert len(discriminator.parameters(recipe.networks)) == len([*recipe.networks["discriminator"].parameters()])

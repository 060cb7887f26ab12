"""Aids that are in no paper: what they add to the phases, by hand, and that a recipe without them is the paper's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from backbone_weights import REAL, save_mobilenet
from torch import Tensor, nn

from semsynth.config import override
from semsynth.data.sample import Batch
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.losses.perceptual import PerceptualDistance, PerceptualLoss
from semsynth.recipes import RECIPES
from semsynth.recipes.aids import FEATURES, AidedRecipe, cropped
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


# The discriminator on frozen features -----------------------------------------------------------------------------

NETWORK = '"backbone": "mobilenet_v1", "size": null, "width": 2, "mixed_channels": [2, 2, 2, 2]'
STILL = f'{NETWORK}, "augmentation": {{}}'
OTHERS = {
    "pix2pixhd": ("loss.perceptual=0", "generator.width=1", "generator.blocks=1", "discriminator.width=1"),
    "pix2pix": ("generator.width=1", "generator.halvings=6", "discriminator.width=1"),
    "gan_segmentation": ("generator.width=1", "generator.halvings=3", "discriminator.width=1"),
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_mobilenet(tmp_path_factory.mktemp("backbone"))


def featured(system: str, weights: Path, values: str, *settings: str) -> AidedRecipe:
    sizes = TINY if system in ("spade", "oasis") else ("data.load_size=72", "data.crop_size=64", *OTHERS[system])
    config = override(
        RECIPES[system].presets["default"](TOY_CLASSES, False),
        (*sizes, f"feature_discriminator={{{values}}}", *settings),
    )
    recipe = RECIPES[system].build(config, TOY_CLASSES, None, weights)
    assert isinstance(recipe, AidedRecipe)
    return recipe


class FeatureCritic(nn.Module):
    """Two scales: twice the mean of a picture, and minus three times that."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, layout: LayoutBatch, images: Tensor) -> list[Tensor]:
        self.seen.append((layout.full.symbols, images))
        mean = images.mean((1, 2, 3), keepdim=True)
        return [2 * mean, -3 * mean]


def test_the_feature_discriminator_and_its_term_minimise_the_hinge(weights: Path) -> None:
    values = f'{STILL}, "weight": 5, "discriminator_weight": 0.25'
    recipe = featured("spade", weights, values, "loss.feature_matching=0")
    generator, discriminator, features = recipe.phases
    batch = batch_of(recipe, photo=-0.25)
    networks = {"generator": Painter(0.5), "discriminator": PatchCritic(), FEATURES: FeatureCritic()}
    step = Step()
    terms = generator.terms(networks, batch, step)
    assert terms["feature_adversarial"].item() == pytest.approx((-2 + 3) / 2 * 0.5)
    assert weighted_sum(terms, generator.weights).item() == pytest.approx(0.25 * -6 * 0.5 + 5 * 0.25)
    assert discriminator.weights == {"fake": 1, "real": 1}
    judged = features.terms(networks, batch, step)
    assert judged["fake"].item() == pytest.approx((max(0, 1 + 2 * 0.5) + max(0, 1 - 3 * 0.5)) / 2)
    assert judged["real"].item() == pytest.approx((max(0, 1 + 2 * 0.25) + max(0, 1 - 3 * 0.25)) / 2)
    assert features.weights == {"fake": 1, "real": 1}
    assert features.trains == (FEATURES,)


@pytest.mark.parametrize("system", ["spade", "oasis", *OTHERS])
def test_it_takes_the_place_of_every_systems_own_discriminator(system: str, weights: Path) -> None:
    """No network, no phase and no term of the paper's discriminator is left, and the pictures are made once."""
    recipe = featured(system, weights, f'{NETWORK}, "discriminator_weight": 0')
    assert "discriminator" not in recipe.networks
    *_, generator, features = recipe.phases
    assert [phase.name for phase in recipe.phases if phase.name != "segmenter"] == ["generator", FEATURES]
    labels = torch.randint(0, 3, (2, SIZE, SIZE))
    layout = LayoutBatch.from_channels(labels, recipe.config.generator.encoding)  # type: ignore[attr-defined]
    batch = Batch(layout, torch.rand(2, 3, SIZE, SIZE), ("a", "b"))
    made: list[Tensor] = []
    recipe.networks["generator"].register_forward_hook(lambda module, inputs, output: made.append(output))
    step = Step()
    terms = generator.terms(recipe.networks, batch, step)
    assert "feature_adversarial" in terms
    assert not {"adversarial", "feature_matching"} & terms.keys()
    assert set(features.terms(recipe.networks, batch, step)) == {"fake", "real"}
    assert len(made) == 1
    terms["feature_adversarial"].backward()
    assert all(p.grad is not None for p in recipe.networks["generator"].parameters())


@pytest.mark.parametrize("system", ["spade", "oasis", *OTHERS])
def test_alone_its_phase_makes_pictures_for_itself(system: str, weights: Path) -> None:
    recipe = featured(system, weights, STILL)
    assert recipe.networks.keys() >= {"discriminator", FEATURES}
    terms = recipe.phases[-1].terms(recipe.networks, batch_of(recipe, photo=0.0), Step())
    assert all(term.requires_grad for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is None for p in recipe.networks["generator"].parameters())


def test_pictures_and_photos_move_with_their_layouts(weights: Path) -> None:
    """Photos that show their labels as brightness still do so when all of it is shifted."""
    recipe = featured("spade", weights, f'{NETWORK}, "augmentation": {{"translation": 0.25}}')
    labels = torch.randint(0, 3, (2, SIZE, SIZE))
    layout = LayoutBatch.from_channels(labels, recipe.config.generator.encoding)  # type: ignore[attr-defined]
    photo = (labels[:, None] / 4).expand(-1, 3, -1, -1)
    critic = FeatureCritic()
    recipe.phases[-1].terms({FEATURES: critic}, Batch(layout, photo, ("a", "b")), Step(fake=photo - 1))
    ((symbols, images),) = critic.seen
    assert not torch.equal(symbols, layout.full.symbols)
    fake, real = images.chunk(2)
    torch.testing.assert_close(real[:, 0], symbols / 4)
    torch.testing.assert_close(fake, real - 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("augmentation.translation=0.1",), "feature_discriminator.augmentation.translation moves both"),
        (
            ('feature_discriminator={"discriminator_weight": 0}', "gradient_penalty.weight=10"),
            "gradient_penalty.weight is of the discriminator that .* leaves out",
        ),
        (('feature_discriminator={"strides": [4, 8]}',), "one entry per scale each"),
        (('feature_discriminator={"weight": 0}',), r"feature_discriminator\.weight: .* greater than 0"),
        (('feature_discriminator={"wieght": 1}',), r"unknown key 'feature_discriminator\.wieght'"),
        (('feature_discriminator={"backbone": "resnet"}',), r"feature_discriminator\.backbone: "),
    ],
)
def test_aids_that_do_not_fit_are_one_line(settings: tuple[str, ...], message: str) -> None:
    with pytest.raises(SemsynthError, match=message) as failure:
        override(RECIPES["spade"].presets["default"](TOY_CLASSES, False), settings)
    assert "\n" not in str(failure.value)


# The perceptual crop ----------------------------------------------------------------------------------------------


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


# The perceptual network -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("system", ["spade", "oasis", "pix2pixhd"])
@pytest.mark.parametrize(
    ("network", "kind"), [("vgg16", PerceptualLoss), ("stlpips_alex", PerceptualDistance)], ids=["vgg16", "stlpips"]
)
def test_other_networks_compare_pictures(shared: Path, system: str, network: str, kind: type[nn.Module]) -> None:
    sizes = TINY if system != "pix2pixhd" else ("data.load_size=72", "data.crop_size=64", *OTHERS[system])
    settings = (*sizes, "loss.perceptual=1", f"loss.perceptual_network={network}")
    config = override(RECIPES[system].presets["default"](TOY_CLASSES, False), settings)
    recipe = RECIPES[system].build(config, TOY_CLASSES, shared / "weights" / REAL[network])
    assert isinstance(recipe, AidedRecipe)
    assert isinstance(recipe.frozen["perceptual"], kind)
    photo = batch_of(recipe, photo=0.0)
    perceptual = recipe.perceptual  # type: ignore[attr-defined]
    assert perceptual(photo.image, photo.image).item() == 0
    (phase,) = (one for one in recipe.phases if one.name == "generator")
    assert phase.terms(recipe.networks, photo, Step())["perceptual"].item() > 0

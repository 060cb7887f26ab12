"""Iterations of SPADE's training, through the recipe and its phases, against the official trainer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from parity.golden import DTYPE, Case
from parity.phases import adam_of, recorded_outputs, run_phase
from parity.spade_losses import thin_vgg
from parity.spade_networks import case_layout, case_options, compare_state, load_state
from torch import Tensor

from semsynth.classes import ClassInfo, ClassSet
from semsynth.convert.spade import official_names
from semsynth.convert.spade_options import parse_options, recipe_config
from semsynth.data.sample import Batch
from semsynth.losses.perceptual import PerceptualLoss
from semsynth.models.input_convention import OFFICIAL_SPADE
from semsynth.recipes.base import Phase, Step
from semsynth.recipes.spade import SPADERecipe

OFFICIAL_NETWORKS = {"netG": "generator", "netD": "discriminator", "netE": "encoder"}
OFFICIAL_TERMS = {
    "GAN": "adversarial",
    "GAN_Feat": "feature_matching",
    "VGG": "perceptual",
    "KLD": "kl",
    "D_Fake": "fake",
    "D_real": "real",
}
SINGLE_PRECISION = "how far the official code's own single precision strays; here everything runs in double precision"


def check_training(case: Case) -> None:
    recipe = _recipe(case)
    image = case.input("image")
    batch = Batch(case_layout(case), image, tuple(str(i) for i in range(len(image))))
    optimizers = {phase.name: adam_of(recipe, phase) for phase in recipe.phases}
    steps = max(int(name.split(".")[0]) for name in case.under("after"))
    noise = case.input("eps") if "eps" in case else torch.empty(0)
    with _replayed(noise):
        for step in range(1, steps + 1):
            _check_step(case, recipe, batch, optimizers, step)
    for key in case.about:
        if key.startswith("f32_vs_f64"):
            case.not_applicable(SINGLE_PRECISION, key)
        elif key == "losses_float32":
            case.not_applicable(SINGLE_PRECISION, *(f"{key}.{name}" for name in case.about[key]))


def _check_step(
    case: Case, recipe: SPADERecipe, batch: Batch, optimizers: dict[str, torch.optim.Adam], step: int
) -> None:
    digest = any("DIGEST" in line for line in case.about["description"])
    shared = Step(step - 1)
    for phase in recipe.phases:
        if (step - 1) % phase.every:
            continue
        with recorded_outputs(recipe.networks["generator"]) as fakes:
            values = run_phase(recipe, phase, batch, shared, optimizers[phase.name])
        if phase.name == "generator":
            _compare_fake(case, step, fakes[0])
        _compare_losses(case, step, values)
        if step == 1:
            _compare_gradients(case, recipe, phase, digest)
    for official, name in OFFICIAL_NETWORKS.items():
        if name in recipe.networks:
            compare_state(case, recipe.networks[name], f"after{step}.{official}.", digest)


def _recipe(case: Case) -> SPADERecipe:
    images = len(case.stored("image"))  # in one batch, whatever the options say
    config = recipe_config(parse_options({**case_options(case).model_dump(), "batch_size": images}, case.name))
    count = config.generator.encoding.num_classes
    infos = tuple(ClassInfo(id=i, name=str(i), color=(0, 0, 0)) for i in range(count))
    perceptual = None
    if config.loss.perceptual:
        perceptual = PerceptualLoss(thin_vgg(case), convention=OFFICIAL_SPADE)
    recipe = SPADERecipe(config, ClassSet(name="golden", classes=infos), perceptual)
    for official, name in OFFICIAL_NETWORKS.items():
        if name in recipe.networks:
            load_state(case, recipe.networks[name].to(DTYPE).train(), f"state.{official}.")
    return recipe


@contextmanager
def _replayed(noise: Tensor) -> Iterator[None]:
    """Let ``torch.randn_like`` return the stored draws, in order; all of them have to be drawn."""
    draws = iter(noise)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randn_like", lambda like, **options: next(draws))
        yield
    assert next(draws, None) is None, "fewer draws than officially"


def _compare_losses(case: Case, step: int, values: dict[str, Tensor]) -> None:
    ours = {name: official for official, name in OFFICIAL_TERMS.items()}
    for name, value in values.items():
        case.compare(f"losses_float64.step{step}.{ours[name]}", value)


def _compare_fake(case: Case, step: int, fake: Tensor) -> None:
    for name in (f"fake.step{step}", f"fake.step{step}_half"):
        if name in case:
            case.compare(name, fake)


def _compare_gradients(case: Case, recipe: SPADERecipe, phase: Phase, digest: bool) -> None:
    for official, name in OFFICIAL_NETWORKS.items():
        if name not in phase.trains:
            continue
        network = recipe.networks[name]
        gradients = {official_names(network)[key]: value.grad for key, value in network.named_parameters()}
        computed = {key: gradient for key, gradient in gradients.items() if gradient is not None}
        if not digest:
            case.compare_gradients(f"grad.{official}.", computed)
            continue
        assert set(computed) == set(case.under(f"grad.{official}."))
        for key, gradient in computed.items():
            case.compare_digest(f"grad.{official}.{key}", gradient)

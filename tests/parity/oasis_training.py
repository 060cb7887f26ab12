"""Iterations of OASIS's training, through the recipe and its phases, and its moving average."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import pytest
import torch
from parity.golden import DTYPE, Case
from parity.oasis_losses import official_mask
from parity.oasis_networks import case_discriminator, case_generator, case_layout, compare_state, load_state
from parity.phases import adam_of, recorded_outputs, run_phase
from parity.spade_training import SINGLE_PRECISION
from torch import Tensor, nn

from semsynth.classes import ClassInfo, ClassSet
from semsynth.convert.oasis import official_names
from semsynth.convert.oasis_options import parse_options, recipe_config
from semsynth.data.sample import Batch
from semsynth.layout import LayoutBatch
from semsynth.models.oasis import OASISGenerator
from semsynth.recipes import oasis as recipe_module
from semsynth.recipes.base import Phase, Step
from semsynth.recipes.oasis import OASISRecipe
from semsynth.training.ema import MovingAverage

OFFICIAL_NETWORKS = {"netG": "generator", "netD": "discriminator"}
OFFICIAL_TERMS = {"adversarial": "G", "fake": "D_fake", "real": "D_real", "label_mix": "LabelMix"}
REFRESHED = 51
"""Batches that the official refresh of the average's statistics reads at most."""


def check_training(case: Case) -> None:
    recipe = _recipe(case)
    optimizers = {phase.name: adam_of(recipe, phase) for phase in recipe.phases}
    average = MovingAverage({"generator": recipe.networks["generator"]}, case.opt["EMA_decay"], warm_up=False)
    load_state(case, average.networks["generator"], "state.netEMA.")
    noise = iter(case.input("z"))
    for step in (1, 2):
        layout = case_layout(case, f"label.step{step}")
        batch = Batch(layout, case.input(f"image.step{step}"), ("0", "1"))
        mask = official_mask(layout.full, case.section("labelmix_draws")[f"step{step}"])
        case.require_equal(f"mask.step{step}", mask)
        with _replayed(noise, mask):
            _check_step(case, recipe, batch, optimizers, step)
        average.update(recipe.networks, step)
        compare_state(case, average.networks["generator"], f"after{step}.netEMA.")
    average.update(recipe.networks, 3)  # the official training ends with one more
    _check_refreshed_average(case, average.networks["generator"])
    for key in ("f32_vs_f64_maxabs", "losses_float32"):
        case.not_applicable(SINGLE_PRECISION, *(f"{key}.{name}" for name in case.about[key]))


def _recipe(case: Case) -> OASISRecipe:
    config = recipe_config(parse_options(case.opt, case.name))
    discriminator = case_discriminator(case, "channels_D", "last_channels_D")
    config = config.model_copy(update={"generator": case_generator(case), "discriminator": discriminator})
    infos = tuple(ClassInfo(id=i, name=str(i), color=(0, 0, 0)) for i in range(config.generator.encoding.num_classes))
    recipe = OASISRecipe(config, ClassSet(name="golden", classes=infos), None)
    for official, name in OFFICIAL_NETWORKS.items():
        load_state(case, recipe.networks[name].to(DTYPE).train(), f"state.{official}.")
    return recipe


def _check_step(
    case: Case, recipe: OASISRecipe, batch: Batch, optimizers: dict[str, torch.optim.Adam], step: int
) -> None:
    total, shared = {}, Step(step - 1)
    for phase in recipe.phases:
        with recorded_outputs(recipe.networks["generator"]) as fakes:
            values = run_phase(recipe, phase, batch, shared, optimizers[phase.name])
        case.compare(f"fake_{phase.name[0].upper()}.step{step}", fakes[0])
        for name, value in values.items():
            case.compare(f"losses_float64.step{step}.{OFFICIAL_TERMS[name]}", value)
        total[phase.name] = torch.stack(list(values.values())).sum()
        if step == 1:
            _compare_gradients(case, recipe, phase)
    case.compare(f"losses_float64.step{step}.D_total", total["discriminator"])
    for official, name in OFFICIAL_NETWORKS.items():
        compare_state(case, recipe.networks[name], f"after{step}.{official}.")


def _compare_gradients(case: Case, recipe: OASISRecipe, phase: Phase) -> None:
    vanishing = set(case.section("zero_gradient_params_step1"))
    for official, name in OFFICIAL_NETWORKS.items():
        if name not in phase.trains:
            continue
        network = recipe.networks[name]
        gradients = {official_names(network)[key]: value.grad for key, value in network.named_parameters()}
        found = case.compare_gradients(
            f"grad.{official}.", {key: value for key, value in gradients.items() if value is not None}
        )
        assert {f"{official}.{key}" for key in found} >= {key for key in vanishing if key.startswith(f"{official}.")}


def _check_refreshed_average(case: Case, generator: nn.Module) -> None:
    """The official refresh: a training-mode pass of the average over each of the first batches of its loader."""
    assert isinstance(generator, OASISGenerator)
    labels, noise = case.stored("ema_labels")[:, :, 0].long(), case.input("ema_z")
    assert len(labels) == case.scalar("ema_loader_batches")
    assert len(noise) == min(REFRESHED, len(labels))
    encoding = generator.config.encoding
    with torch.no_grad():
        generator.train()
        for one, z in zip(labels, noise, strict=False):
            generator(LayoutBatch.from_channels(one, encoding), z)
        compare_state(case, generator, "final.netEMA.")
        layout = case_layout(case, "label.step1")
        case.compare("final_ema_out", generator.eval()(layout, case.input("z")[0]))


@contextmanager
def _replayed(noise: Iterator[Tensor], mask: Tensor) -> Iterator[None]:
    """Let the recipe draw the stored noise, two draws in a step, and make the stored mask."""
    draws = count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randn", lambda *size, **options: (next(draws), next(noise))[1])
        patch.setattr(recipe_module, "label_mix_mask", lambda level, coins: mask)
        yield
    assert next(draws) == 2

"""Fields of recipes that get more out of little data and little compute: off unless asked for, and what they do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from semsynth.recipes.base import Training
from semsynth.training.trainer import Trainer

Start = Callable[..., Trainer]
PENALTY = ("gradient_penalty.weight=10", "gradient_penalty.every=3")


def test_half_life_by_hand() -> None:
    assert Training().average_decay == 0
    assert Training(ema=0.99).average_decay == 0.99
    decay = Training(ema=0.99, ema_half_life=12, batch_size=4).average_decay
    assert decay**3 == pytest.approx(0.5)  # three steps are twelve images
    assert Training(ema_half_life=12, batch_size=12).average_decay == pytest.approx(0.5)


def test_the_average_is_half_of_what_it_was_after_so_many_images(start: Start) -> None:
    settings = ("training.ema_half_life=4", "training.ema_warm_up=false", "generator_optimizer.lr=1e-12")
    learner = start("run", *settings, system="oasis").learner
    assert learner.ema is not None
    average = learner.ema.networks["generator"].to_rgb.weight  # type: ignore[union-attr]
    now = learner.recipe.networks["generator"].to_rgb.weight.detach()  # type: ignore[union-attr]
    with torch.no_grad():
        average.fill_(3.0)
    for step in range(2):
        learner.ema.update(learner.recipe.networks, step + 1)
    torch.testing.assert_close(average, (now + 3.0) / 2)


def test_fused_and_plain_adam_take_the_same_steps(start: Start) -> None:
    weights = []
    for fused in (True, False):
        # In double precision: a first step is the gradient's sign, and rounding has a sign, too.
        settings = (f"training.fused_optimizer={str(fused).lower()}", "training.steps=2", "training.precision=64-true")
        trainer = start(f"run-{fused}", *settings)
        assert {group["fused"] for one in trainer.learner.optimizers.values() for group in one.param_groups} == {
            fused or None
        }
        trainer.fit()
        weights.append([p.detach().clone() for p in trainer.recipe.networks["generator"].parameters()])
    for a, b in zip(*weights, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("system", ["oasis", "spade"])
def test_the_penalty_comes_every_so_many_steps(system: str, precision: str, start: Start) -> None:
    learner_terms = []
    settings = ("gradient_penalty.weight=10", "gradient_penalty.every=2", f"training.precision={precision}")
    trainer = start("run", *settings, system=system)
    for number in range(3):
        trainer.learner.train_step([trainer.learner.to_device(trainer.batches[number])])
        means, bad = trainer.learner.terms.close(lambda values: values)
        assert bad is None
        learner_terms.append("discriminator/gradient_penalty" in means)
    assert learner_terms == [True, False, True]


@pytest.mark.parametrize("system", ["oasis", "spade"])
@pytest.mark.slow
def test_a_heavy_penalty_flattens_the_discriminator(system: str, start: Start) -> None:
    """What is penalised falls, where nothing else moves it much."""
    found = []
    for weight in (1e-3, 1e6):
        settings = (f"gradient_penalty.weight={weight}", "gradient_penalty.every=1", "generator_optimizer.lr=1e-12")
        trainer = start(f"run-{weight}", *settings, "discriminator_optimizer.lr=0.002", system=system)
        batch = trainer.learner.to_device(trainer.batches[0])
        for _ in range(6):
            trainer.learner.train_step([batch])
            means, _ = trainer.learner.terms.close(lambda values: values)
        found.append(means["discriminator/gradient_penalty"])
    assert found[1] < 0.5 * found[0]


@pytest.mark.parametrize("system", ["oasis", "spade"])
def test_a_resumed_run_with_penalties_equals_an_uninterrupted_one(system: str, start: Start) -> None:
    whole = start("whole", *PENALTY, "training.ema_half_life=20", system=system)
    whole.fit()
    for steps in (2, 4):
        rest = start(
            "parts",
            *PENALTY,
            "training.ema_half_life=20",
            f"training.steps={steps}",
            resume=steps > 2,
            system=system,
        )
        rest.fit()
    files = [trainer.run.model / "generator.safetensors" for trainer in (whole, rest)]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_decoded_samples_train_the_same_model(start: Start, workers: int) -> None:
    files = []
    for cached in ("false", "true"):
        trainer = start(f"run-{cached}", f"training.decoded_cache={cached}", f"training.workers={workers}")
        trainer.fit()
        assert (trainer.run.root / "decoded").is_dir() == (cached == "true")
        files.append(trainer.run.model / "generator.safetensors")
    assert files[0].read_bytes() == files[1].read_bytes()

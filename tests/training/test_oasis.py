"""Training of OASIS: resuming, the average's decay, and that the discriminator learns."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from semsynth.training.trainer import Trainer

Start = Callable[..., Trainer]


def test_resumed_run_equals_uninterrupted_one(start: Start) -> None:
    whole = start("whole", system="oasis")
    whole.fit()
    for steps in (2, 4):
        rest = start("parts", f"training.steps={steps}", resume=steps > 2, system="oasis")
        rest.fit()
    files = [trainer.run.model / "generator.safetensors" for trainer in (whole, rest)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_average_begins_at_its_full_decay_where_asked(start: Start) -> None:
    for warm_up, kept in ((False, 0.9), (True, 2 / 11)):
        trainer = start(f"run-{warm_up}", f"training.ema_warm_up={str(warm_up).lower()}", system="oasis")
        learner = trainer.learner
        assert learner.ema is not None
        before = trainer.recipe.networks["generator"].to_rgb.weight.detach().clone()  # type: ignore[union-attr]
        learner.train_step([learner.to_device(trainer.batches[0])])
        after = trainer.recipe.networks["generator"].to_rgb.weight  # type: ignore[union-attr]
        average = learner.ema.networks["generator"].to_rgb.weight  # type: ignore[union-attr]
        torch.testing.assert_close(average, kept * before + (1 - kept) * after)  # type: ignore[operator]


@pytest.mark.slow
def test_the_discriminator_learns_what_it_is_shown(start: Start) -> None:
    """From knowing nothing, whose loss is the logarithm of the number of classes, "fake" and void included."""
    settings = ("discriminator.width=8", "discriminator_optimizer.lr=0.02", "augmentation.cutout=0")
    trainer = start("run", *settings, "augmentation.color=false", "generator_optimizer.lr=1e-12", system="oasis")
    batch = trainer.learner.to_device(trainer.batches[0])
    losses = []
    for _ in range(16):
        trainer.learner.train_step([batch])
        means, _ = trainer.learner.terms.close(lambda values: values)
        losses.append(means["discriminator/fake"] + means["discriminator/real"])
    channels = trainer.recipe.config.generator.encoding.num_channels  # type: ignore[attr-defined]
    assert losses[0] == pytest.approx(2 * math.log(1 + channels), rel=0.1)
    assert losses[-1] < 0.85 * losses[0]

"""Measured time of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from semsynth.training import timing
from semsynth.training.devices import make_fabric
from semsynth.training.start import example_batch
from semsynth.training.timing import measure_step
from semsynth.training.trainer import Data, Trainer


@pytest.fixture
def measure(start: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch) -> Callable[..., float | None]:
    """What is measured of two images at a time, in two micro-batches, if steps took the given seconds."""
    trainer = start("run", "training.batch_size=4", "training.accumulate=2")
    recipe = trainer.recipe
    batch = example_batch(recipe, Data(trainer.batches.samples, trainer.batches.samples, recipe.classes))

    def run(seconds: Iterator[float]) -> float | None:
        monkeypatch.setattr(timing, "_timed", lambda learner, images: next(seconds))
        return measure_step(recipe, make_fabric("cpu"), batch, micro_batch_size=2)

    return run


def test_the_mean_after_a_warm_up_is_scaled_to_the_whole_step(measure: Callable[..., float | None]) -> None:
    assert measure(iter([9.0, 1.0, 1.5, 2.0])) == pytest.approx(1.5 * 2 * 2)  # 3 seconds are reached by the third
    assert measure(iter([9.0, *[0.01] * 15, 0.17])) == pytest.approx(0.02 * 2 * 2)  # 16 steps


def test_a_slow_first_step_is_the_only_one(measure: Callable[..., float | None]) -> None:
    assert measure(iter([60.0])) == pytest.approx(60.0 * 2 * 2)


def test_a_device_without_enough_memory_has_no_time(measure: Callable[..., float | None]) -> None:
    def full() -> Iterator[float]:
        raise torch.OutOfMemoryError("CUDA out of memory")
        yield

    assert measure(full()) is None

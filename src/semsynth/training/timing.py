"""How long a recipe's steps will take, measured on a few of them."""

from __future__ import annotations

import time

import torch
from lightning_fabric import Fabric

from semsynth.data.sample import Batch
from semsynth.recipes.base import Recipe
from semsynth.training.learner import Learner

ENOUGH_SECONDS = 3.0
"""Timed steps stop after this."""
MOST_STEPS = 16
"""Or after so many: a cycle of the gradient penalty, which is not in every step."""
SLOW_SECONDS = 10.0
"""A first step that takes longer is taken as the measurement, though it also warms up."""


def measure_step(recipe: Recipe, fabric: Fabric, batch: Batch, micro_batch_size: int) -> float | None:
    """Train a few throw-away steps.

    Args:
        recipe: its networks are moved to the device and changed.
        fabric: the device, in the training's arithmetic.
        batch: images of one micro-batch, or fewer; the time is scaled up to ``micro_batch_size``.
        micro_batch_size: images of a forward pass.

    Returns:
        Seconds for a step with all its micro-batches, reading data not counted; None: the device has too little memory.
    """
    learner = Learner(recipe, fabric, num_images=1)
    images = [learner.to_device(batch)]
    try:
        seconds = _timed(learner, images)
        if seconds < SLOW_SECONDS:
            steps = [_timed(learner, images)]
            while sum(steps) < ENOUGH_SECONDS and len(steps) < MOST_STEPS:
                steps.append(_timed(learner, images))
            seconds = sum(steps) / len(steps)
    except torch.OutOfMemoryError:
        return None
    return seconds * micro_batch_size / len(batch) * recipe.config.training.accumulate


def _timed(learner: Learner, images: list[Batch]) -> float:
    _wait_for(learner.fabric.device)
    start = time.perf_counter()
    learner.train_step(images)
    _wait_for(learner.fabric.device)
    return time.perf_counter() - start


def _wait_for(device: torch.device) -> None:
    """Until the device has done what was queued."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()

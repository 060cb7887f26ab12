"""Two processes do what one process does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ports import free_port

from semsynth.training.state import StateFolder
from semsynth.training.trainer import Trainer

# Synchronised batch statistics everywhere, float64, and no noise: each process would draw its own.
SETTINGS = ("training.batch_size=4", "training.precision=64-true", "training.ema=0.9", "discriminator.norm=sync_batch")
PIX2PIXHD = ("training.batch_size=4", "training.precision=64-true")
"""With the instance encoder, whose features also pass through the global generator where that does not move."""
OASIS = (
    "training.batch_size=4",
    "training.precision=64-true",
    "training.steps=2",
    "generator.z_dim=0",
    "loss.balanced=false",
    "augmentation.color=false",
    "augmentation.cutout=0",
    "loss.label_mix=none",
)
"""Without coins, and without weights by how often classes are in a micro-batch."""
FINEST_ENHANCER = ("generator.enhancers=1", "trained=enhancer")


def assert_close(one: dict[str, Any], other: dict[str, Any], tolerance: float) -> None:
    assert one.keys() == other.keys()
    for name, tensors in one.items():
        for key, value in tensors.items():
            torch.testing.assert_close(value, other[name][key], rtol=tolerance, atol=tolerance, msg=f"{name}.{key}")


def in_processes(count: int, out: Path, recipes: list[Path]) -> list[list[dict[str, Any]]]:
    """Train one recipe after the other in ``count`` processes, to the run folders ``out/0``, ``out/1``, ...

    Returns every recipe's networks in all processes.
    """
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "GROUP_RANK": "0",
        "TORCHELASTIC_RUN_ID": "test",
    }
    script = Path(__file__).with_name("rank_main.py")
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), str(out), *map(str, recipes)],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    try:
        errors = [process.communicate(timeout=240 * count * len(recipes))[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * count, errors
    runs = [out / str(number) for number in range(len(recipes))]
    return [[torch.load(run / f"{rank}.pt", weights_only=True) for rank in range(count)] for run in runs]


def assert_equals(alone: Trainer, run: Path, networks: list[dict[str, Any]]) -> None:
    """What several processes have at the end, and have left in ``run``, is what a single one has."""
    first, *others = networks
    for other in others:
        assert_close(first, other, 0)
    expected = {name: network.state_dict() for name, network in alone.recipe.networks.items()}
    assert_close(first, expected, 1e-6)
    saved = StateFolder(run / "state").load(lambda text: None)
    assert alone.learner.ema is not None
    averages = {name: network.state_dict() for name, network in alone.learner.ema.networks.items()}
    assert_close(saved["averages"], averages, 1e-6)


@pytest.mark.parametrize(
    ("systems", "count"),
    [
        (
            {"spade": SETTINGS, "pix2pixhd": PIX2PIXHD, "gan_segmentation": PIX2PIXHD, "oasis": OASIS},
            2,
        ),
        pytest.param(
            {"pix2pixhd": (*PIX2PIXHD, *FINEST_ENHANCER), "oasis": (*OASIS, "gradient_penalty.weight=10")},
            2,
            marks=pytest.mark.slow,
        ),
        pytest.param({"spade": SETTINGS, "pix2pixhd": PIX2PIXHD}, 4, marks=pytest.mark.slow),
    ],
    ids=["two", "global generator fixed, gradient penalty", "four"],
)
def test_processes_equal_one_and_never_drift_apart(
    start: Callable[..., Trainer], tmp_path: Path, systems: dict[str, tuple[str, ...]], count: int
) -> None:
    """A joint forward pass of generator and discriminator lets the processes' weights drift; phases do not.

    The processes train all systems: they take longer to start than to train.
    """
    alone = [start(system, *settings, system=system) for system, settings in systems.items()]
    together = in_processes(count, tmp_path, [one.run.record for one in alone])
    for number, (one, networks) in enumerate(zip(alone, together, strict=True)):
        one.fit()
        assert_equals(one, tmp_path / str(number), networks)


@pytest.mark.slow
def test_devices_option_equals_one_process_and_micro_batches_too(
    start: Callable[..., Trainer],
    command: Callable[..., subprocess.Popen[str]],
    toy_data: Path,
    tmp_path: Path,
    tiny_settings: tuple[str, ...],
) -> None:
    """``--devices 2``, each with two micro-batches of one image."""
    settings = (
        "generator.norm=instance",
        "generator.spectral=false",
        "discriminator.spectral=false",
        "training.batch_size=4",
        "training.precision=64-true",
    )
    alone = start("alone", *settings)
    alone.fit()
    options = ("--data", toy_data, "--out", tmp_path / "both", "--device", "cpu", "--devices", "2")
    process = command(*options, settings=[*tiny_settings, *settings, "training.accumulate=2"])
    errors = process.communicate(timeout=240)[1]
    assert process.returncode == 0, errors
    saved = StateFolder(tmp_path / "both" / "state").load(lambda text: None)
    expected = {name: network.state_dict() for name, network in alone.recipe.networks.items()}
    assert_close(saved["networks"], expected, 1e-6)
    assert len((tmp_path / "both" / "log.jsonl").read_text().splitlines()) == 2

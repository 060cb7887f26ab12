from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from semsynth.errors import SemsynthError
from semsynth.training import doctor
from semsynth.training.doctor import SOLVED, Overfit, inspect_machine, overfit
from semsynth.training.learner import Learner


@pytest.mark.slow
def test_a_sound_machine_learns_the_picture() -> None:
    looks: list[tuple[int, int]] = []
    threads = torch.get_num_threads()
    result = overfit("cpu", progress=lambda step, total: looks.append((step, total)))
    assert result.solved
    assert result.last_error < SOLVED < result.first_error
    assert looks == [(doctor.CHECK_EVERY * (i + 1), doctor.MAX_STEPS) for i in range(len(looks))]
    assert looks[-1][0] == result.steps
    assert torch.get_num_threads() == threads


def test_steps_that_change_nothing_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def lazy(self: Learner, batches: object) -> None:
        self.step += 1

    monkeypatch.setattr(Learner, "train_step", lazy)
    monkeypatch.setattr(doctor, "MAX_STEPS", 20)
    result = overfit("cpu")
    assert not result.solved
    assert result.steps == 20
    assert result.last_error == pytest.approx(result.first_error, abs=0.01)  # looking moves spectral norms a little


def test_divergence_is_no_success() -> None:
    assert not Overfit(steps=10, seconds=1.0, first_error=0.3, last_error=math.nan).solved


def test_the_machine_is_described_as_it_is() -> None:
    machine = inspect_machine("cpu")
    assert machine.torch == torch.__version__
    assert machine.device == "cpu"
    assert machine.threads == torch.get_num_threads()
    assert machine.cores >= 1
    assert machine.memory is not None
    assert machine.free_memory is not None
    assert 0 < machine.free_memory < machine.memory
    assert machine.bf16_speedup > 0


@pytest.mark.parametrize(
    ("has_bf16", "speedup", "precision"), [(True, 1.3, "bfloat16"), (True, 1.1, "float32"), (False, 2.0, "float32")]
)
def test_bfloat16_is_recommended_where_it_is_in_hardware_and_faster(
    has_bf16: bool, speedup: float, precision: str
) -> None:
    machine = dataclasses.replace(inspect_machine("cpu"), has_bf16=has_bf16, bf16_speedup=speedup)
    assert machine.precision == precision


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_missing_device_is_an_error() -> None:
    with pytest.raises(SemsynthError, match="no such device"):
        inspect_machine("cuda")

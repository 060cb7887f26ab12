"""``semsynth doctor``: what it prints, and its exit code."""

from __future__ import annotations

import pytest
from command_line import invoke

from semsynth.data.progress import Progress
from semsynth.training import doctor
from semsynth.training.doctor import MAX_STEPS, SOLVED, Overfit


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [(SOLVED / 2, 0, "training   works: error 0.30 ->"), (2 * SOLVED, 1, f"within {MAX_STEPS} steps was expected")],
)
def test_the_exit_code_says_whether_training_works(
    monkeypatch: pytest.MonkeyPatch, error: float, code: int, said: str
) -> None:
    asked: list[tuple[str, str]] = []

    def overfit(device: str, precision: str, progress: Progress) -> Overfit:
        asked.append((device, precision))
        progress(10, MAX_STEPS)
        return Overfit(steps=10, seconds=1.0, first_error=0.3, last_error=error)

    monkeypatch.setattr(doctor, "overfit", overfit)
    found, text = invoke("doctor", "--device", "cpu", "--precision", "float64")
    assert found == code
    assert said in text
    assert "device     cpu" in text
    assert asked == [("cpu", "float64")]


def test_a_device_that_is_not_there_is_one_line() -> None:
    code, text = invoke("doctor", "--device", "tpu")
    assert (code, text) == (2, "error: device tpu: unknown, choose auto, cpu, cuda or mps\n")

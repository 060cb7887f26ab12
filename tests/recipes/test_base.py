"""Schedules, steps of a run, and which parameters and steps a phase has."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from torch import nn

from semsynth.data.toy import TOY_CLASSES
from semsynth.recipes import RECIPES
from semsynth.recipes.base import PRECISIONS, Adam, Phase, RecipeConfig, Schedule, Training, sized_alike


def test_the_rate_falls_after_an_epoch_of_the_decay_as_officially() -> None:
    """Three epochs, then four of decay: the first of them still has the whole rate."""
    schedule = Schedule(epochs=3, decay_epochs=4)
    assert [schedule.factor(epoch) for epoch in range(8)] == [1, 1, 1, 1, 0.75, 0.5, 0.25, 0]
    assert schedule.total_epochs == 7
    assert Schedule(epochs=2).factor(9) == 1


@pytest.mark.parametrize(("steps", "expected"), [(None, 5), (7, 7)])
def test_steps_are_given_or_what_the_epochs_make(steps: int | None, expected: int) -> None:
    config = RecipeConfig(schedule=Schedule(epochs=2, decay_epochs=1), training=Training(batch_size=2, steps=steps))
    assert config.total_steps(num_images=3) == expected  # 9 images in batches of two, the last one half full


def phase(**options: object) -> Phase:
    return Phase("x", ("net",), lambda networks, batch, step: {}, {}, Adam(lr=1, beta1=0, beta2=0), **options)  # type: ignore[arg-type]


def test_a_phase_runs_every_so_many_steps_from_one_step_to_another() -> None:
    assert [step for step in range(12) if phase(every=3).runs_in(step)] == [0, 3, 6, 9]
    assert [step for step in range(12) if phase(every=3, begins=4, ends=9).runs_in(step)] == [6]


def test_a_phase_moves_what_it_is_told_to() -> None:
    networks = {"net": nn.Linear(2, 2), "other": nn.Linear(2, 2)}
    assert len(phase().parameters(networks)) == 2
    (bias,) = phase(moves=lambda network, name: (network, name) == ("net", "bias")).parameters(networks)
    assert bias is networks["net"].bias


@pytest.mark.parametrize("words", PRECISIONS.items())
def test_arithmetic_has_the_fields_names_and_those_of_old_runs(words: tuple[str, str]) -> None:
    assert [Training.model_validate({"precision": word}).precision for word in words] == [words[1]] * 2
    assert Training.model_validate_json(Training(precision=words[1]).model_dump_json()).precision == words[1]


@pytest.mark.parametrize("wrong", ["half", "", 16, None, ["float32"], {}])
def test_other_arithmetic_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError, match="choose float32, bfloat16, float16, float64"):
        Training.model_validate({"precision": wrong})


@pytest.mark.parametrize(
    ("changes", "added"),
    [
        (["data.crop_size=64"], ["generator.crop_size=64"]),
        (["generator.crop_size=64"], ["data.crop_size=64"]),
        (["data.crop_size = 64", "data.aspect_ratio=2"], ["generator.crop_size= 64", "generator.aspect_ratio=2"]),
        (["data.crop_size=64", "generator.crop_size=32"], []),
        (["data.load_size=64", "generator.width=8"], []),
        (["data.crop_size=64", "data.crop_size=32"], ["generator.crop_size=32"]),
    ],
)
@pytest.mark.parametrize("system", ["spade", "oasis"])
def test_one_setting_of_the_size_is_enough(system: str, changes: list[str], added: list[str]) -> None:
    config = RECIPES[system].presets["default"](TOY_CLASSES, False)
    assert sized_alike(config, changes) == [*changes, *added]


@pytest.mark.parametrize("system", ["pix2pixhd", "crn", "pix2pix"])
def test_generators_of_any_size_follow_nothing(system: str) -> None:
    config = RECIPES[system].presets["default"](TOY_CLASSES, False)
    assert sized_alike(config, ["data.crop_size=64"]) == ["data.crop_size=64"]


def test_sizes_that_differ_stay_different() -> None:
    config = RECIPES["spade"].presets["default"](TOY_CLASSES, False)
    whole = config.model_copy(update={"data": config.data.model_copy(update={"mode": "none", "crop_size": 512})})
    assert sized_alike(whole, ["data.crop_size=64"]) == ["data.crop_size=64"]

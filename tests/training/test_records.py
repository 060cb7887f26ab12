"""What a run is asked to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.training.records import configs_of, new_record

ONLY_FEATURES = ("crn", "encoder_decoder", "full_resolution")
"""Systems whose loss has nothing else."""


@pytest.mark.parametrize("system", [name for name in RECIPES if name != "sims"])
def test_every_system_trains_without_the_perceptual_term_or_says_why_not(system: str, toy_data: Path) -> None:
    if system in ONLY_FEATURES:
        with pytest.raises(SemsynthError, match=r"`perceptual=False` cannot be: `overrides=loss\.kind=image"):
            new_record(system, toy_data, preset="small", perceptual=False)
        new_record(system, toy_data, preset="small", perceptual=False, overrides=["loss.kind=image_space"])
        return
    (config,) = configs_of(new_record(system, toy_data, preset="small", perceptual=False))
    (given,) = configs_of(new_record(system, toy_data, preset="small"))
    assert getattr(config.model_dump()["loss"], "get", dict)("perceptual", 0) == 0
    assert config.model_copy(update={"loss": 0}) == given.model_copy(update={"loss": 0})


def test_sims_needs_a_bank(toy_data: Path) -> None:
    with pytest.raises(SemsynthError, match="needs a memory bank of its training photos"):
        new_record("sims", toy_data)

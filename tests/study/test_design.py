"""Designs from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from semsynth.errors import SemsynthError
from semsynth.study.design import load_design
from semsynth.study.presets import PRESETS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("judgments: 5", r"unknown key 'judgments' \(known: name, question"),
        ("preset: spade-2018", "there is no preset 'spade-2018'"),
        ("exposures: [2, 1]", "exposures must be different and ascend"),
        ("exclusions: {min_sentinel: 1}", "unknown key 'exclusions.min_sentinel'"),
        ("batch: [", "is not valid YAML"),
        ("- 1", "expected lines such as"),
        ("batch: 0", "greater than or equal to 1"),
        ("sentinel_exposure: 2", "sentinel_exposure needs exposures"),
    ],
)
def test_a_wrong_design(text: str, message: str, tmp_path: Path):
    path = tmp_path / "design.yaml"
    path.write_text(text)
    with pytest.raises(SemsynthError, match=message):
        load_design(str(path), PRESETS)


def test_a_design_changes_a_preset(tmp_path: Path):
    path = tmp_path / "design.yaml"
    path.write_text("preset: crn-2017-timed\nimages: 3\nexclusions: {min_sentinel_accuracy: 0.6}\n")
    design = load_design(str(path), PRESETS)
    preset = PRESETS["crn-2017-timed"]
    assert (design.images, design.exclusions.min_sentinel_accuracy) == (3, 0.6)
    assert (design.exposures, design.exclusions.max_fast_share) == (preset.exposures, preset.exclusions.max_fast_share)

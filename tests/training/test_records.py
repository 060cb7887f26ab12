"""Records of new runs and of resumed ones."""

from __future__ import annotations

from pathlib import Path

from tiny_settings import TINY

from semsynth.training.records import new_record, resumed_record
from semsynth.training.run import RunFolder, RunRecord


def test_a_new_runs_generator_follows_the_size_of_the_data(toy_data: Path, tmp_path: Path) -> None:
    both = new_record("spade", toy_data, overrides=TINY)
    one = new_record("spade", toy_data, overrides=[text for text in TINY if "generator.crop_size" not in text])
    assert one == both
    assert isinstance(one, RunRecord)
    assert one.config["generator"]["crop_size"] == one.config["data"]["crop_size"] == 64
    run = RunFolder(tmp_path / "run")
    run.rewrite(one)
    assert resumed_record(run.root) == one

"""Scores of pictures beside a dataset in shards: the same as beside the folder, and comparable with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flags import SIDE
from typer.testing import CliRunner, Result

from semsynth.cli.main import app
from semsynth.data.shards.sharding import shard_folder
from semsynth.evaluation.result import compare

PROTOCOL = f"semsynth-2026-{SIDE}x{SIDE}"


@pytest.fixture(scope="module")
def shards(flags: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shards")
    shard_folder(flags, root, 20_000)
    return root


def run(data: Path, flags: Path, out: Path, *options: object) -> Result:
    files = ["--images", flags / "val" / "images", "--predictions", flags / "val" / "labels"]
    arguments = ["--data", data, "--out", out, "--protocol", PROTOCOL, "--features", "random", "--device", "cpu"]
    return CliRunner().invoke(app, ["evaluate", *map(str, (*files, *arguments, *options))])


def test_reports_are_equal_and_comparable(flags: Path, shards: Path, tmp_path: Path) -> None:
    reports: list[dict[str, Any]] = []
    for name, data in (("folder", flags), ("shards", shards)):
        done = run(data, flags, tmp_path / name)
        assert done.exit_code == 0, done.output
        reports.append(json.loads((tmp_path / name / "report.json").read_text()))
    for key in ("protocol", "segmentation", "distances", "worst", "best"):
        assert reports[0][key] == reports[1][key], key
    compare(tmp_path / "folder", tmp_path / "shards")


def test_a_missing_split_is_named(flags: Path, shards: Path, tmp_path: Path) -> None:
    done = run(shards, flags, tmp_path / "report", "--split", "test")
    assert done.exit_code == 2
    assert f"{shards} has no split 'test'" in done.stderr

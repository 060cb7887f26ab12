"""Scores of pictures beside a dataset in shards: the same as beside the folder, and comparable with them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from flags import SIDE
from typer.testing import CliRunner, Result

from semsynth.cli.main import app
from semsynth.data.shards.sharding import shard_folder
from semsynth.evaluation.choices import evaluated_classes, open_split
from semsynth.evaluation.pictures import RealPhotos
from semsynth.evaluation.protocols.shipped import find_protocol
from semsynth.evaluation.record import UsefulnessResult
from semsynth.evaluation.reports.report import Report
from semsynth.evaluation.usefulness import measure_usefulness

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
    assert Report.open(tmp_path / "folder").beside(Report.open(tmp_path / "shards"))


def test_a_missing_split_is_named(flags: Path, shards: Path, tmp_path: Path) -> None:
    done = run(shards, flags, tmp_path / "report", "--split", "test")
    assert done.exit_code == 2
    assert f"{shards} has no split 'test'" in done.stderr


# Training of segmenters ---------------------------------------------------------------------------------------------


def train_segmenter(data: object, out: Path) -> Result:
    """A small one, for six steps."""
    settings = (
        *("hidden_sizes=[4,8,8,8]", "depths=[1,1,1,1]", "heads=[1,1,1,1]", "decoder_size=8", "batch_size=3"),
        *(f"augmentation.crop_size={SIDE}", "steps=6", "warmup=2", "validate_every=3", "precision=float32"),
    )
    arguments = ["--data", data, "--out", out, "--device", "cpu", *(x for one in settings for x in ("--set", one))]
    return CliRunner().invoke(app, ["segmenter", "train", *map(str, arguments)])


def test_a_segmenter_of_shards_is_that_of_the_folder_to_the_bit(
    flags: Path, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMSYNTH_CACHE", str(tmp_path / "cache"))
    weights = []
    for name, data in {"folder": flags, "shards": shards, "streamed": f"file://{shards}"}.items():
        done = train_segmenter(data, tmp_path / name)
        assert done.exit_code == 0, done.output
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] == weights[2]
    card = json.loads((tmp_path / "streamed" / "card.json").read_text())
    assert card["data"].startswith(f"{shards.name}: 12 photos of split train; the checkpoint was chosen by")
    assert card["data"].endswith("24 photos of split val")


def test_a_segmenter_does_not_go_on_with_other_shards(flags: Path, shards: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "segmenter"
    shutil.copytree(shards, data)
    assert train_segmenter(data, out).exit_code == 0
    shutil.rmtree(data)
    shard_folder(flags, data, 20_000, shuffle=1)
    done = CliRunner().invoke(app, ["segmenter", "train", "--resume", str(out), "--device", "cpu"])
    assert done.exit_code == 2
    assert f"{data} does not hold the shards that the training of {out} began with" in done.stderr


def test_data_without_label_maps_are_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / "train" / "conditions").mkdir(parents=True)
    done = train_segmenter(tmp_path / "data", tmp_path / "segmenter")
    assert done.exit_code == 2
    assert "holds pictures as conditions: a segmenter learns label maps" in done.stderr
    assert not (tmp_path / "segmenter").exists()


def test_train_on_synthetic_is_the_same_with_shards(flags: Path, shards: Path, tmp_path: Path) -> None:
    """The real photos stand in for synthesised ones: both segmenters are then equal, too."""
    results: list[UsefulnessResult] = []
    for name, data in {"folder": flags, "shards": shards}.items():
        train, test = open_split(data, "train"), open_split(data, "val")
        protocol = find_protocol(PROTOCOL, test.classes)
        evaluated, out = evaluated_classes(protocol, test), tmp_path / name
        results.append(measure_usefulness(RealPhotos(), train, test, protocol, evaluated, out, steps=1, device="cpu"))
        assert [path.name for path in sorted((out / "synthetic").iterdir())] == ["classes.json", "train"]
    assert results[0] == results[1]
    assert results[0].synthetic == results[0].real

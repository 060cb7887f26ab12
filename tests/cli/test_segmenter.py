"""``semsynth segmenter train`` from folders and from shards."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from flags import SIDE
from typer.testing import CliRunner, Result

from semsynth.cli.main import app
from semsynth.data.shards.sharding import shard_folder


def train_segmenter(data: object, out: Path) -> Result:
    """A small one, for six steps."""
    settings = (
        *("hidden_sizes=[4,8,8,8]", "depths=[1,1,1,1]", "heads=[1,1,1,1]", "decoder_size=8", "batch_size=3"),
        *(f"augmentation.crop_size={SIDE}", "steps=6", "warmup=2", "validate_every=3", "precision=float32"),
    )
    arguments = ["--data", data, "--out", out, "--device", "cpu", *(x for one in settings for x in ("--set", one))]
    return CliRunner().invoke(app, ["segmenter", "train", *map(str, arguments)])


def test_a_segmenter_of_shards_is_that_of_the_folder_to_the_bit(
    flags: Path, flag_shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMSYNTH_CACHE", str(tmp_path / "cache"))
    weights = []
    for name, data in {"folder": flags, "shards": flag_shards, "streamed": f"file://{flag_shards}"}.items():
        done = train_segmenter(data, tmp_path / name)
        assert done.exit_code == 0, done.output
        weights.append((tmp_path / name / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] == weights[2]
    card = json.loads((tmp_path / "streamed" / "card.json").read_text())
    assert card["data"].startswith(f"{flag_shards.name}: 12 photos of split train; the checkpoint was chosen by")
    assert card["data"].endswith("24 photos of split val")


def test_a_segmenter_does_not_go_on_with_other_shards(flags: Path, flag_shards: Path, tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "segmenter"
    shutil.copytree(flag_shards, data)
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

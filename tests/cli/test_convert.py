from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from official_spade import save_generator
from typer.testing import CliRunner, Result

import semsynth
from semsynth.checkpoint import is_model_folder
from semsynth.cli.main import app
from semsynth.images import decode_image, save_png


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    counter = "head_0.norm_0.param_free_norm.num_batches_tracked"
    return save_generator(tmp_path, **{"head_0.left_over": torch.zeros(1), counter: torch.tensor(0)})


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)))


def test_a_converted_checkpoint_synthesises(checkpoint: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    result = run("convert", "spade", checkpoint, "--options", tmp_path / "opt.json", "--out", model)
    assert result.exit_code == 0, result.output
    assert "unused: head_0.left_over" in result.stdout
    assert "1 batch counter left out" in result.stdout
    save_png(tmp_path / "map.png", np.eye(32, dtype=np.uint8))
    made = run("synthesize", tmp_path / "map.png", "--model", model, "--out", tmp_path / "out", "--device", "cpu")
    assert made.exit_code == 0, made.output
    assert decode_image(tmp_path / "out" / "map.png").shape == (32, 32, 3)


def test_a_model_is_never_replaced(checkpoint: Path, tmp_path: Path) -> None:
    arguments = ("convert", "spade", checkpoint, "--options", tmp_path / "opt.json", "--out", tmp_path / "model")
    assert run(*arguments).exit_code == 0
    result = run(*arguments)
    assert result.exit_code == 2
    assert "there is a model already" in result.stderr


def test_a_missing_tensor_stops_the_conversion(checkpoint: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint, weights_only=True)
    del state["fc.bias"]
    torch.save(state, checkpoint)
    result = run("convert", "spade", checkpoint, "--options", tmp_path / "opt.json", "--out", tmp_path / "model")
    assert result.exit_code == 2
    assert "fc.bias is missing" in result.stderr
    assert not (tmp_path / "model").exists()


def test_classes_by_name_or_file(checkpoint: Path, tmp_path: Path) -> None:
    arguments = ("convert", "spade", checkpoint, "--options", tmp_path / "opt.json", "--out", tmp_path / "model")
    result = run(*arguments, "--classes", "camvid")
    assert result.exit_code == 2
    assert "'camvid' has 11 classes, the generator 3" in result.stderr
    result = run(*arguments, "--classes", tmp_path / "none.json")
    assert result.exit_code == 2
    assert "none.json" in result.stderr
    classes = [{"id": 10 * i, "name": name, "color": [i, 0, 0]} for i, name in enumerate("abc")]
    (tmp_path / "classes.json").write_text(json.dumps(classes))
    assert run(*arguments, "--classes", tmp_path / "classes.json").exit_code == 0
    assert '"id": 20' in (tmp_path / "model" / "classes.json").read_text()


def test_a_dry_run_says_where_options_come_from_and_writes_nothing(checkpoint: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    result = run("convert", "auto", checkpoint, "--options", tmp_path / "opt.json", "--set", "ngf=1", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "generator of the official SPADE code" in result.stdout
    assert "ngf = 1 (given" in result.stdout
    assert "use_vae = False (read off fc.weight)" in result.stdout
    assert "label_nc = 3 (" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_check_counts_levels_of_255(checkpoint: Path, tmp_path: Path) -> None:
    convert = ("convert", "spade", checkpoint, "--options", tmp_path / "opt.json")
    assert run(*convert, "--out", tmp_path / "first").exit_code == 0
    label_map = tmp_path / "map.png"
    save_png(label_map, np.eye(32, dtype=np.uint8))
    picture = np.asarray(semsynth.load(tmp_path / "first", "cpu", "float32")(label_map))
    off_by_one = np.where(picture < 255, picture + 1, picture - 1).astype(np.uint8)
    other = picture.copy()
    other[0, 0, 0] = (int(other[0, 0, 0]) + 128) % 256
    for number, (content, verdict) in enumerate(
        [(off_by_one, "agrees with the official picture: largest difference 1"), (other, "DIFFERS from")]
    ):
        save_png(tmp_path / f"official{number}.png", content)
        checked = ("--check", tmp_path / f"official{number}.png", "--check-map", label_map)
        result = run(*convert, "--out", tmp_path / f"second{number}", *checked)
        assert result.exit_code == 0, result.output
        assert verdict in result.stdout
    save_png(tmp_path / "small.png", picture[:16])
    result = run(*convert, "--out", tmp_path / "third", "--check", tmp_path / "small.png", "--check-map", label_map)
    assert result.exit_code == 2
    assert "is 32x16, the model makes 32x32" in result.stderr
    result = run(*convert, "--out", tmp_path / "fourth", "--check", tmp_path / "small.png")
    assert result.exit_code == 2
    assert "give --check-map" in result.stderr
    assert not (tmp_path / "fourth").exists()


def test_a_full_disk_leaves_no_half_model(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "model"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = run("convert", "spade", checkpoint, "--options", tmp_path / "opt.json", "--out", out)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert "the disk is full" in result.stderr
    assert not is_model_folder(out)
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".")] == []
    monkeypatch.undo()
    assert run("convert", "spade", checkpoint, "--options", tmp_path / "opt.json", "--out", out).exit_code == 0

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from official_spade import save_generator
from typer.testing import CliRunner, Result

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

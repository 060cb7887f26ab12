"""Pictures of a bulk job made again from their lines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from bulk_jobs import job_of, tasks_of
from tiny_models import CLASSES, save_tiny_model
from typer.testing import CliRunner, Result

from semsynth.bulk.engine import in_this_process
from semsynth.bulk.remake import find_line, remake
from semsynth.bulk.run import run_job
from semsynth.cli.main import app
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError


def command(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_one_picture_again(undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path) -> None:
    layouts, own, out = tmp_path / "layouts", tmp_path / "model", tmp_path / "out"
    shutil.copytree(dataset, layouts)
    shutil.copytree(model, own)
    run_job(job_of(own), tasks_of(layouts), CLASSES, out, in_this_process)
    shutil.rmtree(out / "train")
    result = command("remake", out, "front_11", "--out", tmp_path / "again.png", "--device", "cpu")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'again.png'} is train/front_11, bit for bit\n")
    assert (tmp_path / "again.png").read_bytes() == undisturbed["train/images/front_11.png"]
    line = find_line(out, "val/front_22")
    (layouts / "val").rename(layouts / "elsewhere")
    with pytest.raises(SemsynthError, match=r"cannot read .*front_22.png"):
        remake(line)
    moved = layouts / "elsewhere/labels/front_22.png"
    assert remake(line, layout=moved).equal
    own.rename(tmp_path / "renamed")
    assert remake(line, layout=moved, model=str(tmp_path / "renamed")).png == undisturbed["val/images/front_22.png"]
    save_tiny_model(own, styles=False)
    with pytest.raises(SemsynthError, match="has changed since"):
        remake(line, layout=moved)
    moved.unlink()
    draw_facade(0, 32).save(moved)
    with pytest.raises(SemsynthError, match="not the file any more"):
        remake(line, layout=moved, model=str(model))
    with pytest.raises(SemsynthError, match="no picture of that name"):
        find_line(out, "front_77")


def test_other_pictures_of_the_same_line_are_told(model: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_job(job_of(model), tasks_of(dataset)[:1], CLASSES, out, in_this_process)
    line = json.loads((out / "manifest.jsonl").read_text())
    (out / "manifest.jsonl").write_text(json.dumps({**line, "output_sha256": "0" * 64, "torch": "1.0"}) + "\n")
    result = command("remake", out, "front_00", "--out", tmp_path / "again.png")
    assert result.exit_code == 1
    assert "differs from train/front_00" in result.stderr
    assert "torch 1.0" in result.stderr

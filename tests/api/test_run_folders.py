"""Runs are safe from each other, and from data that has changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_settings import PIX2PIXHD, TINY

import semsynth
from semsynth import SemsynthError
from semsynth.training.run import RunFolder


@pytest.fixture(scope="module")
def ended(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one step."""
    out = tmp_path_factory.mktemp("ended") / "run"
    semsynth.train("spade", toy_data, out, overrides=TINY, steps=1, device="cpu")
    return out


@pytest.fixture
def run(ended: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(ended, tmp_path / "run"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_that_trains_is_not_resumed_beside_it(run: Path) -> None:
    before = contents(run)
    with RunFolder(run).lock(), pytest.raises(SemsynthError, match=f"another process is training in {run}: wait"):
        semsynth.resume(run, steps=2, device="cpu")
    assert contents(run) == before
    assert semsynth.resume(run, steps=2, device="cpu").steps == 2


def test_two_new_runs_of_one_name(toy_data: Path, tmp_path: Path) -> None:
    """The second one finds out as soon as there is something to write."""
    with RunFolder(tmp_path / "run").lock(), pytest.raises(SemsynthError, match="another process is training in"):
        semsynth.train("spade", toy_data, tmp_path / "run", overrides=TINY, device="cpu")
    assert contents(tmp_path) == {}
    assert semsynth.train("spade", toy_data, tmp_path / "run", overrides=TINY, steps=1, device="cpu").steps == 1


def test_training_in_stages_is_locked_whole_and_stage_by_stage(toy_data: Path, tmp_path: Path) -> None:
    def resume(folder: Path) -> None:
        with pytest.raises(SemsynthError, match=f"another process is training in {folder}: wait"):
            semsynth.resume(folder, device="cpu")
        tried.append(folder)

    tried: list[Path] = []
    out = tmp_path / "run"

    def progress(done: int, total: int) -> None:
        if not tried:
            resume(out)
            resume(next(folder.parent for folder in out.glob("*/recipe.json")))

    arguments = {"preset": "small", "stages": True, "steps": 1, "overrides": PIX2PIXHD, "device": "cpu"}
    semsynth.train("pix2pixhd", toy_data, out, **arguments, callbacks=[progress])
    assert len(tried) == 2
    assert not semsynth.resume(out, device="cpu").interrupted


def test_resuming_sweeps_what_killed_processes_left(run: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    for name in ("state/.step_00000001.pt", ".log.jsonl", "model/.model", "model/.generator.safetensors", ".best"):
        path = run / f"{name}.{process.pid}.part"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    semsynth.resume(run, device="cpu")
    assert not list(run.rglob("*.part"))

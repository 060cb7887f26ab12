"""The same pictures by Ray."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bulk_jobs import files, ray_command

from semsynth.bulk.task import Outcome, TileTask

pytest.importorskip("ray.data", reason="semsynth[ray] is not installed")


def test_tiles_travel_as_they_are() -> None:
    from semsynth.bulk.ray_engine import _Texts

    texts = _Texts(TileTask)
    assert texts.task(texts.of_task(TileTask(7))) == TileTask(7)
    outcomes = [Outcome(TileTask(7)), Outcome(TileTask(8), error="no")]
    assert list(texts.outcomes(texts.table(outcomes))) == outcomes


@pytest.mark.slow
def test_ray_makes_the_same_pictures(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path, ray_folder: Path
) -> None:
    out = tmp_path / "out"
    process = ray_command(ray_folder, dataset, "--model", model, "--out", out, "--workers", 1)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert stdout.startswith(f"24 pictures made in {out} (")
    assert "Warning" not in stderr
    assert files(out) == undisturbed


FAILING = """
from pathlib import Path
import sys
from bulk_jobs import job_of, tasks_of
from tiny_models import CLASSES
from semsynth.bulk.ray_engine import ray_engine
from semsynth.bulk.run import run_job

model, dataset, out = map(Path, sys.argv[1:])
job = job_of(model).model_copy(update={"model_sha256": "0" * 64})
try:
    run_job(job, tasks_of(dataset), CLASSES, out, ray_engine(workers=1, gpus=0))
except Exception as error:
    print(type(error).__name__, error)
"""
DEADLY = """
from functools import partial
from pathlib import Path
import sys
from bulk_jobs import DeadlyMaker, job_of, tasks_of
from semsynth.bulk.ray_engine import ray_engine

model, dataset, out = map(Path, sys.argv[1:])
make = partial(DeadlyMaker, job_of(model), out, "front_04")
for outcome in ray_engine(workers=1, gpus=0)(make, tasks_of(dataset), print):
    print(outcome.task.name, len(outcome.lines), outcome.error)
"""

FILTERED = """
from pathlib import Path
import sys
from bulk_jobs import job_of, open_toy_judge, tasks_of
from tiny_models import CLASSES
from semsynth.bulk.engine import in_this_process
from semsynth.bulk.ray_engine import ray_engine
from semsynth.bulk.run import run_job

model, dataset, out = map(Path, sys.argv[1:])
rule = {"segmenter": "toy", "segmenter_sha256": "toy", "min_faithfulness": 0.6, "tries": 2, "ignore_below": 0.6}
job = job_of(model, faithfulness=rule)
for name, engine in {"ray": ray_engine(workers=1, gpus=0), "alone": in_this_process}.items():
    done = run_job(job, tasks_of(dataset)[:10], CLASSES, out / name, engine, open_judge=open_toy_judge)
    print(name, done.made + done.left_out)
"""


def by_ray(code: str, ray_folder: Path, *arguments: Path) -> str:
    """What a program prints."""
    tests = Path(__file__).parent.parent
    path = os.pathsep.join(filter(None, (str(tests), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "RAY_TMPDIR": str(ray_folder), "PYTHONPATH": path}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_maker_that_cannot_be_opened_is_told_as_it_is(
    model: Path, dataset: Path, tmp_path: Path, ray_folder: Path
) -> None:
    told = by_ray(FAILING, ray_folder, model, dataset, tmp_path / "out")
    assert told.startswith("SemsynthError the model ")
    assert told.endswith("has changed since this job began: choose another `out`\n")


@pytest.mark.slow
def test_a_layout_that_kills_its_actors_is_a_failure_and_others_are_not(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path, ray_folder: Path
) -> None:
    told = by_ray(DEADLY, ray_folder, model, dataset, tmp_path / "out")
    expected = [f"front_{number:02d} 1 " for number in range(24)]
    expected[4] = "front_04 0 3 actors died with it: is there enough memory?"
    assert [line for line in told.splitlines() if line.startswith("front_")] == expected  # Ray tells of deaths, too
    pictures = {name: data for name, data in undisturbed.items() if name.endswith(".png") and "front_04" not in name}
    assert files(tmp_path / "out") == pictures


@pytest.mark.slow
def test_actors_filter_the_same(model: Path, dataset: Path, tmp_path: Path, ray_folder: Path) -> None:
    told = by_ray(FILTERED, ray_folder, model, dataset, tmp_path)
    assert [line for line in told.splitlines() if line.endswith(" 10")] == ["ray 10", "alone 10"]
    assert files(tmp_path / "ray") == files(tmp_path / "alone")

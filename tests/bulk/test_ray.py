"""The same pictures by Ray."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bulk_jobs import files, ray_command

pytest.importorskip("ray.data", reason="semsynth[ray] is not installed")


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


DEADLY = """
from functools import partial
from pathlib import Path
import sys
from bulk_jobs import DeadlyStage, job_of, tasks_of
from semsynth.bulk.ray_engine import ray_engine

model, dataset, out = map(Path, sys.argv[1:])
make = partial(DeadlyStage, job_of(model), out, "front_04")
for outcome in ray_engine(workers=1, gpus=0)(make, tasks_of(dataset), print):
    print(outcome.task.name, len(outcome.lines), outcome.error)
"""


@pytest.mark.slow
def test_a_layout_that_kills_its_actors_is_a_failure_and_others_are_not(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path, ray_folder: Path
) -> None:
    tests = Path(__file__).parent.parent
    environment = {**os.environ, "RAY_TMPDIR": str(ray_folder), "PYTHONPATH": str(tests)}
    command = [sys.executable, "-c", DEADLY, str(model), str(dataset), str(tmp_path / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = [f"front_{number:02d} 1 " for number in range(24)]
    expected[4] = "front_04 0 3 actors died with it: is there enough memory?"
    assert done.stdout.splitlines() == expected
    pictures = {name: data for name, data in undisturbed.items() if name.endswith(".png") and "front_04" not in name}
    assert files(tmp_path / "out") == pictures

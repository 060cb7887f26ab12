"""2,000 layouts, while workers, drivers and actors are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bulk_jobs import below, files, job_of, ray_command, tasks_of
from tiny_models import CLASSES

from semsynth.bulk.engine import in_this_process
from semsynth.bulk.manifest import read_lines
from semsynth.bulk.run import run_job
from semsynth.data.facades import draw_facade

pytestmark = pytest.mark.slow

COUNT = 2000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many") / "labels"
    for number in range(COUNT):
        draw_facade(number, 32).save(folder / f"front_{number:04d}.png")
    return folder


@pytest.fixture(scope="module")
def expected(model: Path, many: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All files of a job that ran in one go in one process."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert run_job(job_of(model), tasks_of(many), CLASSES, out, in_this_process).made == COUNT
    return files(out)


def assert_complete(out: Path, expected: dict[str, bytes]) -> None:
    names = [line.name for line in read_lines(out / "manifest.jsonl")]
    assert len(names) == len(set(names)) == COUNT
    made = files(out)
    assert set(made) == set(expected)
    assert made == expected


def kill_on_the_way(process: subprocess.Popen[str], out: Path, victims: Callable[[], list[int]], *after: int) -> int:
    """Kill the first of ``victims`` whenever there are so many pictures; returns how many were killed."""
    waiting, killed = list(after), 0
    while process.poll() is None:
        images = out / "train" / "images"
        if waiting and images.is_dir() and len(list(images.glob("*.png"))) >= waiting[0]:
            for victim in victims()[:1]:
                os.kill(victim, signal.SIGKILL)
                waiting.pop(0)
                killed += 1
        time.sleep(0.02)
    return killed


def local_command(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "semsynth", "synthesize", *map(str, arguments), "--engine", "local"]
    command += ["--workers", "2", "--device", "cpu", "--precision", "float32"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_local_with_a_killed_worker_and_a_killed_driver(
    expected: dict[str, bytes], model: Path, many: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = local_command(many, "--model", model, "--out", out)
    # Workers, the server that forks them, and the resource tracker: only the server has children of its own.
    kill_on_the_way(process, out, lambda: [process.pid], 700)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    time.sleep(2)  # the workers notice, and end
    assert 700 <= len(list((out / "train/images").glob("*.png"))) < COUNT
    process = local_command(many, "--model", model, "--out", out)
    workers = lambda: [one for server in below(process.pid, "") for one in below(server, "")]  # noqa: E731
    assert kill_on_the_way(process, out, workers, 1300) == 1
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "a worker died (killed by signal 9) and was replaced" in stderr
    assert " were there" in stdout
    assert_complete(out, expected)


def test_ray_with_a_killed_actor(
    expected: dict[str, bytes], model: Path, many: Path, tmp_path: Path, ray_folder: Path
) -> None:
    out = tmp_path / "out"
    process = ray_command(ray_folder, many, "--model", model, "--out", out, "--workers", 2)
    actors = lambda: below(process.pid, "ray::MapWorker")  # noqa: E731
    assert kill_on_the_way(process, out, actors, 600, 1200) == 2
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert f"{COUNT} pictures made in {out} (" in stdout  # after what Ray says of the dead actors
    assert_complete(out, expected)

"""Workers of this machine: they die, begin never, cannot open their maker."""

from __future__ import annotations

import multiprocessing
import os
from functools import partial
from pathlib import Path

import pytest
from bulk_jobs import DeadlyMaker, files, job_of, no_maker, tasks_of
from tiny_models import CLASSES

from semsynth.bulk.local import choose_devices, local_engine
from semsynth.bulk.run import run_job
from semsynth.data.progress import Progress
from semsynth.errors import SemsynthError

TWO = local_engine(["cpu", "cpu"])


def test_a_killed_worker_is_replaced(undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path) -> None:
    told: list[str] = []
    killed: list[int | None] = []

    def progress(done: int, total: int) -> None:
        if done == 8:
            victim = multiprocessing.active_children()[0]
            killed.append(victim.pid)
            victim.kill()

    def report(name: str) -> Progress:
        return progress if name == "synthesising" else lambda done, total: None

    out = tmp_path / "out"
    summary = run_job(job_of(model), tasks_of(dataset), CLASSES, out, TWO, report, told.append)
    assert (summary.made, summary.failed) == (24, 0)
    assert told == ["a worker died (killed by signal 9) and was replaced"]
    assert len(killed) == 1
    assert files(out) == undisturbed
    assert not multiprocessing.active_children()


def test_a_layout_that_kills_its_workers_is_a_failure_and_others_are_not(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path
) -> None:
    out, told = tmp_path / "out", list[str]()
    out.mkdir()
    make = partial(DeadlyMaker, job_of(model), out, "front_04")
    tasks = tasks_of(dataset)
    outcomes = list(TWO(make, tasks, told.append))
    assert [outcome.task for outcome in outcomes] == tasks
    assert [outcome.task.name for outcome in outcomes if outcome.error] == ["front_04"]
    assert "3 workers died with it, the last killed by signal 9" in outcomes[4].error
    assert len(told) == 3
    pictures = {name: data for name, data in undisturbed.items() if name.endswith(".png") and "front_04" not in name}
    assert files(out) == pictures


def test_workers_that_never_begin(model: Path, dataset: Path) -> None:
    with pytest.raises(SemsynthError, match=r"workers die \(killed by signal 9\) while they load the model"):
        list(TWO(no_maker, tasks_of(dataset), lambda text: None))
    assert not multiprocessing.active_children()


def test_a_maker_that_cannot_be_opened_is_told_as_it_is(model: Path, dataset: Path, tmp_path: Path) -> None:
    job = job_of(model).model_copy(update={"model_sha256": "0" * 64})
    with pytest.raises(SemsynthError, match="has changed since this job began"):
        run_job(job, tasks_of(dataset), CLASSES, tmp_path / "out", TWO)


def test_devices_of_workers() -> None:
    assert choose_devices("cpu", 3) == ["cpu"] * 3
    assert choose_devices("cuda:1", None) == ["cuda:1"]
    assert len(choose_devices("cpu", None)) == len(os.sched_getaffinity(0))

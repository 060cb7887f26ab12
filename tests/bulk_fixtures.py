"""A tiny model, tiny layouts, and what bulk synthesis makes of them when nothing disturbs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from bulk_jobs import files, job_of, tasks_of
from tiny_models import CLASSES, save_tiny_model

from semsynth.bulk.engine import in_this_process
from semsynth.bulk.run import run_job
from semsynth.data.facades import draw_facade

COUNT = 24


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "styles")


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder of layouts without photos: 20 to train on, 4 to validate with."""
    root = tmp_path_factory.mktemp("layouts")
    CLASSES.save(root / "classes.json")
    for number in range(COUNT):
        split = "train" if number < 20 else "val"
        draw_facade(number, 32).save(root / split / "labels" / f"front_{number:02d}.png")
    return root


@pytest.fixture(scope="session")
def undisturbed(model: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All files of a job that ran in one go in one process."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    run_job(job_of(model), tasks_of(dataset), CLASSES, out, in_this_process)
    return files(out)

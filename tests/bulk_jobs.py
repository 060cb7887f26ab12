"""What tests of bulk synthesis share; worker processes import it as well."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from semsynth.bulk.job import Job, Outcome, Task, lasting_name, model_digest
from semsynth.bulk.sources import open_layouts
from semsynth.bulk.stage import Stage


def job_of(model: Path, **settings: object) -> Job:
    return Job.model_validate({"model": lasting_name(str(model)), "model_sha256": model_digest(model), **settings})


def tasks_of(folder: Path, numbers: tuple[int, ...] = (0,)) -> list[Task]:
    return list(open_layouts(folder, pictures=False, instances=None).tasks(numbers, instances=False))


def files(root: Path) -> dict[str, bytes]:
    """All files of a folder by their path in it."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


class DeadlyStage:
    """A stage that ends its process at one of the layouts, as a lack of memory does."""

    def __init__(self, job: Job, root: Path, deadly: str, device: str) -> None:
        self.stage, self.deadly = Stage(job, root, device), deadly

    def __call__(self, task: Task) -> Outcome:
        if task.name == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.stage(task)


def no_stage(device: str) -> Stage:
    """Ends its process before there is a stage."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError

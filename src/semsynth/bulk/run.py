"""A bulk job from beginning to end: what is missing is made, what is there and right stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from semsynth.bulk.engine import BulkEngine
from semsynth.bulk.faithfulness import OpenJudge
from semsynth.bulk.faithfulness_report import FaithfulnessSummary, write_summary
from semsynth.bulk.job import BulkJob
from semsynth.bulk.maker import PictureMaker
from semsynth.bulk.manifest import Failures, Manifest
from semsynth.bulk.outputs import FolderOutput, Output, ShardOutput
from semsynth.bulk.task import BulkTask, Outcome
from semsynth.classes import ClassSet
from semsynth.config import dump_config, load_config
from semsynth.data.progress import Progress, Stages, Tell, silent_stages, tell_nobody
from semsynth.errors import SemsynthError

JOB_FILE = "job.json"


@dataclass
class BulkSummary:
    """What a run did."""

    made: int = 0
    """Pictures that were made and written."""
    kept: int = 0
    """Pictures that were there already and right, or left out before."""
    left_out: int = 0
    """Pictures that were made and are not written, as they are not faithful enough."""
    failed: int = 0
    """Layouts that lack a picture."""
    first_error: str = ""
    """Why the first of them does."""
    notes: list[str] = field(default_factory=list)
    """What there is to know about pictures."""
    faithfulness: FaithfulnessSummary | None = None
    """The scores of all pictures of the folder, earlier ones included; None where nobody scores."""


def run_job(
    job: BulkJob,
    tasks: Sequence[BulkTask],
    classes: ClassSet | None,
    out: Path,
    engine: BulkEngine,
    progress: Stages = silent_stages,
    tell: Tell = tell_nobody,
    open_judge: OpenJudge | None = None,
) -> BulkSummary:
    """Make the pictures of a job that are not there yet.

    Args:
        job: how they are made.
        tasks: all layouts and all pictures of each.
        classes: of the label maps; None where pictures are the conditions.
        out: the folder for pictures and manifest: new, empty, or of the same job.
        engine: who makes them.
        progress: is told of the parts ``checking`` and ``synthesising``.
        tell: is told what happens to workers.
        open_judge: who scores the pictures, where the job has a rule of faithfulness.

    Raises:
        SemsynthError: a folder of another job, or one that another process is filling; a full disk; no maker.
    """
    _begin(out, job)
    with Manifest(out) as manifest:
        output: Output
        if job.shard_size is None:
            output = FolderOutput(out, tasks, classes)
        else:
            output = ShardOutput(out, classes, job.shard_size)
        complete = False
        try:
            wrong = manifest.drop(output.is_right, progress("checking"))
            missing = [lacking for task in tasks if (lacking := _lacking(task, job, manifest)).numbers]
            output.begin(wrong, bool(missing))
            root = out.absolute() if job.shard_size is None else None
            open_maker = partial(PictureMaker, job, root, open_judge=open_judge)
            with closing(engine(open_maker, missing, tell)) as outcomes:
                summary = _collect(outcomes, _count(tasks), _count(missing), manifest, output, progress("synthesising"))
            complete = True
        finally:
            output.end(complete)
        manifest.finish()
        if open_judge is not None and job.faithfulness is not None:
            summary.faithfulness = write_summary(out, job, open_judge)
    return summary


def _begin(out: Path, job: BulkJob) -> None:
    """Make the folder the job's, unless it is another one's."""
    path = out / JOB_FILE
    if out.exists() and not out.is_dir():
        raise SemsynthError(f"`out={out}` is a file: choose another folder")
    if path.exists():
        before, now = load_config(BulkJob, path).model_dump(), job.model_dump()
        other = [f"{key} {before[key]}, not {value}" for key, value in now.items() if before[key] != value]
        if other:
            raise SemsynthError(f"{out} holds pictures of another job ({'; '.join(other)}): choose another `out`")
    elif out.exists() and any(out.iterdir()):
        raise SemsynthError(f"{out} is not empty and holds no bulk job: choose another `out`")
    else:
        dump_config(job, path)


def _lacking(task: BulkTask, job: BulkJob, manifest: Manifest) -> BulkTask:
    """The same task without the pictures that are there."""
    names = ((number, f"{task.split}/{job.picture_name(task.name, number)}") for number in task.numbers)
    numbers = tuple(number for number, name in names if name not in manifest)
    return task if numbers == task.numbers else replace(task, numbers=numbers)


def _count(tasks: Iterable[BulkTask]) -> int:
    """Pictures."""
    return sum(len(task.numbers) for task in tasks)


def _collect(
    outcomes: Iterable[Outcome[BulkTask]],
    total: int,
    missing: int,
    manifest: Manifest,
    output: Output,
    progress: Progress,
) -> BulkSummary:
    """Write down what comes, until nothing more comes."""
    summary, failures = BulkSummary(kept=total - missing), Failures(manifest.root)
    tried = summary.kept
    progress(tried, total)
    for outcome in outcomes:
        task = outcome.task
        output.add(outcome)
        for line in outcome.lines:
            manifest.add(line)
        if outcome.fatal:
            raise SemsynthError(outcome.error)
        if outcome.error:
            failures.add(f"{task.split}/{task.name}", str(task.layout), outcome.error)
            summary.first_error = summary.first_error or outcome.error
            summary.failed += 1
        if outcome.note:
            summary.notes.append(outcome.note)
        written = sum(line.kept for line in outcome.lines)
        summary.made += written
        summary.left_out += len(outcome.lines) - written
        tried += len(task.numbers)
        progress(tried, total)
    return summary

"""What tests of bulk synthesis share; worker processes import it as well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.bulk.faithfulness import Judge
from semsynth.bulk.job import BulkJob, lasting_name, model_digest
from semsynth.bulk.maker import PictureMaker
from semsynth.bulk.sources import open_layouts
from semsynth.bulk.task import BulkTask, Outcome
from semsynth.classes import VOID
from semsynth.data.progress import Progress
from semsynth.layout import Layout


def job_of(model: Path, **settings: object) -> BulkJob:
    return BulkJob.model_validate({"model": lasting_name(str(model)), "model_sha256": model_digest(model), **settings})


def tasks_of(folder: Path, numbers: tuple[int, ...] = (0,)) -> list[BulkTask]:
    return list(open_layouts(folder, pictures=False, instances=None).tasks(numbers, instances=False))


def files(root: Path) -> dict[str, bytes]:
    """All files of a folder by their path in it."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def samples_of(folder: Path) -> dict[str, dict[str, bytes]]:
    """SPLIT/NAME -> suffix -> bytes, as any reader of tar files finds them."""
    found: dict[str, dict[str, bytes]] = defaultdict(dict)
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as archive:
            for member in archive:
                name, _, suffix = member.name.partition(".")
                content = archive.extractfile(member)
                assert content is not None
                assert suffix not in found[f"{path.name.partition('-')[0]}/{name}"]
                found[f"{path.name.partition('-')[0]}/{name}"][suffix] = content.read()
    return dict(found)


def interrupting(after: int) -> Callable[[str], Progress]:
    """Ctrl-C when so many pictures are there."""

    def progress(done: int, total: int) -> None:
        if done == after:
            raise KeyboardInterrupt

    return lambda name: progress if name == "synthesising" else lambda done, total: None


class DeadlyMaker:
    """A maker that ends its process at one of the layouts, as a lack of memory does."""

    def __init__(self, job: BulkJob, root: Path, deadly: str, device: str) -> None:
        self.make, self.deadly = PictureMaker(job, root, device), deadly

    def __call__(self, task: BulkTask) -> Outcome:
        if task.name == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.make(task)


def no_maker(device: str) -> PictureMaker:
    """Ends its process before there is a maker."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def ray_command(ray_folder: Path, *arguments: object) -> subprocess.Popen[str]:
    """``semsynth synthesize --engine ray`` as a process of its own: Ray leaves warnings and signal handlers behind."""
    command = [sys.executable, "-m", "semsynth", "synthesize", *map(str, arguments), "--engine", "ray"]
    command += ["--device", "cpu", "--precision", "float32"]
    environment = {**os.environ, "RAY_TMPDIR": str(ray_folder)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def below(process: int, title: str) -> list[int]:
    """Descendants of a process whose command line begins with ``title``."""
    parents, titles = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat, words = (folder / "stat").read_text(), (folder / "cmdline").read_bytes()
            except OSError:  # it has just ended
                continue
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
            titles[int(folder.name)] = words.decode(errors="replace").replace("\0", " ")
    found = []
    for one, words in titles.items():
        above = parents[one]
        while above in parents and above != process:
            above = parents[above]
        if above == process and words.startswith(title):
            found.append(one)
    return found


@dataclass(frozen=True, eq=False)
class ToyScore:
    """What :func:`open_toy_judge`'s judge says."""

    mean_iou: float | None
    class_iou: dict[str, float]
    seen: NDArray[np.uint16]


def toy_score(picture: NDArray[np.uint8], layout: Layout) -> ToyScore:
    """Every class is seen where the picture is bright, and nothing elsewhere: its IoU is the bright share."""
    bright = picture.mean(2) > 127
    shares = {
        item.name: float(bright[layout.labels == item.id].mean())
        for item in layout.classes.classes
        if (layout.labels == item.id).any()
    }
    mean = sum(shares.values()) / len(shares) if shares else None
    return ToyScore(mean, shares, np.where(bright, layout.labels, VOID).astype(np.uint16))


def open_toy_judge(device: str) -> Judge:
    """A judge that needs no network; worker processes import it."""
    return toy_score

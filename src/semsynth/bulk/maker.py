"""The maker: a layout goes in, its pictures come out. What every engine runs."""

from __future__ import annotations

import errno
import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from semsynth.bulk.faithfulness import DIGITS, Faithfulness, OpenJudge, rounded, unseen_regions
from semsynth.bulk.inputs import Input, Inputs, members_of, read_inputs, write_files
from semsynth.bulk.job import BulkJob, model_digest
from semsynth.bulk.manifest import Line
from semsynth.bulk.task import BulkTask, Outcome
from semsynth.checkpoint import find_model
from semsynth.classes import VOID
from semsynth.data.folder import IMAGES
from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.images import encode_png
from semsynth.layout import Condition, Layout
from semsynth.pixel_format import rgb
from semsynth.synthesizer import load
from semsynth.version import __version__


@dataclass(frozen=True)
class Made:
    """A picture that was made, and scored where the job says so."""

    photo: NDArray[np.uint8]
    """[H,W,3]."""
    files: tuple[Input, ...]
    """What lies beside it."""
    faithfulness: Faithfulness | None = None
    """None where nobody scores."""
    seen: NDArray[np.uint16] | None = None
    """[H,W], the class ids that the segmenter sees in it."""

    @property
    def kept(self) -> bool:
        """Whether it is written."""
        return self.faithfulness is None or self.faithfulness.kept


class PictureMaker:
    """Makes the pictures of tasks, one by one.

    A picture depends on its own line of the manifest alone: it goes through the network by itself, because sums are
    rounded differently in batches of other members, and on a CPU by one thread, because they are with another number
    of them. Many workers fill a machine, not many threads or large batches.
    """

    def __init__(self, job: BulkJob, root: Path | None, device: str, open_judge: OpenJudge | None = None) -> None:
        """Load the model, and the segmenter that scores its pictures.

        Args:
            job: what to make.
            root: the dataset folder that pictures are written into; None: outcomes hold them.
            device: where to compute, as torch calls it.
            open_judge: who scores the pictures of a job that has a rule of faithfulness; None: they are not scored.

        Raises:
            SemsynthError: no such device, or model, segmenter or the style's photo are not those of the job any more.
        """
        self.job, self.root = job, root
        folder = find_model(job.model)
        if model_digest(folder) != job.model_sha256:
            raise SemsynthError(f"the model {job.model} has changed since this job began: choose another `out`")
        self.synthesizer = load(folder, device, job.precision)
        chosen = self.synthesizer.device
        self._device = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else chosen.type
        self._judge = None if open_judge is None else open_judge(device)
        self._choice = None
        if job.style is not None:
            if sha256(Path(job.style)) != job.style_sha256:
                raise SemsynthError(f"{job.style} has changed since this job began: choose another `out`")
            with self._by_one_thread():
                self._choice = self.synthesizer.style(job.style, None, None, dict(job.region_seeds))

    def __call__(self, task: BulkTask) -> Outcome[BulkTask]:
        """Make the pictures of a task, and write them where there is a folder; problems stand in the outcome."""
        lines: list[Line] = []
        members: list[dict[str, bytes]] = []
        fatal, note = False, ""
        try:
            inputs = self.read(task)
            note = inputs.note
            for number, made in zip(task.numbers, self._pictures(task, inputs), strict=True):
                line, png = self._line(task, number, made)
                fatal = self.root is not None  # what is wrong with the disk is wrong for every picture
                if self.root is None:
                    members.append(members_of(line, png, made.files) if made.kept else {})
                elif made.kept:
                    write_files(self.root, line, png, made.files)
                fatal = False
                lines.append(line)
        except (SemsynthError, RuntimeError, MemoryError) as error:  # torch's are RuntimeErrors
            reason = str(error) if isinstance(error, SemsynthError) else f"{type(error).__name__}: {error}"
            own = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENAMETOOLONG
            return Outcome(task, tuple(lines), tuple(members), reason, fatal and not own, note)
        return Outcome(task, tuple(lines), tuple(members), note=note)

    def read(self, task: BulkTask) -> Inputs:
        """What the task's pictures are made of.

        Raises:
            SemsynthError: damaged files, unknown ids, or a size that is refused.
        """
        return read_inputs(task, self.synthesizer.conditions, self.job.size, self.job.strict_size)

    def make(self, task: BulkTask, inputs: Inputs, number: int) -> Made:
        """Make a picture of a layout, scored where there is a judge.

        Args:
            task: the layout.
            inputs: what :meth:`read` has read of it.
            number: of the picture; further tries have numbers that no picture of the job has (:meth:`BulkJob.draw`).
        """
        collection = self._collection(inputs.condition)
        photo = self._photo(task, inputs.condition, number) if collection is None else collection[number]
        return self._scored(photo, inputs)

    def _pictures(self, task: BulkTask, inputs: Inputs) -> Iterator[Made]:
        """The task's pictures: of each the first try that is faithful enough, else the best one."""
        rule = self.job.faithfulness
        collection = self._collection(inputs.condition)
        for number in task.numbers:
            if collection is not None:
                yield self._scored(collection[number], inputs)
            elif rule is None:
                yield self._scored(self._photo(task, inputs.condition, number), inputs)
            else:
                yield self._best(task, inputs, number, rule.tries)

    def _best(self, task: BulkTask, inputs: Inputs, number: int, most: int) -> Made:
        best, score, chosen, tries = None, -1.0, 0, 0
        while tries < most and not (best is not None and best.kept):
            made = self._scored(self._photo(task, inputs.condition, self.job.draw(number, tries)), inputs)
            assert made.faithfulness is not None
            found = made.faithfulness.mean_iou or 0.0
            if found > score:
                best, score, chosen = made, found, tries
            tries += 1
        assert best is not None
        assert best.faithfulness is not None
        return replace(best, faithfulness=best.faithfulness.model_copy(update={"tries": tries, "chosen": chosen}))

    def _scored(self, photo: NDArray[np.uint8], inputs: Inputs) -> Made:
        """A picture with its score, and with the label map that it shows."""
        rule, layout = self.job.faithfulness, inputs.condition
        if self._judge is None or rule is None or not isinstance(layout, Layout):
            return Made(photo, inputs.files)
        with self._by_one_thread():
            score = self._judge(photo, layout)
        files, ignored, labelled = inputs.files, 0.0, layout.labels != VOID
        if rule.ignore_below is not None:
            unseen = unseen_regions(layout, score.seen, rule.ignore_below)
            if unseen.any():
                files, ignored = inputs.ignoring(unseen), round(float(unseen.sum() / labelled.sum()), DIGITS)
        mean = rounded(score.mean_iou)
        faithfulness = Faithfulness(
            mean_iou=mean,
            class_iou={name: round(value, DIGITS) for name, value in score.class_iou.items()},
            tries=1,
            chosen=0,
            kept=rule.holds(mean),
            ignored=ignored,
        )
        return Made(photo, files, faithfulness, score.seen)

    def _collection(self, condition: Condition) -> NDArray[np.uint8] | None:
        """[k,H,W,3]: all pictures of models that make k at once, where several are wanted."""
        if self.job.count is None or self.synthesizer.config.images_per_layout == 1:
            return None
        with self._by_one_thread():
            return rgb(self.synthesizer.synthesize_arrays([condition], [None])[0], "a picture of this model")

    def _photo(self, task: BulkTask, condition: Condition, number: int) -> NDArray[np.uint8]:
        """[H,W,3]."""
        with self._by_one_thread():
            choice = self._choice
            if choice is None:
                choice = self.synthesizer.style(None, self._seed(task, number), None, dict(self.job.region_seeds))
            photos = self.synthesizer.synthesize_arrays([condition], [choice])[0]  # [k,H,W,3]
        return rgb(photos[0], "a picture of this model")

    def _seed(self, task: BulkTask, number: int) -> int | None:
        if self.job.style is not None or not self.synthesizer.has_styles:
            return None
        return self.synthesizer.picture_seed(self.job.seed, task.name, number)

    @contextmanager
    def _by_one_thread(self) -> Iterator[None]:
        """Compute in a way that rounds the same everywhere; what there is to say about sizes is in the notes."""
        threads = torch.get_num_threads()
        if self.synthesizer.device.type == "cpu":
            torch.set_num_threads(1)
        try:
            with warnings.catch_warnings(action="ignore", category=UserWarning):
                yield
        finally:
            torch.set_num_threads(threads)

    def _line(self, task: BulkTask, number: int, made: Made) -> tuple[Line, bytes]:
        job, png = self.job, encode_png(made.photo)
        layout, instances = made.files[0], made.files[1] if len(made.files) > 1 else None
        chosen = 0 if made.faithfulness is None else made.faithfulness.chosen
        name = job.picture_name(task.name, number)
        output = f"{name}.image.png" if self.root is None else f"{task.split}/{IMAGES}/{name}.png"
        line = Line(
            name=f"{task.split}/{name}",
            layout=layout.piece.path,
            layout_part=(layout.piece.offset, layout.piece.size),
            layout_sha256=layout.sha256,
            instances=None if instances is None else instances.piece.path,
            instances_part=(0, None) if instances is None else (instances.piece.offset, instances.piece.size),
            instances_sha256=None if instances is None else instances.sha256,
            layout_name=task.name,
            number=number,
            count=job.count,
            job_seed=job.seed,
            seed=self._seed(task, job.draw(number, chosen)),
            style=job.style,
            style_sha256=job.style_sha256,
            region_seeds=job.region_seeds,
            size=made.photo.shape[:2],
            model=job.model,
            model_sha256=job.model_sha256,
            precision=job.precision,
            device=self._device,
            semsynth=__version__,
            torch=str(torch.__version__),
            output=output,
            output_sha256=hashlib.sha256(png).hexdigest(),
            faithfulness=made.faithfulness,
        )
        return line, png

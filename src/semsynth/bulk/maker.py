"""The maker: a layout goes in, its pictures come out. What every engine runs."""

from __future__ import annotations

import errno
import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from semsynth.bulk.job import BulkJob, model_digest
from semsynth.bulk.manifest import Line
from semsynth.bulk.task import BulkTask, Outcome, Piece
from semsynth.checkpoint import find_model
from semsynth.data.folder import CONDITIONS, IMAGES, INSTANCES, LABELS
from semsynth.data.placing import link
from semsynth.data.sample import CONDITION, IMAGE, INSTANCE, LABEL
from semsynth.errors import SemsynthError
from semsynth.files import explained, sha256, write_bytes
from semsynth.images import encode_png, open_image, suffix_of, to_rgb
from semsynth.layout import Condition, ConditionPicture, Layout
from semsynth.layout.label_files import stored_instances, stored_labels
from semsynth.synthesizer import load
from semsynth.version import __version__

_FOLDERS = {IMAGE: IMAGES, LABEL: LABELS, INSTANCE: INSTANCES, CONDITION: CONDITIONS}


@dataclass(frozen=True)
class _Input:
    """A file that pictures are made of."""

    kind: str
    """``label``, ``instance`` or ``condition``."""
    piece: Piece
    data: bytes
    """What the piece holds."""
    resized: NDArray[np.uint8] | NDArray[np.uint16] | None
    """The pixels at the pictures' size; None: those of the piece."""

    @property
    def sha256(self) -> str:
        """Of the piece's bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def suffix(self) -> str:
        """Of the file beside the picture."""
        return ".png" if self.resized is not None else suffix_of(self.data)

    def stored(self) -> bytes:
        """The file beside the picture."""
        return self.data if self.resized is None else encode_png(self.resized)


class PictureMaker:
    """Makes the pictures of tasks, one by one.

    A picture depends on its own line of the manifest alone: it goes through the network by itself, because sums are
    rounded differently in batches of other members, and on a CPU by one thread, because they are with another number
    of them. Many workers fill a machine, not many threads or large batches.
    """

    def __init__(self, job: BulkJob, root: Path | None, device: str) -> None:
        """Load the model.

        Args:
            job: what to make.
            root: the dataset folder that pictures are written into; None: outcomes hold them.
            device: where to compute, as torch calls it.

        Raises:
            SemsynthError: no such device, or the model or the style's photo is not the one of the job any more.
        """
        self.job, self.root = job, root
        folder = find_model(job.model)
        if model_digest(folder) != job.model_sha256:
            raise SemsynthError(f"the model {job.model} has changed since this job began: choose another `out`")
        self.synthesizer = load(folder, device, job.precision)
        chosen = self.synthesizer.device
        self._device = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else chosen.type
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
            condition, note, inputs = self._read(task)
            collection = self._collection(condition)
            for number in task.numbers:
                photo = self._photo(task, condition, number) if collection is None else collection[number]
                line, png = self._line(task, number, photo, inputs)
                fatal = self.root is not None  # what is wrong with the disk is wrong for every picture
                if self.root is not None:
                    self._write(line, png, inputs)
                else:
                    members.append(_members(line, png, inputs))
                fatal = False
                lines.append(line)
        except (SemsynthError, RuntimeError, MemoryError) as error:  # torch's are RuntimeErrors
            reason = str(error) if isinstance(error, SemsynthError) else f"{type(error).__name__}: {error}"
            own = isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENAMETOOLONG
            return Outcome(task, tuple(lines), tuple(members), reason, fatal and not own, note)
        return Outcome(task, tuple(lines), tuple(members), note=note)

    def _read(self, task: BulkTask) -> tuple[Condition, str, list[_Input]]:
        """The condition at the pictures' size, a note on that size, and the files that it comes from."""
        reader, data, source = self.synthesizer.conditions, task.layout.read(), str(task.layout)
        opened: Condition
        if reader.reads_pictures:
            opened = ConditionPicture(to_rgb(open_image(data, source), source))
        else:
            opened = Layout.decode(data, reader.classes, source)
        beside = None
        if isinstance(opened, Layout) and task.instances is not None:
            beside = task.instances.read()
            opened = opened.with_instances(beside, f"{task.instances} beside {task.layout}")
        condition, note = reader.fit(opened, self.job.size, strict=self.job.strict_size, source=source)
        resized = condition.size != opened.size
        if isinstance(condition, ConditionPicture):
            return condition, note or "", [_Input(CONDITION, task.layout, data, condition.pixels if resized else None)]
        inputs = [
            _Input(LABEL, task.layout, data, stored_labels(condition.labels, condition.classes) if resized else None)
        ]
        if task.instances is not None and beside is not None and condition.instances is not None:
            pixels = stored_instances(condition.instances) if resized else None
            inputs.append(_Input(INSTANCE, task.instances, beside, pixels))
        return condition, note or "", inputs

    def _collection(self, condition: Condition) -> NDArray[np.uint8] | None:
        """[k,H,W,3]: all pictures of models that make k at once, where several are wanted."""
        if self.job.count is None or self.synthesizer.config.images_per_layout == 1:
            return None
        with self._by_one_thread():
            return self.synthesizer.synthesize_arrays([condition], [None])[0]

    def _photo(self, task: BulkTask, condition: Condition, number: int) -> NDArray[np.uint8]:
        """[H,W,3]."""
        with self._by_one_thread():
            choice = self._choice
            if choice is None:
                choice = self.synthesizer.style(None, self._seed(task, number), None, dict(self.job.region_seeds))
            photos = self.synthesizer.synthesize_arrays([condition], [choice])[0]  # [k,H,W,3]
        photo: NDArray[np.uint8] = photos[0]
        return photo

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

    def _line(self, task: BulkTask, number: int, photo: NDArray[np.uint8], inputs: list[_Input]) -> tuple[Line, bytes]:
        job, png = self.job, encode_png(photo)
        layout, instances = inputs[0], inputs[1] if len(inputs) > 1 else None
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
            seed=self._seed(task, number),
            style=job.style,
            style_sha256=job.style_sha256,
            region_seeds=job.region_seeds,
            size=photo.shape[:2],
            model=job.model,
            model_sha256=job.model_sha256,
            precision=job.precision,
            device=self._device,
            semsynth=__version__,
            torch=str(torch.__version__),
            output=output,
            output_sha256=hashlib.sha256(png).hexdigest(),
        )
        return line, png

    def _write(self, line: Line, png: bytes, inputs: list[_Input]) -> None:
        """The picture last: where it is, the others are."""
        assert self.root is not None
        split, _, name = line.name.partition("/")
        for one in inputs:
            target = self.root / split / _FOLDERS[one.kind] / (name + one.suffix)
            if one.resized is None and one.piece.size is None:
                _link_anew(Path(one.piece.path), target)
            else:
                write_bytes(target, one.stored())
        write_bytes(self.root / line.output, png)


def _link_anew(source: Path, target: Path) -> None:
    """Link, unless that is done; what else stands there goes."""
    with explained(target):
        if target.exists() and target.samefile(source):
            return
        target.unlink(missing_ok=True)
    link(source, target)


def _members(line: Line, png: bytes, inputs: list[_Input]) -> dict[str, bytes]:
    beside = {one.kind + one.suffix: one.stored() for one in inputs}
    return {f"{IMAGE}.png": png, **beside, "json": line.model_dump_json().encode()}

"""The files that pictures are made of, and how they come to lie beside the pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.bulk.manifest import Line
from semsynth.bulk.task import BulkTask, Piece
from semsynth.classes import VOID
from semsynth.data.folder import CONDITIONS, IMAGES, INSTANCES, LABELS
from semsynth.data.placing import link
from semsynth.data.sample import CONDITION, IMAGE, INSTANCE, LABEL
from semsynth.files import explained, write_bytes
from semsynth.images import encode_png, open_image, suffix_of, to_rgb
from semsynth.layout import Condition, ConditionPicture, Layout, Size
from semsynth.layout.label_files import stored_instances, stored_labels
from semsynth.synthesizer.conditions import ConditionReader

_FOLDERS = {IMAGE: IMAGES, LABEL: LABELS, INSTANCE: INSTANCES, CONDITION: CONDITIONS}


@dataclass(frozen=True)
class Input:
    """A file that pictures are made of."""

    kind: str
    """``label``, ``instance`` or ``condition``."""
    piece: Piece
    data: bytes
    """What the piece holds."""
    pixels: NDArray[np.uint8] | NDArray[np.uint16] | None
    """What is stored beside the picture, where that differs from the piece: at another size, or with regions void."""

    @property
    def sha256(self) -> str:
        """Of the piece's bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def suffix(self) -> str:
        """Of the file beside the picture."""
        return ".png" if self.pixels is not None else suffix_of(self.data)

    def stored(self) -> bytes:
        """The file beside the picture."""
        return self.data if self.pixels is None else encode_png(self.pixels)


@dataclass(frozen=True)
class Inputs:
    """What the pictures of a task are made of."""

    condition: Condition
    """At the pictures' size."""
    files: tuple[Input, ...]
    """The label map or the picture, and the instance map where there is one."""
    note: str
    """What there is to say about the size."""

    def ignoring(self, mask: NDArray[np.bool_]) -> tuple[Input, ...]:
        """The files with the label map void where ``mask`` [H,W] is; an instance map stays: void is no object."""
        assert isinstance(self.condition, Layout)
        labels = np.where(mask, VOID, self.condition.labels).astype(np.uint16)
        return replace(self.files[0], pixels=stored_labels(labels, self.condition.classes)), *self.files[1:]


def read_inputs(task: BulkTask, reader: ConditionReader, size: Size | None, strict: bool) -> Inputs:
    """Read the files of a task.

    Args:
        task: whose layout and instance map are read.
        reader: of the model.
        size: (height, width) of the pictures; None: that of the layout, or the nearest that the model makes.
        strict: whether a layout whose own size the model cannot make is refused.

    Raises:
        SemsynthError: damaged files, unknown ids, or a size that is refused.
    """
    data, source = task.layout.read(), str(task.layout)
    opened: Condition
    if reader.reads_pictures:
        opened = ConditionPicture(to_rgb(open_image(data, source), source))
    else:
        opened = Layout.decode(data, reader.classes, source)
    beside = None
    if isinstance(opened, Layout) and task.instances is not None:
        beside = task.instances.read()
        opened = opened.with_instances(beside, f"{task.instances} beside {task.layout}")
    condition, note = reader.fit(opened, size, strict=strict, source=source)
    resized = condition.size != opened.size
    if isinstance(condition, ConditionPicture):
        pixels = condition.pixels if resized else None
        return Inputs(condition, (Input(CONDITION, task.layout, data, pixels),), note or "")
    files = [Input(LABEL, task.layout, data, stored_labels(condition.labels, condition.classes) if resized else None)]
    if task.instances is not None and beside is not None and condition.instances is not None:
        numbers = stored_instances(condition.instances) if resized else None
        files.append(Input(INSTANCE, task.instances, beside, numbers))
    return Inputs(condition, tuple(files), note or "")


def write_files(root: Path, line: Line, png: bytes, inputs: Sequence[Input]) -> None:
    """Write a picture's files into a dataset folder, the picture last: where it is, the others are."""
    split, _, name = line.name.partition("/")
    for one in inputs:
        target = root / split / _FOLDERS[one.kind] / (name + one.suffix)
        if one.pixels is None and one.piece.size is None:
            _link_anew(Path(one.piece.path), target)
        else:
            write_bytes(target, one.stored())
    write_bytes(root / line.output, png)


def members_of(line: Line, png: bytes, inputs: Sequence[Input]) -> dict[str, bytes]:
    """What a shard holds of a picture: suffix -> bytes."""
    beside = {one.kind + one.suffix: one.stored() for one in inputs}
    return {f"{IMAGE}.png": png, **beside, "json": line.model_dump_json().encode()}


def _link_anew(source: Path, target: Path) -> None:
    """Link, unless that is done; what else stands there goes."""
    with explained(target):
        if target.exists() and target.samefile(source):
            return
        target.unlink(missing_ok=True)
    link(source, target)

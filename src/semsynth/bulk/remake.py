"""One picture again, from its line of the manifest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from semsynth.bulk.job import BulkJob
from semsynth.bulk.maker import PictureMaker
from semsynth.bulk.manifest import MANIFEST, Line, read_lines
from semsynth.bulk.task import BulkTask
from semsynth.errors import SemsynthError


@dataclass(frozen=True)
class Remade:
    """A picture that was made again."""

    png: bytes
    """The file."""
    equal: bool
    """Whether it is the one of the line, bit for bit."""


def find_line(root: Path, name: str) -> Line:
    """The line of one picture.

    Args:
        root: the folder of the manifest.
        name: SPLIT/NAME of the picture, or NAME where no other split has one of that name.

    Raises:
        SemsynthError: no manifest, no such picture, or several.
    """
    if not (root / MANIFEST).is_file():
        raise SemsynthError(f"{root} has no {MANIFEST}: give a folder that 'semsynth synthesize --engine' has filled")
    found = {
        line.name: line for line in read_lines(root / MANIFEST) if name in (line.name, line.name.partition("/")[2])
    }
    if len(found) != 1:
        several = " and ".join(found) or "no picture of that name"
        raise SemsynthError(f"'{name}' in {root / MANIFEST}: there is {several}; give SPLIT/NAME")
    return next(iter(found.values()))


def remake(line: Line, device: str = "cpu", layout: Path | None = None, model: str | None = None) -> Remade:
    """Make the picture of a line again.

    Args:
        line: of the manifest.
        device: where to compute; bits are those of the line on such a device with the same versions only.
        layout: the label map, where it has moved.
        model: the model, where it has moved.

    Raises:
        SemsynthError: layout, style or model are missing, or not those of the line any more.
    """
    task = BulkTask.of_line(line, layout)
    for piece, digest in ((task.layout, line.layout_sha256), (task.instances, line.instances_sha256)):
        if piece is not None and hashlib.sha256(piece.read()).hexdigest() != digest:
            raise SemsynthError(f"{piece} is not the file any more that {line.name} was made of: restore it")
    job = BulkJob(
        model=model or line.model,
        model_sha256=line.model_sha256,
        seed=line.job_seed,
        count=line.count,
        size=line.size,
        style=line.style,
        style_sha256=line.style_sha256,
        region_seeds=line.region_seeds,
        precision=line.precision,
    )
    outcome = PictureMaker(job, None, device)(task)
    if outcome.error:
        raise SemsynthError(outcome.error)
    png = outcome.members[0]["image.png"]
    return Remade(png, hashlib.sha256(png).hexdigest() == line.output_sha256)

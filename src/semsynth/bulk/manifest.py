"""The manifest: one line of JSON for every picture, enough to make it again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path, PurePath
from types import TracebackType
from typing import Literal, Self

from pydantic import ValidationError, field_validator

from semsynth.bulk.faithfulness import Faithfulness
from semsynth.config import Config
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError
from semsynth.files import explained, write_atomically
from semsynth.layout import Size
from semsynth.locks import lock_file

MANIFEST, FAILURES = "manifest.jsonl", "failures.jsonl"
_LONGEST = 2**17
"""No line is longer, in bytes: the four paths in it end at 4096 characters."""
_TOGETHER = 200
"""Lines whose files are read between two reports of progress."""


class Line(Config):
    """One picture: from what and how it was made."""

    name: str
    """SPLIT/NAME of the picture."""
    layout: str
    """Absolute path of the label map, or of the picture that was the condition."""
    layout_part: tuple[int, int | None]
    """First byte and size in bytes in that file; (0, None): all of it."""
    layout_sha256: str
    """Of these bytes."""
    instances: str | None
    """Absolute path of the instance map, where one was read."""
    instances_part: tuple[int, int | None]
    """First byte and size in bytes in that file."""
    instances_sha256: str | None
    """Of these bytes."""
    layout_name: str
    """The layout's, without suffix."""
    number: int
    """From 0, of several pictures of one layout."""
    count: int | None
    """How many pictures of each layout the job makes; None: one, named like the layout."""
    job_seed: int
    """What seeds of pictures are drawn from."""
    seed: int | None
    """The picture's own, that of its style; None where a photo or nothing gives it."""
    style: str | None
    """Absolute path of the photo that gives the style."""
    style_sha256: str | None
    """Of that photo."""
    region_seeds: tuple[tuple[int | str, int], ...]
    """Other noise for regions."""
    size: Size
    """(height, width) of the picture."""
    model: str
    """Its name, path or id."""
    model_sha256: str
    """See :func:`semsynth.bulk.job.model_digest`."""
    precision: Literal["float32", "bfloat16"]
    """Arithmetic of the networks."""
    device: str
    """What it was computed on: ``cpu``, or a GPU's name."""
    semsynth: str
    """Version of this package."""
    torch: str
    """Version of torch."""
    output: str
    """The picture's file, from the folder of the manifest; or the member of a shard."""
    output_sha256: str
    """Of that file."""
    faithfulness: Faithfulness | None = None
    """How far a segmenter agrees with the layout; None where nobody scored the picture."""

    @property
    def kept(self) -> bool:
        """Whether the picture was written; one that is not faithful enough is left out."""
        return self.faithfulness is None or self.faithfulness.kept

    @property
    def draw(self) -> int:
        """The number that seeded the picture (:meth:`semsynth.bulk.job.BulkJob.draw`)."""
        attempt = 0 if self.faithfulness is None else self.faithfulness.chosen
        return self.number + attempt * (self.count or 1)

    @field_validator("output")
    @classmethod
    def _stay_inside(cls, output: str) -> str:
        parts = PurePath(output).parts
        if not parts or PurePath(output).is_absolute() or ".." in parts or "\0" in output:
            raise ValueError("is no path in the manifest's folder")
        return output


class Manifest:
    """The lines of a folder that is being filled, by one process at a time; in memory are their names and places."""

    def __init__(self, root: Path) -> None:
        """Read what earlier runs wrote, and keep others from writing.

        Raises:
            SemsynthError: another process is writing, the file is no manifest, or it cannot be written.
        """
        self.root, self._path = root, root / MANIFEST
        with explained(self._path):
            self._file = self._path.open("ab")
        try:
            lock_file(self._file, f"another process is filling {root}: wait for it, or choose another folder")
            self._places = {line.name: place for place, line in _placed_lines(self._path)}
            """Picture's name -> first byte of its line; of two lines the later one counts."""
            self._size = _size_of_whole_lines(self._path)
            with explained(self._path):
                self._file.truncate(self._size)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let others write."""
        self._file.close()

    def __contains__(self, name: str) -> bool:
        """Whether a picture has a line."""
        return name in self._places

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self._places)

    def drop(self, is_right: Callable[[Line], bool], progress: Progress = silent) -> list[Line]:
        """Forget the lines that are not right any more; returns them. Several threads ask."""
        current = (line for place, line in _placed_lines(self._path) if self._places[line.name] == place)
        wrong: list[Line] = []
        done, total = 0, len(self)
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            while some := list(islice(current, _TOGETHER)):
                wrong += [line for line, right in zip(some, pool.map(is_right, some), strict=True) if not right]
                done += len(some)
                progress(done, total)
        for line in wrong:
            del self._places[line.name]
        return wrong

    def add(self, line: Line) -> None:
        """Append a line."""
        text = line.model_dump_json().encode() + b"\n"
        with explained(self._path):
            self._file.write(text)
            self._file.flush()  # in one write: a line is there as a whole, or lacks its end
        self._places[line.name] = self._size
        self._size += len(text)

    def finish(self) -> None:
        """Write the file anew: in the order of names, and without what was forgotten or replaced."""
        write_atomically(self._path, self._write_sorted)

    def _write_sorted(self, partial: Path) -> None:
        with self._path.open("rb") as before, partial.open("wb") as after:
            for name in sorted(self._places):
                before.seek(self._places[name])
                after.write(before.readline())


class Failures:
    """The layouts of which a run made no picture; the list of the run before is forgotten."""

    def __init__(self, root: Path) -> None:
        self._path = root / FAILURES
        with explained(self._path, "cannot remove"):
            self._path.unlink(missing_ok=True)

    def add(self, name: str, layout: str, error: str) -> None:
        """Write a line."""
        line = json.dumps({"name": name, "layout": layout, "error": error}, ensure_ascii=False) + "\n"
        with explained(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(line)


def read_lines(path: Path) -> Iterator[Line]:
    """The lines of a manifest; one that was cut off at the end does not count. None where there is no file.

    Raises:
        SemsynthError: a line that is none, with its number.
    """
    return (line for _, line in _placed_lines(path))


def _placed_lines(path: Path) -> Iterator[tuple[int, Line]]:
    """As :func:`read_lines`, each with the place of its first byte."""
    if not path.exists():
        return
    place = 0
    with explained(path, "cannot read"), path.open("rb") as file:
        for number, text in enumerate(iter(partial(file.readline, _LONGEST), b""), 1):
            if not text.endswith(b"\n"):
                if len(text) == _LONGEST:
                    raise SemsynthError(
                        f"{path}, line {number}, is no line of a manifest: it has {_LONGEST} bytes or more"
                    )
                return
            try:
                yield place, Line.model_validate_json(text)
            except ValidationError as error:
                problem = error.errors()[0]
                where = ".".join(map(str, problem["loc"]))
                raise SemsynthError(
                    f"{path}, line {number}, is no line of a manifest ({where} {problem['msg']}): restore the file, or "
                    "choose another folder"
                ) from None
            place += len(text)


def _size_of_whole_lines(path: Path) -> int:
    """In bytes: without a last line that was cut off."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LONGEST))
        tail = file.read()
    return size - len(tail) + tail.rfind(b"\n") + 1

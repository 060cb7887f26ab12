"""What a bulk job makes, and how."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from semsynth.bulk.manifest import Line
from semsynth.checkpoint import BUNDLED, CONFIG, find_model
from semsynth.config import Config
from semsynth.errors import SemsynthError
from semsynth.files import explained, sha256
from semsynth.layout import Size
from semsynth.styles.bank import STYLES

if TYPE_CHECKING:
    from semsynth.bulk.stage import Stage


class Job(Config):
    """How the pictures of a folder are made: the same for all of them, and for everybody who goes on with it."""

    format: Literal[1] = 1
    """Version of ``job.json`` and of the manifest's lines."""
    model: str
    """A bundled model's name, an absolute path, or a Hugging Face id."""
    model_sha256: str
    """As :func:`model_digest` gives it."""
    seed: int = 0
    """Seeds of pictures are drawn from this one (:func:`semsynth.styles.seeds.picture_seed`)."""
    count: int | None = None
    """Pictures of each layout, named ``NAME_0``, ``NAME_1``, ...; None: one, named like the layout."""
    size: Size | None = None
    """(height, width) of the pictures; None: that of the layout, or the nearest that the network makes."""
    strict_size: bool = False
    """Whether a layout whose own size the network cannot make is a failure."""
    style: str | None = None
    """Absolute path of a photo that gives all pictures their style, instead of seeds."""
    style_sha256: str | None = None
    """Of that photo."""
    region_seeds: tuple[tuple[int | str, int], ...] = ()
    """Other noise for regions: instance id, class id or class name, and seed."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the networks."""
    shard_size: int | None = None
    """Bytes of a tar shard that pictures go to; None: they become files."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of the pictures of one layout."""
        return tuple(range(self.count or 1))

    def picture_name(self, name: str, number: int) -> str:
        """What picture ``number`` of the layout ``name`` is called."""
        return name if self.count is None else f"{name}_{number}"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file, or a part of an archive that is not compressed."""

    path: str
    """Absolute."""
    offset: int = 0
    """Of the first byte."""
    size: int | None = None
    """In bytes; None: to the end."""

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            SemsynthError: it cannot be read, or the file is shorter than that.
        """
        with explained(Path(self.path), "cannot read"), Path(self.path).open("rb") as file:
            file.seek(self.offset)
            data = file.read(-1 if self.size is None else self.size)
        if self.size is not None and len(data) < self.size:
            raise SemsynthError(f"{self.path} is truncated: restore the file")
        return data

    def __str__(self) -> str:
        """What messages call it."""
        return self.path if self.size is None else f"{self.path} (from byte {self.offset})"


@dataclass(frozen=True, slots=True)
class Task:
    """Pictures to make of one layout."""

    split: str
    """Of the output."""
    name: str
    """The layout's, without suffix."""
    layout: Piece
    """The label map, or the picture that is the condition."""
    instances: Piece | None
    """The instance map."""
    numbers: tuple[int, ...]
    """Which pictures."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task."""

    task: Task
    lines: tuple[Line, ...] = ()
    """Of the pictures that were made."""
    members: tuple[dict[str, bytes], ...] = ()
    """What shards hold of each: suffix -> bytes; nothing where the stage has written files."""
    error: str = ""
    """Why the other pictures were not made."""
    fatal: bool = False
    """Whether that would happen to all others, too: a full disk."""
    note: str = ""
    """What the user should know about the pictures."""


StageMaker = Callable[[str], "Stage"]
"""Makes the stage on a device that torch knows by name; goes to other processes."""
Tell = Callable[[str], None]
"""Takes what an engine has to say: a worker died."""


class Engine(Protocol):
    """Brings tasks to stages."""

    def __call__(self, make: StageMaker, tasks: Sequence[Task], tell: Tell) -> Generator[Outcome, None, None]:
        """One outcome for every task, in their order.

        Raises:
            SemsynthError: the stage cannot be made.
        """
        ...


def model_digest(folder: Path) -> str:
    """SHA-256 of everything in a model folder that pictures depend on.

    ``config.json`` holds the checksums of weights and classes; of those, the style bank is not among them.
    """
    files = (path for path in (folder / CONFIG, folder / STYLES) if path.is_file())
    return hashlib.sha256("".join(map(sha256, files)).encode()).hexdigest()


def lasting_name(model: str) -> str:
    """The model as one finds it from any working folder."""
    folder = find_model(model)
    if folder.parent == BUNDLED:
        return folder.name
    return str(folder.absolute()) if Path(model).exists() else model


def in_this_process(make: StageMaker, tasks: Iterable[Task], tell: Tell) -> Generator[Outcome, None, None]:
    """The engine without workers, on the CPU: for looking for mistakes."""
    yield from map(make("cpu"), tasks)

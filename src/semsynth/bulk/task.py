"""The unit of work: the pictures of one layout or a tile of a large picture, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Self, TypeVar

from semsynth.bulk.manifest import Line
from semsynth.errors import SemsynthError
from semsynth.files import read_bytes, read_part
from semsynth.images import MAX_BYTES


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
        if self.size is None:
            return read_bytes(Path(self.path), MAX_BYTES)
        data = read_part(Path(self.path), self.offset, self.offset + self.size)
        if len(data) < self.size:
            raise SemsynthError(f"{self.path} is truncated: restore the file")
        return data

    def __str__(self) -> str:
        """What messages call it."""
        return self.path if self.size is None else f"{self.path} (from byte {self.offset})"


@dataclass(frozen=True, slots=True)
class BulkTask:
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

    @classmethod
    def of_line(cls, line: Line, layout: Path | None = None) -> Self:
        """The task that makes the picture of a line again, with the seed of that picture.

        Args:
            line: of the manifest.
            layout: the label map, where it has moved.
        """
        moved = Piece(str(layout)) if layout is not None else Piece(line.layout, *line.layout_part)
        instances = None if line.instances is None else Piece(line.instances, *line.instances_part)
        return cls(line.name.partition("/")[0], line.layout_name, moved, instances, (line.draw,))


@dataclass(frozen=True, slots=True)
class TileTask:
    """A tile of a large picture."""

    number: int
    """From 0, row after row."""


T = TypeVar("T", bound=BulkTask | TileTask)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of a task."""

    task: T
    lines: tuple[Line, ...] = ()
    """Of the pictures that were made."""
    members: tuple[dict[str, bytes], ...] = ()
    """What shards hold of each: suffix -> bytes; nothing where the maker has written files."""
    error: str = ""
    """Why the other pictures were not made."""
    fatal: bool = False
    """Whether that would happen to all others, too: a full disk."""
    note: str = ""
    """What the user should know about the pictures."""

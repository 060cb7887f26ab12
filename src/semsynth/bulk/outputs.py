"""Where pictures go: a dataset folder that workers fill, or shards that the process of the job writes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from semsynth.bulk.manifest import Line
from semsynth.bulk.task import BulkTask, Outcome
from semsynth.classes import ClassSet
from semsynth.data.folder import save_classes
from semsynth.data.shards.index import INDEX_FILE
from semsynth.data.shards.writer import ShardWriter
from semsynth.errors import SemsynthError
from semsynth.files import explained, sha256


class Output(Protocol):
    """Pictures that are being made."""

    def is_right(self, line: Line) -> bool:
        """Whether the picture of a line is there, and still the one that would be made."""
        ...

    def begin(self, wrong: Iterable[Line], missing: bool) -> None:
        """Remove the pictures that are not right; ``missing``: whether any are to be made."""
        ...

    def add(self, outcome: Outcome[BulkTask]) -> None:
        """Take over what the maker has made."""
        ...

    def end(self, complete: bool) -> None:
        """No more pictures come; ``complete``: because all have been tried."""
        ...


class FolderOutput:
    """``SPLIT/images`` with the pictures, ``SPLIT/labels`` and so on with what they were made of."""

    def __init__(self, root: Path, tasks: Iterable[BulkTask], classes: ClassSet | None) -> None:
        """Take over a folder.

        Args:
            root: the folder.
            tasks: all tasks of the job.
            classes: of the label maps; None where pictures are the conditions.
        """
        self.root, self._classes = root, classes
        self._tasks = {f"{task.split}/{task.name}": task for task in tasks}

    def is_right(self, line: Line) -> bool:
        """As its checksum says, or left out; and the layout has not changed, if it still belongs to the job."""
        path = self.root / line.output
        if line.kept and (not path.is_file() or sha256(path) != line.output_sha256):
            return False
        task = self._tasks.get(f"{line.name.partition('/')[0]}/{line.layout_name}")
        if task is None:
            return True
        pieces = ((task.layout, line.layout_sha256), (task.instances, line.instances_sha256))
        try:
            found = [None if piece is None else hashlib.sha256(piece.read()).hexdigest() for piece, _ in pieces]
        except SemsynthError:
            return False
        return found == [digest for _, digest in pieces]

    def begin(self, wrong: Iterable[Line], missing: bool) -> None:
        """Remove what is wrong, and what killed workers left half-written."""
        for line in wrong:
            with explained(self.root / line.output, "cannot remove"):
                (self.root / line.output).unlink(missing_ok=True)
        self._sweep()
        if self._classes is not None:
            save_classes(self.root, self._classes)

    def add(self, outcome: Outcome[BulkTask]) -> None:
        """The maker has written everything."""

    def end(self, complete: bool) -> None:
        """Remove what killed workers left half-written."""
        self._sweep()

    def _sweep(self) -> None:
        for partial in self.root.glob("*/*/.*.part"):
            with suppress(OSError):
                partial.unlink()


class ShardOutput:
    """Tar shards in the order of the tasks; every sample holds its line of the manifest as ``json``."""

    def __init__(self, root: Path, classes: ClassSet | None, size: int) -> None:
        """Take over a folder.

        Args:
            root: the folder.
            classes: of the label maps; None where pictures are the conditions.
            size: bytes of a shard.
        """
        self.root = root
        self._complete = (root / INDEX_FILE).exists()
        self._writer = None if self._complete else ShardWriter(root, classes, size)
        self._holds, self._left_out = False, False
        """Whether some picture is in the shards, and whether some was left out."""

    def is_right(self, line: Line) -> bool:
        """Whole shards are, and pictures that were left out."""
        if not line.kept:
            self._left_out = True
            return True
        split, _, name = line.name.partition("/")
        return self._writer is None or name in self._writer.written(split)

    def begin(self, wrong: Iterable[Line], missing: bool) -> None:
        """Complete shards stay as they are."""
        if missing and self._complete:
            raise SemsynthError(f"{self.root} holds complete shards, to which nothing is added: choose another `out`")

    def add(self, outcome: Outcome[BulkTask]) -> None:
        """Append the pictures."""
        assert self._writer is not None
        for line, members in zip(outcome.lines, outcome.members, strict=True):
            if not line.kept:
                self._left_out = True
                continue
            self._holds = True
            split, _, name = line.name.partition("/")
            self._writer.add(split, name, members)

    def end(self, complete: bool) -> None:
        """Complete the shards, or keep the whole ones."""
        if self._writer is None:
            return
        try:
            nothing = self._left_out and not self._holds and not self._writer.index.splits
            if complete and not nothing:  # there are no shards of no pictures
                self._writer.finish()
        finally:
            self._writer.abandon()

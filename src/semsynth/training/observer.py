"""Who follows a training run: progress bars, and callbacks of people's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from semsynth.data.progress import Progress, silent

if TYPE_CHECKING:
    from semsynth.training.log import LogLine


@runtime_checkable
class Observer(Protocol):
    """What follows a training run; derive from it and override what you want to know.

    It is a :data:`~semsynth.data.progress.Progress` as everywhere else, called with the numbers of steps, and has more
    to tell.
    """

    def __call__(self, done: int, total: int) -> None:
        """A step is done (on a GPU: at least queued)."""

    def started(self, done: int, total: int) -> None:
        """A run, or one stage of it, begins after ``done`` of ``total`` steps."""

    def logged(self, line: LogLine) -> None:
        """A line of ``log.jsonl`` was written."""

    def note(self, text: str) -> None:
        """Something that people should know."""


class Observers(Observer):
    """Tells all of several."""

    def __init__(self, listening: Sequence[Progress]) -> None:
        """Those that are no :class:`Observer` are told of the steps only."""
        self._steps = tuple(listening)
        self._all = tuple(one for one in listening if isinstance(one, Observer))

    def __call__(self, done: int, total: int) -> None:
        """A step is done."""
        for one in self._steps:
            one(done, total)

    def started(self, done: int, total: int) -> None:
        """A run begins."""
        for one in self._all:
            one.started(done, total)

    def logged(self, line: LogLine) -> None:
        """A line was written."""
        for one in self._all:
            one.logged(line)

    def note(self, text: str) -> None:
        """Something worth knowing."""
        for one in self._all:
            one.note(text)


SILENT = Observers([silent])
"""Tells nobody."""

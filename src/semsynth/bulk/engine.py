"""What brings tasks to makers: this process, worker processes of this machine, or Ray."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from semsynth.bulk.task import Outcome, T
from semsynth.data.progress import Tell

Make = Callable[[T], Outcome[T]]
"""Works on a task: a :class:`semsynth.bulk.maker.PictureMaker`, or what makes tiles."""
OpenMaker = Callable[[str], Make[T]]
"""Opens a maker on a device that torch knows by name; is sent to other processes."""


class BulkEngine(Protocol):
    """Brings tasks to makers."""

    def __call__(self, open_maker: OpenMaker[T], tasks: Sequence[T], tell: Tell) -> Generator[Outcome[T], None, None]:
        """One outcome for every task, in their order.

        Raises:
            SemsynthError: the maker cannot be opened.
        """
        ...


def in_this_process(open_maker: OpenMaker[T], tasks: Sequence[T], tell: Tell) -> Generator[Outcome[T], None, None]:
    """The engine without workers, on the CPU: for debugging."""
    yield from map(open_maker("cpu"), tasks)

"""What brings tasks to makers: this process, worker processes of this machine, or Ray."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol

from semsynth.bulk.task import BulkTask, Outcome
from semsynth.data.progress import Tell

Make = Callable[[BulkTask], Outcome]
"""Makes the pictures of a task: a :class:`semsynth.bulk.maker.PictureMaker`."""
OpenMaker = Callable[[str], Make]
"""Opens a maker on a device that torch knows by name; is sent to other processes."""


class BulkEngine(Protocol):
    """Brings tasks to makers."""

    def __call__(self, open_maker: OpenMaker, tasks: Sequence[BulkTask], tell: Tell) -> Generator[Outcome, None, None]:
        """One outcome for every task, in their order.

        Raises:
            SemsynthError: the maker cannot be opened.
        """
        ...


def in_this_process(open_maker: OpenMaker, tasks: Sequence[BulkTask], tell: Tell) -> Generator[Outcome, None, None]:
    """The engine without workers, on the CPU: for debugging."""
    yield from map(open_maker("cpu"), tasks)

"""Progress bars, on stderr: for jobs that count something, and for training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from semsynth.data.progress import Progress as Report
    from semsynth.data.progress import Stages
    from semsynth.training.log import LogLine


@contextmanager
def stage_bars() -> Iterator[Stages]:
    """A bar for every named part of a job, one below the other; nothing where there is no terminal."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:

        def begin(name: str) -> Report:
            task = bars.add_task(name, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield begin


@contextmanager
def count_bar(description: str) -> Iterator[Report]:
    """A bar as a callback that takes (done, total); nothing where there is no terminal."""
    with stage_bars() as begin:
        yield begin(description)


class ProgressBar:
    """Steps, loss terms, images per second and the remaining time; plain lines where there is no terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, soft_wrap=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[rate]} {task.fields[terms]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task("training", total=None, rate="", terms="")

    def __enter__(self) -> Self:
        """The bar appears when training starts."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave it as it is."""
        self.bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """A step is done."""
        self.bar.update(self.task, completed=done)

    def started(self, done: int, total: int) -> None:
        """Training starts after ``done`` of ``total`` steps."""
        self.bar.start()
        self.bar.reset(self.task, total=total, completed=done, rate="", terms="")

    def logged(self, line: LogLine) -> None:
        """A log line was written."""
        rate = f"{line.images_per_second:.2f} images/s"
        terms = " ".join(f"{name.partition('/')[2]} {value:.3g}" for name, value in line.terms.items())
        self.bar.update(self.task, rate=rate, terms=terms)
        if not self.console.is_terminal:
            self.console.print(f"step {line.step} epoch {line.epoch} {rate} {terms}", highlight=False)

    def note(self, text: str) -> None:
        """Something that people should know."""
        self.console.print(text, highlight=False, markup=False)

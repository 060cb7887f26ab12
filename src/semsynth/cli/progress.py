"""Progress bars, on stderr: for jobs that count something, and for training."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import typer
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

if TYPE_CHECKING:
    from semsynth.data.progress import Progress as Report
    from semsynth.data.progress import Stages
    from semsynth.training.log import LogLine


_SECONDS = 30
"""Between lines where there is no terminal."""


def _columns(*more: ProgressColumn) -> tuple[ProgressColumn, ...]:
    """Columns of every bar: in a narrow terminal only the description breaks, and no number is cut."""
    return (
        TextColumn("{task.description}", table_column=Column(overflow="fold")),
        BarColumn(bar_width=20),
        MofNCompleteColumn(table_column=Column(no_wrap=True)),
        *more,
        TimeRemainingColumn(table_column=Column(no_wrap=True)),
    )


@contextmanager
def stage_bars() -> Iterator[Stages]:
    """A bar for every named part of a job, one below the other; nothing where there is no terminal."""
    console = Console(stderr=True)
    with Progress(*_columns(), console=console, transient=True, disable=not console.is_terminal) as bars:

        def begin(name: str) -> Report:
            task = bars.add_task(name, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield begin


@contextmanager
def count_bar(description: str) -> Iterator[Report]:
    """A bar as a callback that takes (done, total); nothing where there is no terminal."""
    with stage_bars() as begin:
        yield begin(description)


class _Rate(ProgressColumn):
    """Pictures per second of the last while."""

    def render(self, task: Task) -> Text:
        """Nothing until it is known."""
        return Text("" if task.speed is None or task.finished else f"{task.speed:.1f}/s")


class Notes:
    """Notes on single files, on stderr: the first few, and at the end how many more there were."""

    SHOWN = 5

    def __init__(self) -> None:
        self._count = 0

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tell how many notes were not shown."""
        if self._count > self.SHOWN:
            typer.echo(f"note: and {self._count - self.SHOWN} more such notes on other files", err=True)

    def tell(self, text: str) -> None:
        """Show a note, unless there were enough."""
        self._count += 1
        if self._count <= self.SHOWN:
            typer.echo(f"note: {text}", err=True)


class JobBars:
    """Progress on stderr: bars in a terminal, else a line now and then."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, soft_wrap=True)
        self._bars = Progress(
            *_columns(_Rate(table_column=Column(no_wrap=True))),
            console=self._console,
            transient=True,
            speed_estimate_period=60,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> Self:
        """Show them."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove them."""
        self._bars.stop()

    def begin(self, name: str) -> Report:
        """A bar, as soon as there is something to count."""
        task = self._bars.add_task(name, total=None, visible=False)
        start = said = time.monotonic()
        first = -1

        def report(done: int, total: int) -> None:
            nonlocal first, said
            first = done if first < 0 else first
            self._bars.update(task, completed=done, total=total, visible=True)
            now = time.monotonic()
            if not self._console.is_terminal and now - said > _SECONDS and done < total:
                said, rate = now, (done - first) / (now - start)
                left = f", {rate:.1f}/s, {(total - done) / rate / 60:.0f} min left" if rate else ""
                self.tell(f"{name}: {done} of {total}{left}")

        return report

    def tell(self, text: str) -> None:
        """A line."""
        self._console.print(text, highlight=False, markup=False)


class _TrainingBar(Progress):
    """A bar, and a line of text below it."""

    below = ""

    def get_renderables(self) -> Iterable[RenderableType]:
        """The terms have a line of their own: beside the bar they would take the room of count and time."""
        yield from super().get_renderables()
        if self.below:
            yield Text(self.below, no_wrap=False, overflow="fold")


class ProgressBar:
    """Steps and the remaining time, images per second and loss terms; plain lines where there is no terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, soft_wrap=True)
        self.bar = _TrainingBar(*_columns(), console=self.console, disable=not self.console.is_terminal)
        self.task = self.bar.add_task("training", total=None)

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
        self.bar.reset(self.task, total=total, completed=done)
        self.bar.below = ""

    def logged(self, line: LogLine) -> None:
        """A log line was written."""
        rate = f"{line.images_per_second:.2f} images/s"
        terms = " ".join(f"{name.partition('/')[2]} {value:.3g}" for name, value in line.terms.items())
        self.bar.below = f"{rate} {terms}"
        if not self.console.is_terminal:
            self.console.print(f"step {line.step} epoch {line.epoch} {rate} {terms}", highlight=False)

    def note(self, text: str) -> None:
        """Something that people should know."""
        self.console.print(text, highlight=False, markup=False)

"""Loss terms on their way to the log, ``log.jsonl`` and TensorBoard."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from semsynth.documents import parse_json, step_of
from semsynth.errors import SemsynthError
from semsynth.extras import installed
from semsynth.files import explained, make_folder, read_bytes, write_bytes

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter


@dataclass(frozen=True)
class LogLine:
    """What one line of ``log.jsonl`` says."""

    step: int
    epoch: int
    images_seen: int
    seconds: float
    """Training time so far, over all sessions."""
    images_per_second: float
    """Since the line before."""
    learning_rates: dict[str, float]
    """By phase."""
    terms: dict[str, float]
    """Unweighted loss terms by ``phase/term``: means over the steps since the line before."""


_LINE = TypeAdapter(LogLine)
MAX_LOG_BYTES = 2**30
"""Of a ``log.jsonl``: more than a million lines."""


@dataclass(frozen=True)
class BadTerm:
    """A loss term that is NaN or infinite."""

    step: int
    name: str
    value: float


def last_line(path: Path) -> LogLine | None:
    """The last line of a ``log.jsonl``; None where there is none.

    Raises:
        SemsynthError: the file cannot be read.
    """
    if not path.exists():
        return None
    lines = read_lines(path)
    return lines[-1] if lines else None


def read_lines(path: Path) -> list[LogLine]:
    """The lines of a ``log.jsonl``, without those that a crash cut short; none where there is no file.

    Raises:
        SemsynthError: the file cannot be read.
    """
    parsed = map(_parsed, _lines(path)) if path.exists() else ()
    return [line for line in parsed if line is not None]


def _lines(path: Path) -> list[bytes]:
    return [line for line in read_bytes(path, MAX_LOG_BYTES).split(b"\n") if line]


def _parsed(line: bytes) -> LogLine | None:
    try:
        return _LINE.validate_python(parse_json(line, "a line"))
    except (SemsynthError, ValidationError):
        return None


class TermWindow:
    """The loss terms since the last log line, left on the device until they are read: no step waits for them."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, str, Tensor]] = []

    def add(self, step: int, phase: str, terms: dict[str, Tensor]) -> None:
        """Take the scalar terms of one phase, in one step and micro-batch."""
        self._entries += [(step, f"{phase}/{name}", value.detach()) for name, value in terms.items()]

    def close(self, reduce: Callable[[Tensor], Tensor]) -> tuple[dict[str, float], BadTerm | None]:
        """Read and forget everything.

        Args:
            reduce: the mean over all processes of a [n] float tensor.

        Returns:
            Mean of each term, and the first value that is not finite, if any.
        """
        if not self._entries:
            return {}, None
        values = reduce(torch.stack([value.float() for _, _, value in self._entries])).tolist()
        series: dict[str, list[float]] = {}
        for (_, name, _), value in zip(self._entries, values, strict=True):
            series.setdefault(name, []).append(value)
        entries, self._entries = self._entries, []
        for (step, name, _), value in zip(entries, values, strict=True):
            if not math.isfinite(value):
                return {}, BadTerm(step, name, value)
        return {name: math.fsum(values) / len(values) for name, values in series.items()}, None


class Clock:
    """Training time over all sessions, and speed between log lines."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._before = seconds
        self._begin: float | None = None
        self._lap = 0, 0.0

    def start(self, step: int) -> None:
        """A session begins after ``step`` steps."""
        self._begin = time.monotonic()
        self._lap = step, self.seconds

    @property
    def seconds(self) -> float:
        """Training time so far."""
        return self._before + (0.0 if self._begin is None else time.monotonic() - self._begin)

    def lap(self, step: int) -> float:
        """Steps per second since the last call or the session's beginning."""
        (last_step, last_seconds), now = self._lap, self.seconds
        self._lap = step, now
        return (step - last_step) / max(now - last_seconds, 1e-9)


class LogWriter:
    """Appends to ``log.jsonl`` and, where TensorBoard is installed, to its events.

    Lines after ``step`` (of a session that crashed) are dropped.
    """

    def __init__(self, path: Path, tensorboard: Path, step: int) -> None:
        self.path = path
        _keep_lines_until(path, step)
        self.events = _events(tensorboard, step) if installed("tensorboard") else None

    def write(self, line: LogLine) -> None:
        """Append one line."""
        with explained(self.path):
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(line)) + "\n")
            if self.events is not None:
                rates = {f"learning_rate/{phase}": rate for phase, rate in line.learning_rates.items()}
                scalars = line.terms | rates | {"images_per_second": line.images_per_second}
                for name, value in scalars.items():
                    self.events.add_scalar(name, value, line.step)

    def close(self) -> None:
        """Flush."""
        if self.events is not None:
            self.events.close()


def _events(folder: Path, step: int) -> SummaryWriter:
    from torch.utils.tensorboard.writer import SummaryWriter

    with explained(make_folder(folder)):
        return SummaryWriter(str(folder), purge_step=step + 1 if step else None)


def _keep_lines_until(path: Path, step: int) -> None:
    if not path.exists():
        return
    lines = _lines(path)
    kept = [line for line in lines if step_of(line) <= step]
    if kept != lines:
        write_bytes(path, b"".join(line + b"\n" for line in kept))

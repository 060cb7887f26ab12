"""Who is told what of a training run."""

from __future__ import annotations

from semsynth.training.log import LogLine
from semsynth.training.observer import SILENT, Observer, Observers

LINE = LogLine(1, 0, 2, 0.5, 4.0, {"generator": 1e-4}, {"generator/gan": 0.7})


class Full(Observer):
    def __init__(self) -> None:
        self.heard: list[object] = []

    def __call__(self, done: int, total: int) -> None:
        self.heard.append((done, total))

    def started(self, done: int, total: int) -> None:
        self.heard.append(("started", done, total))

    def logged(self, line: LogLine) -> None:
        self.heard.append(line)

    def note(self, text: str) -> None:
        self.heard.append(text)


class Notes(Observer):
    """Overrides one method, as people do."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


def tell(observer: Observer) -> None:
    observer.started(0, 3)
    observer(1, 3)
    observer.logged(LINE)
    observer.note("careful")


def test_functions_hear_of_steps_and_observers_of_everything() -> None:
    full, notes, steps = Full(), Notes(), []
    tell(Observers([lambda done, total: steps.append((done, total)), full, notes]))
    assert steps == [(1, 3)]
    assert full.heard == [("started", 0, 3), (1, 3), LINE, "careful"]
    assert notes.texts == ["careful"]


def test_any_object_with_the_methods_is_an_observer() -> None:
    assert isinstance(Full(), Observer)
    assert not isinstance(print, Observer)
    tell(SILENT)

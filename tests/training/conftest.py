"""A toy dataset, and trainers of tiny systems on it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from command_line import sets
from tiny_settings import PIX2PIXHD, STYLED, SYSTEMS, TINY
from toy_training import small_work, toy_data  # noqa: F401  (fixtures)

from semsynth.config import override
from semsynth.data.toy import TOY_CLASSES
from semsynth.recipes import RECIPES
from semsynth.training.devices import make_fabric
from semsynth.training.log import LogLine
from semsynth.training.observer import Observer
from semsynth.training.run import RunFolder, RunRecord
from semsynth.training.start import build_recipe, open_data
from semsynth.training.trainer import Trainer


class Listener(Observer):
    """Keeps what a trainer tells; ``on_step`` runs after every step."""

    def __init__(self, on_step: Callable[[int], None] | None = None) -> None:
        self.notes: list[str] = []
        self.lines: list[LogLine] = []
        self.on_step = on_step

    def started(self, done: int, total: int) -> None:
        self.began = done, total

    def __call__(self, done: int, total: int) -> None:
        if self.on_step is not None:
            self.on_step(done)

    def logged(self, line: LogLine) -> None:
        self.lines.append(line)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def start(toy_data: Path, tmp_path: Path) -> Callable[..., Trainer]:  # noqa: F811  (that fixture)
    """Makes a trainer: ``start(name, *settings, resume=False, listener=None, data=toy, system="spade", ...)``."""

    def make(
        name: str,
        *settings: str,
        resume: bool = False,
        listener: Listener | None = None,
        data: Path = toy_data,
        system: str = "spade",
        perceptual: Path | None = None,
        features: Path | None = None,
    ) -> Trainer:
        recipe, preset, tiny = SYSTEMS[system]
        config = override(RECIPES[recipe].presets[preset](TOY_CLASSES, True), [*tiny, *settings])
        given = {"perceptual_weights": perceptual, "feature_weights": features}
        files = {key: str(path) for key, path in given.items() if path is not None}
        values = config.model_dump(mode="json")
        record = RunRecord(system=recipe, preset=preset, data=str(data), config=values, **files)
        run = RunFolder(tmp_path / name)
        run.rewrite(record) if resume else run.begin(record)
        samples = open_data(data)
        fabric = make_fabric("cpu", 1, config.training.precision)
        fabric.launch()
        trainer = Trainer(build_recipe(record, samples), samples, run, fabric, listener or Listener())
        if resume:
            trainer.resume()
        return trainer

    return make


@pytest.fixture
def command() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``semsynth train SYSTEM`` with one thread, in a process group of its own that ends with the test."""
    program = Path(sys.executable).with_name("semsynth")
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str | Path, settings: Sequence[str] = (), system: str = "spade") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(program), "train", system, *map(str, arguments), *sets(settings)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def listener() -> type[Listener]:
    """The observer class."""
    return Listener


@pytest.fixture(scope="session")
def tiny_settings() -> tuple[str, ...]:
    """``KEY=VALUE`` settings of the tiny system, for command lines."""
    return TINY


@pytest.fixture(scope="session")
def tiny_pix2pixhd() -> tuple[str, ...]:
    """The same for ``pix2pixhd --preset small``."""
    return PIX2PIXHD


@pytest.fixture(scope="session")
def styled() -> tuple[str, ...]:
    """Settings that add a style encoder, augmentation and a moving average."""
    return STYLED

"""A toy dataset and systems of a few thousand parameters: every mechanism of a training in a second."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from semsynth.config import override
from semsynth.data.toy import TOY_CLASSES, write_toy
from semsynth.recipes import RECIPES
from semsynth.training import trainer as trainer_module
from semsynth.training.devices import make_fabric
from semsynth.training.log import LogLine
from semsynth.training.run import RunFolder, RunRecord
from semsynth.training.start import build_recipe, open_data
from semsynth.training.trainer import Trainer

TINY = (
    "generator.width=2",
    "generator.hidden=4",
    "generator.crop_size=64",
    "discriminator.width=4",
    "discriminator.max_width=8",
    "data.load_size=72",
    "data.crop_size=64",
    "loss.perceptual=0",
    "training.batch_size=2",
    "training.workers=0",
    "training.log_every=2",
    "training.sample_every=1000",
    "training.save_every=1000",
    "training.steps=4",
)
STYLED = (
    "generator.input=noise",
    "generator.z_dim=4",
    'encoder={"width": 2, "z_dim": 4, "size": 32}',
    'augmentation={"color": true, "cutout": 0.5}',
    "training.ema=0.9",
)
"""Everything that draws noise, and the moving average."""
PIX2PIXHD = (
    "generator.width=4",
    "generator.downsamplings=2",
    "generator.blocks=1",
    "generator.enhancer_blocks=1",
    "encoder.width=2",
    "encoder.downsamplings=2",
    "discriminator.width=4",
    "discriminator.max_width=8",
    "data.load_size=64",
    "data.aspect_ratio=1.0",
    "loss.perceptual=0",
    "training.precision=32-true",
    "training.ema=0.9",
    "training.batch_size=2",
    "training.workers=0",
    "training.log_every=2",
    "training.sample_every=1000",
    "training.save_every=1000",
    "training.steps=3",
)
"""The ``small`` preset (instance encoder, two discriminators) with networks of a few thousand parameters."""
BASELINE = (
    "data.load_size=36",
    "data.crop_size=32",
    "training.precision=32-true",
    "training.ema=0.9",
    "training.batch_size=2",
    "training.workers=0",
    "training.log_every=2",
    "training.sample_every=1000",
    "training.save_every=1000",
    "training.steps=3",
)
"""What the papers' baselines have in common."""
PIX2PIX = (
    "generator.width=2",
    "generator.halvings=4",
    "discriminator.width=4",
    "discriminator.max_width=8",
    *BASELINE,
)
OTHER_GENERATOR = (
    "discriminator.width=4",
    "discriminator.max_width=8",
    "data.aspect_ratio=1.0",
    "loss.perceptual=0",
    *BASELINE,
)
UNET_GENERATOR = ("generator.width=2", "generator.halvings=4", *OTHER_GENERATOR)
CRN_GENERATOR = ("generator.refinements=4", "generator.width_scale=0.004", *OTHER_GENERATOR)
GAN_SEGMENTATION = (
    "generator.width=2",
    "generator.halvings=3",
    "discriminator.width=2",
    "discriminator.halvings=2",
    "segmenter.width=2",
    "warm_up_steps=2",
    *BASELINE,
    "training.steps=4",
)
PIXELS_ALONE = ("loss.kind=image_space", *BASELINE)
"""CRN's objective without the perceptual network, whose weights are no part of the repository."""
ENCODER_DECODER = ("generator.width=2", "generator.halvings=3", *PIXELS_ALONE)
FULL_RESOLUTION = ("generator.width=3", "generator.layers=4", "generator.largest_dilation=4", *PIXELS_ALONE)
IMAGE_SPACE = ("generator.refinements=4", "generator.width_scale=0.004", *PIXELS_ALONE)
CRN = (
    "generator.refinements=4",
    "generator.width_scale=0.008",
    "data.crop_size=32",
    "training.precision=32-true",
    "training.ema=0.9",
    "training.batch_size=2",
    "training.workers=0",
    "training.log_every=1",
    "training.sample_every=1000",
    "training.save_every=1000",
    "training.steps=5",
)
"""The ``small`` preset, whose weights are balanced after an epoch: three steps of the toy data."""
OASIS = (
    "generator.width=1",
    "generator.hidden=4",
    "generator.z_dim=3",
    "generator.crop_size=64",
    "discriminator.width=4",
    "data.load_size=72",
    "data.crop_size=64",
    "training.precision=32-true",
    "training.ema=0.9",
    "training.workers=0",
    "training.log_every=2",
    "training.sample_every=1000",
    "training.save_every=1000",
    "training.steps=4",
)
SYSTEMS = {
    "crn": ("crn", "small", CRN),
    "oasis": ("oasis", "small", OASIS),
    "spade": ("spade", "default", TINY),
    "pix2pixhd": ("pix2pixhd", "small", PIX2PIXHD),
    "pix2pix": ("pix2pix", "small", PIX2PIX),
    "unet_generator": ("pix2pixhd", "unet_generator", UNET_GENERATOR),
    "crn_generator": ("pix2pixhd", "crn_generator", CRN_GENERATOR),
    "gan_segmentation": ("gan_segmentation", "small", GAN_SEGMENTATION),
    "encoder_decoder": ("encoder_decoder", "small", ENCODER_DECODER),
    "full_resolution": ("full_resolution", "small", FULL_RESOLUTION),
    "image_space": ("image_space", "small", IMAGE_SPACE),
}
"""System, preset and settings by the name that tests call them by."""


class Listener:
    """Keeps what a trainer tells its observer; ``on_step`` runs after every step."""

    def __init__(self, on_step: Callable[[int], None] | None = None) -> None:
        self.notes: list[str] = []
        self.lines: list[LogLine] = []
        self.on_step = on_step

    def started(self, step: int, total_steps: int) -> None:
        self.began = step, total_steps

    def stepped(self, step: int) -> None:
        if self.on_step is not None:
            self.on_step(step)

    def logged(self, line: LogLine) -> None:
        self.lines.append(line)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(autouse=True)
def _small_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, and averages refreshed on a few images."""
    torch.set_num_threads(1)
    monkeypatch.setattr(trainer_module, "REFRESH_IMAGES", 4)
    monkeypatch.setattr(trainer_module, "REFRESH_BATCHES", 2)


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training scenes of 72x72 and two for validation, with instances."""
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, 8, size=72)
    return folder


@pytest.fixture
def start(toy_data: Path, tmp_path: Path) -> Callable[..., Trainer]:
    """Makes a trainer: ``start(name, *settings, resume=False, listener=None, data=toy, system="spade", ...)``."""

    def make(
        name: str,
        *settings: str,
        resume: bool = False,
        listener: Listener | None = None,
        data: Path = toy_data,
        system: str = "spade",
        perceptual: Path | None = None,
    ) -> Trainer:
        recipe, preset, tiny = SYSTEMS[system]
        config = override(RECIPES[recipe].presets[preset](TOY_CLASSES, True), [*tiny, *settings])
        files = {} if perceptual is None else {"perceptual_weights": str(perceptual)}
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
        sets = [part for setting in settings for part in ("--set", setting)]
        process = subprocess.Popen(
            [str(program), "train", system, *map(str, arguments), *sets],
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

"""Does this machine train? What it has, how fast bfloat16 is, and the overfit of one toy picture."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from semsynth.data.progress import Progress, silent
from semsynth.data.sample import Batch
from semsynth.data.toy import TOY_CLASSES, draw_scene
from semsynth.data.transforms import Pipeline
from semsynth.layout import LayoutEncoding
from semsynth.models.patch import PatchDiscriminatorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.recipes.base import Adam
from semsynth.recipes.spade import LossWeights, SPADEConfig, SPADERecipe
from semsynth.synthesizer import choose_dtype
from semsynth.training.devices import device_name, make_fabric, pick_device
from semsynth.training.learner import Learner

SIZE = 64
"""Height and width of the toy picture."""
SOLVED = 0.13
"""Mean absolute error, of colours in [-1,1], at which the picture counts as learnt; about 0.29 before training."""
MAX_STEPS = 400
"""A sound machine needs about 70."""
CHECK_EVERY = 10
"""Steps between two looks at the error."""
WORTHWHILE = 1.2
"""Speed-up from which bfloat16 is recommended."""


@dataclass(frozen=True)
class Machine:
    """What training would run on."""

    python: str
    torch: str
    build: str
    """What torch was built for: CUDA's version, ROCm's, or CPU."""
    device: str
    """The kind that was chosen: ``cuda``, ``mps`` or ``cpu``."""
    device_name: str
    threads: int
    cores: int
    memory: int | None
    """Bytes of the chosen device; None where the system does not tell."""
    free_memory: int | None
    has_bf16: bool
    """Whether the hardware multiplies in bfloat16."""
    bf16_speedup: float
    """Speed of a convolution in bfloat16 relative to float32."""

    @property
    def precision(self) -> str:
        """The ``training.precision`` that suits the machine."""
        return "bfloat16" if self.has_bf16 and self.bf16_speedup > WORTHWHILE else "float32"


@dataclass(frozen=True)
class Overfit:
    """How the toy training went."""

    steps: int
    seconds: float
    first_error: float
    last_error: float

    @property
    def solved(self) -> bool:
        """Whether training works here."""
        return self.last_error < SOLVED


def inspect_machine(device: str = "auto") -> Machine:
    """Look at the machine.

    Args:
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Raises:
        SemsynthError: there is no such device.
    """
    kind = pick_device(device)
    chosen = torch.device(kind)
    memory, free = _memory(chosen)
    cuda, rocm = torch.version.cuda, torch.version.hip
    return Machine(
        python=platform.python_version(),
        torch=torch.__version__,
        build=f"CUDA {cuda}" if cuda else f"ROCm {rocm}" if rocm else "CPU",
        device=kind,
        device_name=device_name(chosen),
        threads=torch.get_num_threads(),
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        memory=memory,
        free_memory=free,
        has_bf16=choose_dtype("auto", chosen) == torch.bfloat16,
        bf16_speedup=_conv_seconds(chosen, torch.float32) / _conv_seconds(chosen, torch.bfloat16),
    )


def overfit(device: str = "auto", precision: str = "float32", progress: Progress = silent) -> Overfit:
    """Train a tiny SPADE on one drawn picture, with the recipe and the steps of a real training.

    Stops when the picture is learnt, or after ``MAX_STEPS``.

    Args:
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        precision: as ``training.precision``.
        progress: called after every look at the error; most machines need far fewer than all the steps.

    Raises:
        SemsynthError: there is no such device, or it does not have that arithmetic.
    """
    fabric = make_fabric(device, precision=precision)
    torch.manual_seed(0)
    recipe = SPADERecipe(_tiny_config(), TOY_CLASSES, None)
    learner = Learner(recipe, fabric, num_images=1)
    batch = learner.to_device(recipe.collate([draw_scene(3, SIZE)]))
    start = time.monotonic()
    first = error = _error(recipe, batch)
    with _one_thread():
        while error >= SOLVED and learner.step < MAX_STEPS:
            for _ in range(CHECK_EVERY):
                learner.train_step([batch])
            error = _error(recipe, batch)
            progress(learner.step, MAX_STEPS)
    return Overfit(learner.step, time.monotonic() - start, first, error)


@contextmanager
def _one_thread() -> Iterator[None]:
    """On a busy CPU, threads that wait for one another take most of the time of networks this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _tiny_config() -> SPADEConfig:
    encoding = LayoutEncoding(num_classes=TOY_CLASSES.num_classes, void="after", edges=True)
    fast = Adam(lr=5e-4, beta1=0.0, beta2=0.9)
    return SPADEConfig(
        generator=SPADEGeneratorConfig(encoding=encoding, width=8, hidden=32, crop_size=SIZE),
        discriminator=PatchDiscriminatorConfig(encoding=encoding, width=16, layers=3, max_width=64),
        data=Pipeline(mode="fixed", load_size=SIZE, crop_size=SIZE, flip=False),
        loss=LossWeights(perceptual=0),
        generator_optimizer=fast,
        discriminator_optimizer=fast,
    )


def _error(recipe: SPADERecipe, batch: Batch) -> float:
    """Mean absolute difference between the generator's picture and the photo; NaN once training has diverged."""
    with torch.no_grad():
        difference = recipe.generate(recipe.networks, batch) - batch.image
    return float(difference.abs().mean())


def _conv_seconds(device: torch.device, dtype: torch.dtype) -> float:
    """Median time of the convolution that SPADE spends most of its time in."""
    conv = nn.Conv2d(256, 256, 3, padding=1).to(device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(1, 256, 64, 64, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
    seconds = []
    with torch.inference_mode():
        for _ in range(8):
            start = time.perf_counter()
            conv(x).sum().item()  # .item() waits for the device
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


def _memory(device: torch.device) -> tuple[int | None, int | None]:
    """(all, free) bytes of the device's memory."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return total, free
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        return page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on this system
        return None, None

"""Where and in which arithmetic a training runs: one Lightning Fabric, made from three plain words."""

from __future__ import annotations

import inspect
import os
import sys
import warnings
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import DoublePrecision, MixedPrecision, Precision
from lightning_fabric.strategies.ddp import DDPStrategy
from torch.nn.parallel import DistributedDataParallel

from semsynth.errors import SemsynthError
from semsynth.recipes.base import fabric_precision

_RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
TORCHRUN = "TORCHELASTIC_RUN_ID"
"""The environment variable that says who started this process."""
_NEW_NAME = "forward_sync_buffers" in inspect.signature(DistributedDataParallel.__init__).parameters
NO_SYNC: dict[str, Any] = {"forward_sync_buffers" if _NEW_NAME else "broadcast_buffers": False}
"""Keeps the first process's buffers from going to all others before each forward pass; renamed in PyTorch 2.13."""


class _Mixed(MixedPrecision):
    """Autocast as Fabric does it, but layouts reach the networks as they are: Fabric cannot copy frozen dataclasses."""

    def convert_input(self, data: Any) -> Any:
        """Autocast converts at each operation; nothing to do."""
        return data


class _Double(DoublePrecision):
    """float64 throughout; the trainer converts batches."""

    def convert_input(self, data: Any) -> Any:
        """The trainer has done it."""
        return data

    def convert_output(self, data: Any) -> Any:
        """Stay in float64."""
        return data


def pick_device(device: str) -> str:
    """Resolve ``auto`` and check the rest: ``cuda``, ``mps`` or ``cpu``.

    Raises:
        SemsynthError: an unknown word, or a device that this machine does not have.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, there in present.items() if there)
    name = {"gpu": "mps" if present["mps"] and not present["cuda"] else "cuda"}.get(device, device)
    if name not in present:
        raise SemsynthError(f"device {device}: unknown, choose auto, cpu, cuda or mps")
    if not present[name]:
        without = name == "cuda" and not torch.backends.cuda.is_built()
        reason = "this torch build has no CUDA" if without else "none was found"
        raise SemsynthError(f"device {device}: there is no such device here ({reason}): use cpu or auto")
    return name


def make_fabric(device: str = "auto", devices: int = 1, precision: str = "float32", nodes: int = 1) -> Fabric:
    """Make the Fabric of a training, on one device or on several.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        devices: how many of them on each machine; under ``torchrun`` its own numbers hold.
        precision: ``float32``, ``bfloat16``, ``float16`` or ``float64``; or Fabric's names of them.
        nodes: how many machines; under ``torchrun`` its own number holds.

    Raises:
        SemsynthError: a device that is not there, an arithmetic that it does not have, or several machines that were
            not told how to meet.
    """
    name = pick_device(device)
    if TORCHRUN in os.environ:
        world, devices = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = world // devices
    elif nodes > 1 and "SLURM_JOB_ID" not in os.environ:
        missing = [variable for variable in ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK") if variable not in os.environ]
        if missing:
            raise SemsynthError(
                f"nodes={nodes}: {', '.join(missing)} not set: start the program on every machine with torchrun, or "
                "with MASTER_ADDR and MASTER_PORT of the first machine and NODE_RANK from 0"
            )
    if name == "cuda" and devices > torch.cuda.device_count():
        raise SemsynthError(f"devices={devices}: this machine has {torch.cuda.device_count()} CUDA device(s)")
    if name == "mps" and devices > 1:
        raise SemsynthError(f"devices={devices}: this machine has one MPS device")
    if name == "cuda":
        torch.backends.cudnn.benchmark = True  # training pictures have one size
    several = devices * nodes > 1
    if several and hasattr(sys, "ps1") and TORCHRUN not in os.environ:  # each process would run the program again
        raise SemsynthError(
            f"devices={devices}, nodes={nodes}: a notebook trains on one device; use a script, torchrun, or the "
            "command 'semsynth train'"
        )
    if several:  # Every process would warn of 1x1 kernels, whose two kinds of strides describe the same memory.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides", UserWarning)
    return Fabric(
        accelerator=name,
        devices=devices,
        num_nodes=nodes,
        # Synchronised statistics are equal everywhere, and others do not enter training: nothing to broadcast.
        strategy=DDPStrategy(**NO_SYNC) if several else "auto",
        plugins=[_precision(precision, name)],
    )


def may_be_restarted() -> bool:
    """Whether ``torchrun --max-restarts`` started this process, and will do so again if one of the others fails.

    Whether it has done so already cannot be told: TORCHELASTIC_RESTART_COUNT counts the failures on one machine only.
    """
    return TORCHRUN in os.environ and int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0")) > 0


def is_first_process() -> bool:
    """Whether this is process 0 of the training, told before any process group exists."""
    return all(os.environ.get(variable, "0") == "0" for variable in _RANKS)


def device_name(device: torch.device) -> str:
    """What people call the device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads" if device.type == "cpu" else device.type.upper()


def _precision(name: str, device: str) -> Precision:
    try:
        precision = fabric_precision(name)
    except ValueError as error:
        raise SemsynthError(str(error)) from error
    if precision == "16-mixed" and device == "cpu":
        raise SemsynthError("precision float16 needs a GPU: use bfloat16 or float32 on a CPU")
    if precision == "64-true" and device == "mps":
        raise SemsynthError("precision float64: MPS has none: use float32, or the CPU")
    if precision in ("16-mixed", "bf16-mixed"):
        return _Mixed(precision, device)  # type: ignore[arg-type]
    return _Double() if precision == "64-true" else Precision()

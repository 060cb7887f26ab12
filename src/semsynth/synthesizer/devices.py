"""Where networks run and in which arithmetic."""

from __future__ import annotations

from typing import Literal

import torch

from semsynth.errors import SemsynthError

Precision = Literal["auto", "float32", "bfloat16"]


def choose_device(device: str = "auto") -> torch.device:
    """The device that a name stands for.

    Raises:
        SemsynthError: torch does not know it, or the machine does not have it.
    """
    if device == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(kind)
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise SemsynthError(f"there is no device '{device}' here: choose auto, cpu or one of this machine's") from error
    return chosen


def choose_dtype(precision: Precision, device: torch.device) -> torch.dtype:
    """The arithmetic of the networks: bfloat16 is chosen where the hardware has it, never where it is emulated."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    if device.type == "cuda":
        there = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        there = device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()  # AMX comes with it
    return torch.bfloat16 if there else torch.float32


def settled_precision(precision: Precision, device: str) -> Literal["float32", "bfloat16"]:
    """The arithmetic of all workers on a device; ``auto`` is decided by this machine's.

    Raises:
        SemsynthError: as :func:`choose_device`.
    """
    dtype = choose_dtype(precision, choose_device(device if precision == "auto" else "cpu"))
    return "bfloat16" if dtype == torch.bfloat16 else "float32"

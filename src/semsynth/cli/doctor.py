"""``semsynth doctor``: what this machine has, and whether training works on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from semsynth.cli.options import Device, Precision

if TYPE_CHECKING:
    from semsynth.training.doctor import Machine


def doctor(device: Device = "auto", precision: Precision = "float32") -> None:
    """Check the machine and overfit one toy image; exit with 1 if that fails."""
    from rich.console import Console

    from semsynth.cli.progress import count_bar
    from semsynth.training.doctor import MAX_STEPS, SOLVED, inspect_machine, overfit

    console = Console(soft_wrap=True, highlight=False)
    _show(console.print, inspect_machine(device))
    with count_bar(f"overfitting one image; stops below an error of {SOLVED}") as bar:
        result = overfit(device, precision, bar)
    steps = f"error {result.first_error:.2f} -> {result.last_error:.2f} in {result.steps} steps, {result.seconds:.0f} s"
    if result.solved:
        console.print(f"training   works: {steps}")
        return
    console.print(f"training   FAILS: {steps}; below {SOLVED} within {MAX_STEPS} steps was expected")
    console.print("           try --device cpu, --precision float32, or another torch build, and compare")
    raise typer.Exit(1)


def _show(write: Callable[[str], None], machine: Machine) -> None:
    gib = [None if size is None else f"{size / 2**30:.1f} GiB" for size in (machine.memory, machine.free_memory)]
    bf16 = f"{machine.bf16_speedup:.1f} times as fast as float32"
    advice = "" if machine.precision == "float32" else f": use --precision {machine.precision}"
    write(f"python     {machine.python}")
    write(f"torch      {machine.torch}, built for {machine.build}")
    write(f"device     {machine.device} ({machine.device_name})")
    write(f"cores      {machine.cores}, torch uses {machine.threads} threads")
    write(f"memory     {gib[0]}, {gib[1]} free" if gib[0] else "memory     unknown")
    write(f"bfloat16   {'in hardware' if machine.has_bf16 else 'not in hardware'}, {bf16}{advice}")

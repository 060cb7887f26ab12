"""``semsynth doctor``: what this machine has, and whether training works on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from semsynth.training.doctor import Machine


def doctor(
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="32-true, bf16-mixed, 16-mixed or 64-true.")] = "32-true",
) -> None:
    """Check the machine and learn one toy picture by heart; exit with 1 if that fails."""
    from rich.console import Console
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    from semsynth.training.doctor import MAX_STEPS, SOLVED, inspect_machine, overfit

    console = Console(soft_wrap=True, highlight=False)
    _show(console.print, inspect_machine(device))
    columns = TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("learning one picture by heart")
        result = overfit(
            device,
            precision,
            lambda step, error: bar.update(task, description=f"step {step}: error {error:.3f}, enough at {SOLVED}"),
        )
    steps = f"error {result.first_error:.2f} -> {result.last_error:.2f} in {result.steps} steps, {result.seconds:.0f} s"
    if result.solved:
        console.print(f"training   works: {steps}")
        return
    console.print(f"training   FAILS: {steps}; below {SOLVED} within {MAX_STEPS} steps was expected")
    console.print("           try --device cpu, --precision 32-true, or another torch build, and compare")
    raise typer.Exit(1)


def _show(write: Callable[[str], None], machine: Machine) -> None:
    gib = [None if size is None else f"{size / 2**30:.1f} GiB" for size in (machine.memory, machine.free_memory)]
    bf16 = f"{machine.bf16_speedup:.1f} times as fast as float32"
    advice = ": use --precision bf16-mixed" if machine.has_bf16 and machine.bf16_speedup > 1.2 else ""
    write(f"python     {machine.python}")
    write(f"torch      {machine.torch}, built for {machine.build}")
    write(f"device     {machine.device} ({machine.device_name})")
    write(f"cores      {machine.cores}, torch uses {machine.threads} threads")
    write(f"memory     {gib[0]}, {gib[1]} free" if gib[0] else "memory     unknown")
    write(f"bfloat16   {'in hardware' if machine.has_bf16 else 'not in hardware'}, {bf16}{advice}")

"""Peak memory of one operation, measured in a process of its own."""

from __future__ import annotations

import gc
import multiprocessing
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import torch


def peak_mib(prepare: Callable[..., Callable[[], object]], *arguments: object) -> float:
    """MiB by which a fresh process grows while the operation runs; nan where the system does not tell.

    Args:
        prepare: a function of a module; makes the operation, which is then measured, from ``arguments``.
        arguments: picklable.

    Returns:
        Infinity where the process was killed.
    """
    if not sys.platform.startswith("linux"):
        return float("nan")
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(sender, torch.get_num_threads(), prepare, arguments))
    process.start()
    sender.close()
    try:
        peak: float = receiver.recv()
    except EOFError:
        peak = float("inf")  # the process was killed: more than there is
    process.join()
    return peak


def _report(
    sender: Connection, threads: int, prepare: Callable[..., Callable[[], object]], arguments: tuple[object, ...]
) -> None:
    torch.set_num_threads(threads)
    operation = prepare(*arguments)
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
    before = _status("VmRSS")
    operation()
    sender.send((_status("VmHWM") - before) / 1024)


def _status(key: str) -> int:
    """A line of /proc/self/status, in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise KeyError(key)

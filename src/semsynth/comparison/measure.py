"""What a training costs and how its losses went."""

from __future__ import annotations

import gc
import math
import statistics
from pathlib import Path

import torch

from semsynth.comparison.record import Curve
from semsynth.training.log import read_lines

POINTS = 120
"""Of a curve, at most: longer logs are averaged."""

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class PeakMemory:
    """The most memory that was in use since its making."""

    def __init__(self, device: torch.device) -> None:
        """Begin; what earlier trainings left behind is thrown away."""
        gc.collect()
        self.device = device
        self._works = True
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)
            return
        try:
            _RESET.write_text("5")  # proc(5): the peak becomes what is resident now
        except OSError:  # not Linux, or not allowed
            self._works = False

    def read(self) -> int | None:
        """Bytes: of the GPU's allocator, else resident memory of this process; None where the system does not tell."""
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device))
        if not self._works:
            return None
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return None


def read_log(path: Path) -> tuple[dict[str, Curve], float]:
    """A run's ``log.jsonl``: the curves of its loss terms, and the median of its images per second."""
    lines = read_lines(path)
    series: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        for name, value in line.terms.items():
            series.setdefault(name, []).append((line.step, value))
    speed = statistics.median(line.images_per_second for line in lines) if lines else 0.0
    return {name: thinned(points) for name, points in series.items()}, speed


def thinned(points: list[tuple[int, float]], most: int = POINTS) -> Curve:
    """Means over runs of neighbours, each at its last step; the last point stays as it is."""
    if len(points) <= most:
        return tuple(points)
    size = math.ceil((len(points) - 1) / (most - 1))
    parts = [points[i : min(i + size, len(points) - 1)] for i in range(0, len(points) - 1, size)]
    return (*((part[-1][0], math.fsum(v for _, v in part) / len(part)) for part in parts), points[-1])

"""Layouts that a grammar draws, as a dataset folder without photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from semsynth.classes import ClassSet
from semsynth.data.folder import LABELS, save_classes
from semsynth.data.progress import Progress, silent
from semsynth.layout import Layout


def write_drawn(
    out: Path,
    classes: ClassSet,
    draw: Callable[[int], Layout],
    name: str,
    seeds: range,
    progress: Progress = silent,
) -> None:
    """Write drawn layouts as the label-only split ``test`` of a dataset folder.

    Args:
        out: the dataset folder; made if missing.
        classes: what its ids mean.
        draw: seed to layout.
        name: files are called ``NAME_SEED.png``.
        seeds: what to draw.
        progress: called with (done, total).

    Raises:
        SemsynthError: the folder cannot be written, or holds a dataset of other classes.
    """
    save_classes(out, classes)
    for done, seed in enumerate(seeds, 1):
        draw(seed).save(out / "test" / LABELS / f"{name}_{seed:04d}.png")
        progress(done, len(seeds))

"""Folders of drawn pictures for studies, and what is in a study of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from semsynth.study.plan import StudyPlan, Trial

SIZE = (24, 48)
"""(height, width) of the drawn pictures."""


def draw_folder(folder: Path, names: list[str], color: tuple[int, int, int], size: tuple[int, int] = SIZE) -> Path:
    """Pictures of one hue with some texture, so that no two files are equal."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(sum(color))
    for name in names:
        pixels = np.full((*size, 3), color, np.uint8) + rng.integers(0, 40, (*size, 1), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def trials(plan: StudyPlan, kind: str) -> list[Trial]:
    """Those of one kind, of all assignments."""
    return [trial for assignment in plan.assignments for trial in assignment.trials if trial.kind == kind]

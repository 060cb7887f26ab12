"""Folders of small drawn pictures, and a study of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsynth.study.design import StudyDesign
from semsynth.study.plan import StudyPlan
from semsynth.study.planning import Sources, make_study

SIZE = (24, 48)
"""(height, width) of the drawn pictures."""

Maker = Callable[..., StudyPlan]


def draw_folder(folder: Path, names: list[str], color: tuple[int, int, int], size: tuple[int, int] = SIZE) -> Path:
    """Pictures of one hue with some texture, so that no two files are equal."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(sum(color))
    for name in names:
        pixels = np.full((*size, 3), color, np.uint8) + rng.integers(0, 40, (*size, 1), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Twelve pictures each of three methods and of the real photos."""
    root = tmp_path_factory.mktemp("pictures")
    names = [f"view_{number}" for number in range(12)]
    colors = {"ours": (0, 120, 0), "crn": (120, 0, 0), "pix2pix": (0, 0, 120), "real": (110, 100, 90)}
    return {name: draw_folder(root / name, names, color) for name, color in colors.items()}


@pytest.fixture(scope="session")
def make(folders: dict[str, Path]) -> Callable[..., StudyPlan]:
    """Plans a study of the drawn pictures: ``make(out, methods, **design)``."""

    def plan(out: Path, methods: tuple[str, ...] = ("ours", "crn"), **design: object) -> StudyPlan:
        sources = Sources({name: folders[name] for name in methods}, folders["real"])
        return make_study(sources, StudyDesign.model_validate(design), out)[0]

    return plan

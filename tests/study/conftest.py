"""Folders of small drawn pictures, and studies of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from drawn_studies import draw_folder

from semsynth.study.design import StudyDesign
from semsynth.study.plan import StudyPlan
from semsynth.study.planning import Sources, make_study


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


@pytest.fixture(scope="session")
def study(make: Callable[..., StudyPlan], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyPlan]:
    """A study of three methods, and its folder."""
    folder = tmp_path_factory.mktemp("study") / "s"
    return folder, make(folder, ("ours", "crn", "pix2pix"), batch=36, judgements=30, sentinels=5, ties=True)

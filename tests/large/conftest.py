"""Tiny models, and maps with more pixels than these were trained for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tiny_models import CLASSES, save_tiny_model, save_tiny_oasis, save_tiny_pix2pixhd

from semsynth.classes import VOID
from semsynth.layout import Layout

KINDS: dict[str, Callable[[Path], Path]] = {
    "noise": save_tiny_model,
    "layout": partial(save_tiny_model, styles=False),
    "edges": partial(save_tiny_model, edges=True),
    "oasis": save_tiny_oasis,
    "pix2pixhd": partial(save_tiny_pix2pixhd, features=0, edges=False),
}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Their folders by name."""
    folder = tmp_path_factory.mktemp("models")
    return lambda name: folder / name if (folder / name).exists() else KINDS[name](folder / name)


@pytest.fixture
def label_map(tmp_path: Path) -> Path:
    """160x96, of squares of all classes and void."""
    cells = np.random.default_rng(3).choice([*CLASSES.ids, VOID], (12, 20)).astype(np.uint16)
    path = tmp_path / "map.png"
    Layout(cells.repeat(8, 0).repeat(8, 1), CLASSES).save(path)
    return path

"""A memory bank of toy scenes, for tests of SIMS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from semsynth.bank.memory import MemoryBank

SIDE = 64
"""Of scenes, frame and pictures."""
TINY_SIMS = (
    "generator.width_scale=0.02",
    f"data.crop_size={SIDE}",
    "loss.kind=image_space",
    "training.batch_size=2",
    "training.precision=float32",
    "training.ema=0.9",
    "training.workers=0",
    "training.log_every=2",
    "training.sample_every=1000",
    "training.save_every=1000",
)
"""The preset ``small`` with a network of some thousand parameters and no VGG-19."""


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training scenes and two for validation."""
    from semsynth.data.toy import write_toy

    folder = tmp_path_factory.mktemp("sims") / "scenes"
    write_toy(folder, 8, size=SIDE)
    return folder


@pytest.fixture(scope="session")
def scene_bank(scenes: Path) -> MemoryBank:
    """The bank of :func:`scenes`."""
    from semsynth.bank.building import build_bank
    from semsynth.bank.segments import SegmentRules

    rules = SegmentRules(working_height=SIDE, working_width=SIDE)
    return build_bank(scenes, scenes.parent / "bank", rules=rules, workers=1)

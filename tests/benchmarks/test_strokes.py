"""The benchmark of strokes counts what the library does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch


@pytest.fixture(scope="module")
def strokes(repository: Path) -> ModuleType:
    sys.path.insert(0, str(repository / "benchmarks"))
    import strokes

    return strokes


def test_every_step_of_a_drag_changes_the_layout_by_about_half_a_disc(strokes: ModuleType) -> None:
    first, *steps = next(strokes.drags(8, 128, seed=3))
    assert len(steps) == strokes.STEPS_PER_DRAG
    changed = [int((b.labels != a.labels).sum()) for a, b in zip([first, *steps], steps, strict=False)]
    assert changed[0] > 0
    assert max(changed) <= np.pi * 16 * 2


@pytest.mark.slow
def test_the_command(strokes: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "strokes.json"
    arguments = ["--tiny", "--seconds", "0.5", "--steps", "12", "--json", str(path), "--precision", "float32"]
    monkeypatch.setattr(sys, "argv", ["strokes.py", *arguments])
    strokes.main()
    assert not torch.is_inference_mode_enabled()
    results = json.loads(path.read_text())["results"]
    assert [(row["width"], row["side"], row["brush"]) for row in results["strokes"]] == [
        (16, 256, b) for b in (4, 8, 16)
    ]
    for row in results["strokes"]:
        assert 0 <= row["share"] <= row["share_p90"] <= 1
        assert row["steps"] > 0

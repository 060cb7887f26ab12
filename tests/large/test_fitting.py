"""When photos are made in tiles although nobody asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from semsynth.large import fitting
from semsynth.large.fitting import needs_tiles
from semsynth.synthesizer import load

Models = Callable[[str], Path]


def test_small_photos_and_unreadable_maps_need_none(models: Models, label_map: Path, tmp_path: Path) -> None:
    (tmp_path / "damaged.png").write_bytes(label_map.read_bytes()[:20])
    assert needs_tiles([label_map, tmp_path / "damaged.png"], models("layout"), None, "cpu") is None
    assert needs_tiles([tmp_path / "none.png"], "no such model", None, "cpu") is None


def test_photos_that_do_not_fit(models: Models, label_map: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (8192, 8192)
    needed = load(models("layout"), "cpu", "float32").bytes_at_once(size)
    monkeypatch.setattr(fitting, "machine_memory", lambda: needed)
    assert needs_tiles([label_map], models("layout"), size, "cpu") is None
    monkeypatch.setattr(fitting, "machine_memory", lambda: needed - 1)
    assert "a photo of 8192x8192 takes about" in (needs_tiles([label_map], models("layout"), size, "cpu") or "")
    assert needs_tiles([label_map], models("noise"), size, "cpu") is None, "it makes photos of 32x32"


def test_maps_that_are_not_read_at_once(models: Models, label_map: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MAX_PIXELS", 96 * 160 - 1)
    assert needs_tiles([label_map], models("noise"), None, "cpu") == f"{label_map} is 160x96, more than is read at once"


def test_the_estimate_grows_with_the_picture(models: Models) -> None:
    """By hand: the last block reads 4 and makes 2 channels; 3 times in float32, and 150 bytes for the layout."""
    synthesizer = load(models("layout"), "cpu", "float32")
    assert synthesizer.bytes_at_once((64, 96)) == (3 * 4 * (4 + 2) + 150) * 64 * 96
    assert synthesizer.dtype == torch.float32

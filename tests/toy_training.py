"""What tests of training share: little work, and toy data."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from semsynth.data.toy import write_toy
from semsynth.training import trainer


@pytest.fixture(autouse=True)
def small_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, and averages refreshed on a few images."""
    torch.set_num_threads(1)
    monkeypatch.setattr(trainer, "REFRESH_IMAGES", 4)
    monkeypatch.setattr(trainer, "REFRESH_BATCHES", 2)


@pytest.fixture(scope="session")
def toy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training scenes of 72x72 and two for validation, with instances."""
    folder = tmp_path_factory.mktemp("data") / "toy"
    write_toy(folder, 8, size=72)
    return folder

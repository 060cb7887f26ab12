from __future__ import annotations

from pathlib import Path

import pytest
from tiny_models import save_tiny_model

from semsynth.synthesizer import Synthesizer, load


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "styles")


@pytest.fixture(scope="session")
def with_styles(folder: Path) -> Synthesizer:
    return load(folder, "cpu", "float32")


@pytest.fixture(scope="session")
def without_styles(tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    return load(save_tiny_model(tmp_path_factory.mktemp("models") / "plain", styles=False), "cpu", "float32")

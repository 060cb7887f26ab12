"""A bank that the tests share."""

from pathlib import Path

import pytest
from drawn_banks import RULES, write_dataset

from semsynth.bank.building import build_bank
from semsynth.bank.memory import MemoryBank


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pairs of small pictures."""
    return write_dataset(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="session")
def bank(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> MemoryBank:
    """The bank of :func:`dataset`."""
    return build_bank(dataset, tmp_path_factory.mktemp("banks") / "drawn", rules=RULES, workers=1)

"""A toy dataset, as a folder and as shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from semsynth.data.shards.sharding import shard_folder
from semsynth.data.toy import write_toy


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine training scenes of 24x24 and three for validation, with instances."""
    folder = tmp_path_factory.mktemp("toy")
    write_toy(folder, 12, size=24)
    return folder


@pytest.fixture(scope="session")
def toy_shards(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in shards, at least three to train on."""
    root = tmp_path_factory.mktemp("shards")
    index = shard_folder(toy, root, 9000)
    assert len(index.splits["train"].shards) >= 3
    return root

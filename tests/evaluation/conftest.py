from __future__ import annotations

from pathlib import Path

import pytest
from flags import write_flags


@pytest.fixture(scope="session")
def flags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn dataset."""
    return write_flags(tmp_path_factory.mktemp("flags"))

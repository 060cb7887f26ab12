"""The studio's modules that need no page, tested in Node (``*.test.js``)."""

from __future__ import annotations

from pathlib import Path

import pytest
from studio_js.node import node


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("*.test.js")), ids=lambda path: path.name)
def test_in_node(repository: Path, path: Path) -> None:
    done = node(repository, "--test", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests 0" not in done.stdout

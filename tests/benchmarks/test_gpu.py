"""The benchmark of GPUs runs anywhere, so that it works on the day on which there is one."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def gpu(repository: Path) -> ModuleType:
    sys.path.insert(0, str(repository / "benchmarks"))
    import gpu

    return gpu


@pytest.fixture(autouse=True)
def once(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each case runs twice."""
    monkeypatch.setattr(gpu, "MOST_REPEATS", 1)


def test_every_way_makes_the_same_picture(gpu: ModuleType) -> None:
    problem = gpu.Problem(widths=(4,), batches=(1,), classes=9, size=64)
    rows = list(gpu.synthesis(problem, CPU, time.perf_counter() + 1000))
    assert len(rows) == 2 * 2 * 2
    for row in rows:
        assert row["seconds"] > 0
        assert row["largest_difference"] < (2e-5 if "float32" in row["case"] else 1)


def test_a_case_that_fails_and_time_that_is_over(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = gpu.Problem(widths=(4,), batches=(1,), classes=9, size=64)
    late = list(gpu.synthesis(problem, CPU, time.perf_counter() - 1))
    assert {row["error"] for row in late} == {"not run: out of time"}

    def fail(*_: object) -> Callable[[], None]:
        raise RuntimeError("no kernel\nand more")

    monkeypatch.setattr(gpu, "prepared", fail)
    failed = list(gpu.synthesis(problem, CPU, time.perf_counter() + 1000))
    assert gpu.cells_of(failed[0])[-4:] == ["RuntimeError: no kernel", "", "", ""]


@pytest.mark.slow
def test_the_command(gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gpu.json"
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--tiny", "--json", str(path), "--device", "cpu"])
    gpu.main()
    results = json.loads(path.read_text())["results"]
    assert [row["case"][0] for row in results["training"][::2]] == list(gpu.SYSTEMS)
    assert all(row["seconds"] > 0 for row in (*results["training"], *results["synthesis"]))

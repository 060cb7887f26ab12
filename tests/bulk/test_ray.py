"""The same pictures by Ray."""

from __future__ import annotations

from pathlib import Path

import pytest
from bulk_jobs import files, ray_command

pytest.importorskip("ray.data", reason="semsynth[ray] is not installed")


def test_ray_makes_the_same_pictures(
    undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path, ray_folder: Path
) -> None:
    out = tmp_path / "out"
    process = ray_command(ray_folder, dataset, "--model", model, "--out", out, "--workers", 1)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert stdout.startswith(f"24 pictures made in {out} (")
    assert "Warning" not in stderr
    assert files(out) == undisturbed

"""The same pictures by Ray, also when an actor is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bulk_jobs import files

pytest.importorskip("ray.data", reason="semsynth[ray] is not installed")


def start(*arguments: object) -> subprocess.Popen[str]:
    """The real command, in a process group of its own: Ray leaves warnings and signal handlers behind."""
    command = [sys.executable, "-m", "semsynth", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def actors_of(driver: int) -> list[int]:
    """Process ids of the actors that run stages below a process."""
    parents, titles = {}, {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat, title = (folder / "stat").read_text(), (folder / "cmdline").read_text()
            except (OSError, UnicodeDecodeError):
                continue
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
            titles[int(folder.name)] = title
    found = []
    for process, title in titles.items():
        above = process
        while above in parents and above != driver:
            above = parents[above]
        if above == driver and title.startswith("ray::MapWorker"):
            found.append(process)
    return found


def run_and_kill(out: Path, after: int, *arguments: object) -> tuple[int, str, str, int]:
    """Kill an actor as soon as there are ``after`` pictures; exit code, outputs, and how many were killed."""
    process, killed = start(*arguments), 0
    while process.poll() is None:
        if not killed and len(list(out.glob("*/images/*.png"))) >= after:
            for victim in actors_of(process.pid)[:1]:
                os.kill(victim, signal.SIGKILL)
                killed += 1
        time.sleep(0.01)
    stdout, stderr = process.communicate()
    return process.returncode, stdout, stderr, killed


def same_but_for_manifest(out: Path, expected: dict[str, bytes]) -> bool:
    return {name: data for name, data in files(out).items() if name.endswith(".png")} == {
        name: data for name, data in expected.items() if name.endswith(".png")
    }


def test_ray_makes_the_same_pictures(undisturbed: dict[str, bytes], model: Path, dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("synthesize", dataset, "--model", model, "--out", out, "--engine", "ray", "--workers", 1)
    code, stdout, stderr, _ = run_and_kill(out, 10**6, *arguments, "--device", "cpu", "--precision", "float32")
    assert code == 0, stderr
    assert stdout.startswith(f"24 pictures made in {out} (")
    assert files(out) == undisturbed

"""Processes that fail, and machines that have to find one another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import sets, train
from ports import free_port

from semsynth.data.shards.sharding import shard_folder
from semsynth.training.run import RunFolder
from semsynth.training.state import StateFolder
from semsynth.training.trainer import Trainer

SETTINGS = ("training.batch_size=4", "training.precision=64-true", "discriminator.norm=sync_batch")
TORCHRUN = {"TORCHELASTIC_RUN_ID": "test", "WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"}


def networks(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = StateFolder(run / "state").load(lambda text: None)["networks"]
    return found


def assert_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for name, tensors in one.items():
        for key, value in tensors.items():
            assert torch.equal(value, other[name][key]), (name, key)


def test_a_restart_by_torchrun_goes_on_from_the_last_checkpoint(
    start: Callable[..., Trainer],
    listener: Any,
    toy_data: Path,
    tmp_path: Path,
    tiny_settings: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The command line is that of a new run both times."""

    def killed(step: int) -> None:
        if step == 3:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        start("run", "training.save_every=2", listener=listener(killed)).fit()
    for variable, value in TORCHRUN.items():
        monkeypatch.setenv(variable, value)
    new = ("spade", "--data", toy_data, "--device", "cpu", *sets(tiny_settings))
    out = tmp_path / "run"
    code, text = train(*new, "--out", out)
    assert code == 2  # not without --max-restarts
    assert "exists and is not an empty folder" in text
    monkeypatch.setenv("TORCHELASTIC_MAX_RESTARTS", "3")
    code, text = train(*new, "--out", out, "--seed", 1)
    assert code == 2  # nor with another run
    assert f"{out} was begun with training.seed 0, now it is 1: torchrun --max-restarts" in text
    code, text = train(*new, "--out", out)
    assert code == 0, text
    assert f"continuing {out} after step 2 of 4" in text
    whole = start("whole")
    whole.fit()
    assert_equal(networks(out), {name: network.state_dict() for name, network in whole.recipe.networks.items()})


def test_several_machines_have_to_know_one_another(toy_data: Path, tmp_path: Path) -> None:
    code, text = train("spade", "--data", toy_data, "--out", tmp_path / "run", "--device", "cpu", "--nodes", 2)
    assert code == 2
    assert "nodes=2: MASTER_ADDR, MASTER_PORT, NODE_RANK not set: start the program on every machine with" in text
    assert not (tmp_path / "run").exists()


def children(process: int) -> dict[int, Mapping[str, str]]:
    """The processes that a process started, with their environments."""
    found = {}
    for pid in map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()):
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        found[pid] = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return found


def torchrun(log: Path, *arguments: object) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=2"]
    with log.open("w") as stderr:
        return subprocess.Popen(
            [*program, "-m", "semsynth", "train", *map(str, arguments)],
            # Torch would hand a restarted process the addresses of the dead ones (docs/scaling.md).
            env={**os.environ, "OMP_NUM_THREADS": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )


def kill_after(checkpoints: int, rank: str, process: subprocess.Popen[bytes], run: RunFolder, log: Path) -> None:
    """SIGKILL to one process of a job, once it has got so far."""
    deadline = time.monotonic() + 200
    while not [path for path in run.state.checkpoints() if path.name >= f"step_{checkpoints:08d}.pt"]:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    (pid,) = [pid for pid, environment in children(process.pid).items() if environment.get("LOCAL_RANK") == rank]
    os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes in /proc")
def test_killed_processes_change_nothing(toy_data: Path, tmp_path: Path, tiny_settings: tuple[str, ...]) -> None:
    """torchrun starts the job again, which resumes: the weights are those of a run without disturbance, to the bit."""
    shards, log = tmp_path / "shards", tmp_path / "stderr.txt"
    shard_folder(toy_data, shards, 30_000)
    frequent = ("training.save_every=4", "training.log_every=1", "training.workers=1")
    options = ("--device", "cpu", *sets((*tiny_settings, *SETTINGS, *frequent)), "--steps", 14)
    disturbed, whole = RunFolder(tmp_path / "disturbed"), RunFolder(tmp_path / "whole")
    process = torchrun(log, "spade", "--data", shards, "--out", disturbed.root, *options)
    kill_after(4, "1", process, disturbed, log)
    kill_after(8, "0", process, disturbed, log)
    assert process.wait(timeout=400) == 0, log.read_text()
    assert log.read_text().count(f"continuing {disturbed.root} after step") == 2
    process = torchrun(log, "spade", "--data", shards, "--out", whole.root, *options)
    assert process.wait(timeout=400) == 0, log.read_text()
    assert_equal(networks(disturbed.root), networks(whole.root))
    steps = [json.loads(line)["step"] for line in disturbed.log.read_text().splitlines()]
    assert steps == list(range(1, 15))


@pytest.mark.slow
def test_nodes_option_equals_one_process(
    start: Callable[..., Trainer],
    command: Callable[..., subprocess.Popen[str]],
    toy_data: Path,
    tmp_path: Path,
    tiny_settings: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two machines, one process on each: the same command on both, and three variables."""
    alone = start("alone", *SETTINGS)
    alone.fit()
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(free_port()))
    processes = []
    for node in range(2):
        monkeypatch.setenv("NODE_RANK", str(node))
        options = ("--data", toy_data, "--out", tmp_path / "both", "--device", "cpu", "--nodes", "2")
        processes.append(command(*options, settings=[*tiny_settings, *SETTINGS]))
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    expected = {name: network.state_dict() for name, network in alone.recipe.networks.items()}
    for name, tensors in networks(tmp_path / "both").items():
        for key, value in tensors.items():
            torch.testing.assert_close(value, expected[name][key], rtol=1e-6, atol=1e-6, msg=f"{name}.{key}")

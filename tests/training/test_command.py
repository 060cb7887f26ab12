"""``semsynth train`` as a process: signals, crashes, wrong use."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import sets, train

from semsynth.config import override
from semsynth.recipes import RECIPES
from semsynth.training.run import RunFolder
from semsynth.training.trainer import Trainer

Command = Callable[..., subprocess.Popen[str]]
NEW = ("spade", "--data", "DATA", "--out", "OUT", "--no-perceptual")
"""A correct command line (DATA and OUT are replaced) that something wrong is added to."""


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_run_killed_at_any_moment_resumes_to_the_same_bits(
    start: Callable[..., Trainer],
    command: Command,
    toy_data: Path,
    tmp_path: Path,
    tiny_settings: tuple[str, ...],
    styled: tuple[str, ...],
) -> None:
    settings = [*tiny_settings, *styled, "training.save_every=2", "training.steps=5000", "training.workers=1"]
    process = command("--data", toy_data, "--out", tmp_path / "run", "--device", "cpu", settings=settings)
    run = RunFolder(tmp_path / "run")
    wait_until(lambda: bool(run.state.checkpoints()), process)
    time.sleep(random.uniform(0, 1))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    rest = start("rest", *styled)  # only to read how far the killed run got
    reached = run.state.load(rest.observer.note)["step"]
    end = f"training.steps={reached + 3}"
    record = run.open()
    config = override(rest.recipe.config, ["training.save_every=2", "training.workers=1", end])
    run.rewrite(record.model_copy(update={"config": config.model_dump(mode="json")}))
    resumed = start("run", *styled, "training.save_every=2", end, resume=True)
    assert resumed.step == reached
    resumed.fit()
    whole = start("whole", *styled, end)
    whole.fit()
    for name, network in whole.recipe.networks.items():
        for key, value in network.state_dict().items():
            assert torch.equal(value, resumed.recipe.networks[name].state_dict()[key]), (name, key)
    steps = [json.loads(line)["step"] for line in run.log.read_text().splitlines()]
    assert steps == sorted(set(steps))


def test_ctrl_c_saves_says_how_to_go_on_and_exits_with_130(
    command: Command, toy_data: Path, tmp_path: Path, tiny_settings: tuple[str, ...]
) -> None:
    run = RunFolder(tmp_path / "run")
    settings = [*tiny_settings, "training.steps=5000", "training.workers=2", "training.log_every=1"]
    process = command("--data", toy_data, "--out", run.root, "--device", "cpu", settings=settings)
    wait_until(run.log.exists, process)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers, too
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 130, errors
    assert f"--resume {run.root}" in errors
    assert "Traceback" not in errors
    assert len(run.state.checkpoints()) == 1
    assert run.model.is_dir()


def test_new_run_resumed_with_more_steps(toy_data: Path, tmp_path: Path, tiny_settings: tuple[str, ...]) -> None:
    out = tmp_path / "run"
    new = ("spade", "--data", toy_data, "--out", out, "--device", "cpu", *sets(tiny_settings), "--steps", "2")
    assert train(*new)[0] == 0
    refusal = f"error: {out} exists and is not an empty folder: resume that run, or choose another folder\n"
    assert train(*new) == (2, refusal)
    code, text = train("spade", "--resume", out, "--device", "cpu", "--steps", "3", "--set", "training.log_every=1")
    assert code == 0
    assert f"continuing {out} after step 2 of 3" in text
    assert json.loads((out / "recipe.json").read_text())["config"]["training"]["steps"] == 3
    assert [path.name for path in RunFolder(out).state.checkpoints()] == ["step_00000002.pt", "step_00000003.pt"]


def test_new_run_from_a_model_says_so(
    toy_data: Path, tmp_path: Path, tiny_settings: tuple[str, ...], start: Callable[..., Trainer]
) -> None:
    model = start("first", "training.steps=1")
    model.fit()
    new = ("--data", toy_data, "--out", tmp_path / "run", "--device", "cpu", "--init-from", model.run.model)
    code, text = train("spade", *new, *sets(tiny_settings))
    assert code == 0
    assert f"a new run that starts from {model.run.model}: generator" in text
    assert RunFolder(tmp_path / "run").open().init_from == str(model.run.model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--set", "training.batch_size=4"), "'training.batch_size' would change the run"),
        (("--seed", "0"), "leave out --seed"),
        (("--no-perceptual", "--precision", "64-true"), "leave out --precision, --no-perceptual"),
        (("--stages",), "leave out --stages"),
        (("--data", "elsewhere"), "there is no dataset folder"),
        (("--preset", "facades"), "leave out --preset"),
    ],
)
def test_resuming_refuses_what_would_change_the_training(
    toy_data: Path, tmp_path: Path, tiny_settings: tuple[str, ...], start: Any, options: tuple[str, ...], message: str
) -> None:
    run = start("run").run
    code, text = train("spade", "--resume", run.root, *options)
    assert code == 2
    assert message in text
    assert text.count("\n") == 1


def test_help_names_every_system() -> None:
    code, text = train("--help")
    assert code == 0
    assert set(RECIPES) <= set(re.findall(r"\w+", text))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("nonesuch", *NEW[1:]), "there is no system 'nonesuch': choose spade"),
        ((*NEW, "--preset", "facade"), "'spade' has default, "),
        ((*NEW, "--set", "generator.wdth=3"), "there is no key 'wdth'; known here: "),
        ((*NEW, "--set", "generator.width=wide"), "generator.width: "),
        ((*NEW, "--set", "training.batch_size=3", "--set", "training.accumulate=2"), "use 2 or 4"),
        ((*NEW, "--precision", "8-bit"), "choose float32, bfloat16, float16, float64"),
        ((*NEW, "--set", "training.precision=[1]"), "training.precision: "),
        ((*NEW, "--device", "tpu"), "choose auto, cpu, cuda or mps"),
        ((*NEW, "--device", "cpu", "--precision", "float16"), "needs a GPU"),
        ((*NEW, "--init-from", "DATA"), "is neither a model folder"),
        (("spade", "--data", "OUT/nothing", "--out", "OUT"), "nothing: check the path"),
        (("spade", "--data", "DATA"), "--data DIR and --out RUN"),
        ((*NEW, "--json"), "add --dry-run"),
        (("spade", "--resume", "OUT"), "recipe.json is missing"),
    ],
)
def test_wrong_use_is_one_line_and_writes_nothing(
    toy_data: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "out"
    code, text = train(*(option.replace("DATA", str(toy_data)).replace("OUT", str(out)) for option in options))
    assert code == 2, text
    assert message in text
    assert text.count("\n") == 1
    assert not out.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_gpu_is_said(toy_data: Path, tmp_path: Path) -> None:
    code, text = train("spade", "--data", toy_data, "--out", tmp_path / "run", "--device", "cuda", "--no-perceptual")
    assert code == 2
    assert "device cuda: there is no such device here" in text
    assert not (tmp_path / "run").exists()


def test_dry_run_shows_time_parameters_and_memory(toy_data: Path, tiny_settings: tuple[str, ...], start: Any) -> None:
    new = ("spade", "--data", toy_data, *sets(tiny_settings), "--dry-run", "--set", "training.ema=0.5")
    code, text = train(*new, "--steps", 4000)
    assert code == 0
    assert 0 < text.index("one step") < text.index("all 4,000 steps") < text.index("parameters") < text.index("memory")
    networks = start("run").recipe.networks
    for name, network in networks.items():
        assert name in text
        assert f"{sum(p.numel() for p in network.parameters()):,}" in text
    assert "activations" in text
    code, text = train(*new, "--steps", 4000, "--json", "--device", "cpu")
    assert code == 0
    plan = json.loads(text)
    (run,) = plan["runs"]
    assert run["record"]["config"]["data"]["crop_size"] == 64
    assert run["parameters"] == {
        name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()
    }
    assert run["memory"]["total"] == sum(value for name, value in run["memory"].items() if name != "total")
    assert plan["seconds"] == run["seconds"] == 4000 * run["seconds_per_step"] > 0
    assert run["device"].startswith("CPU")

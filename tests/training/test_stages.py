"""Coarse to fine in one command: interrupted in the middle of any stage, the weights are the same to the bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import invoke, sets, train

from semsynth.checkpoint import find_model, load_model
from semsynth.cli.progress import ProgressBar
from semsynth.config import override
from semsynth.data.toy import TOY_CLASSES
from semsynth.recipes import RECIPES
from semsynth.training.devices import make_fabric
from semsynth.training.run import RunRecord
from semsynth.training.stages import StagesFolder, StagesRecord, split, train_stages
from semsynth.training.start import open_data

NAMES = ["1-global", "2-enhancer", "3-joint"]
STEPS = 3


class Training:
    """A training in stages in one folder, begun or continued by each call."""

    def __init__(self, root: Path, data: Path, settings: tuple[str, ...], listener: Any) -> None:
        config = override(RECIPES["pix2pixhd"].presets["small"](TOY_CLASSES, True), settings)
        values = config.model_dump(mode="json")
        self.new = split(RunRecord(system="pix2pixhd", preset="small", data=str(data), config=values), ())
        self.folder, self.data, self.listener = StagesFolder(root), open_data(data), listener

    def __call__(self, on_step: Callable[[int], None] | None = None) -> int | None:
        record: StagesRecord = self.folder.open() if self.folder.record.exists() else self.new
        fabric = make_fabric("cpu")
        fabric.launch()
        self.observer = self.listener(on_step)
        return train_stages(self.folder, record, self.data, fabric, self.observer)

    def steps(self) -> list[int]:
        """Of every stage's newest checkpoint, 0 where there is none."""
        runs = [run for run, _ in self.folder.runs(self.new)]
        return [int(run.state.checkpoints()[-1].stem[-8:]) if run.state.checkpoints() else 0 for run in runs]

    def everything(self) -> dict[str, torch.Tensor]:
        """The tensors of the last checkpoints of all stages: networks, optimisers, averages."""
        tensors: dict[str, torch.Tensor] = {}
        for run, _ in self.folder.runs(self.new):
            state = run.state.load(lambda text: None)
            for part in ("networks", "averages"):
                for name, network in state[part].items():
                    tensors |= {f"{run.root.name}/{part}/{name}/{key}": value for key, value in network.items()}
            for phase, optimizer in state["optimizers"].items():
                for number, values in optimizer["state"].items():
                    tensors |= {f"{run.root.name}/{phase}/{number}/{key}": value for key, value in values.items()}
        return tensors


@pytest.fixture
def training(toy_data: Path, tmp_path: Path, tiny_pix2pixhd: tuple[str, ...], listener: Any) -> Callable[..., Training]:
    def make(name: str, *settings: str) -> Training:
        return Training(tmp_path / name, toy_data, (*tiny_pix2pixhd, *settings), listener)

    return make


def assert_same(one: Training, other: Training) -> None:
    left, right = one.everything(), other.everything()
    assert left.keys() == right.keys()
    for key, value in left.items():
        assert torch.equal(value, right[key]), key
    for name in ("generator.safetensors", "encoder.safetensors"):
        assert (one.folder.model / name).read_bytes() == (other.folder.model / name).read_bytes()


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def crash() -> None:
    raise RuntimeError("power cut")


def during(run: Training, stage: str, step: int, action: Callable[[], None]) -> Callable[[int], None]:
    """Calls ``action`` after that step of that stage."""

    def on_step(done: int) -> None:
        newest = max(path.name for path in run.folder.root.iterdir() if path.name in NAMES)
        if (newest, done) == (stage, step):
            action()

    return on_step


def test_stages_interrupted_in_the_middle_of_each_equal_uninterrupted_ones(training: Callable[..., Training]) -> None:
    whole, parts = training("whole"), training("parts")
    assert whole() is None
    for number, name in enumerate(NAMES):
        assert parts(during(parts, name, 2, interrupt)) == signal.SIGTERM
        assert parts.steps() == [STEPS] * number + [2] + [0] * (2 - number)
    assert parts() is None
    assert parts.observer.began == (2, STEPS)
    assert_same(whole, parts)


@pytest.mark.parametrize("saved", [1, 1000], ids=["after a checkpoint", "before the first checkpoint"])
def test_stages_that_crash_equal_undisturbed_ones(training: Callable[..., Training], saved: int) -> None:
    whole, parts = training("whole"), training("parts", f"training.save_every={saved}")
    whole()
    moments = [("1-global", 2), ("1-global", STEPS), ("2-enhancer", 1), ("2-enhancer", 2), ("3-joint", STEPS)]
    for stage, step in moments:
        with pytest.raises(RuntimeError, match="power cut"):
            parts(during(parts, stage, step, crash))
    parts()
    assert_same(whole, parts)


def test_signal_in_a_stages_last_step_begins_no_other(training: Callable[..., Training]) -> None:
    run = training("run", "training.steps=1")
    assert run(during(run, "1-global", 1, interrupt)) == signal.SIGTERM
    assert run.steps() == [1, 0, 0]
    assert not (run.folder.root / "2-enhancer").exists()
    assert load_model(run.folder.model).config == load_model(run.folder.root / "1-global" / "model").config
    assert run() is None
    assert run.steps() == [1, 1, 1]


def test_stages_grow_and_the_folder_holds_the_last_model(training: Callable[..., Training]) -> None:
    run = training("run", "training.steps=1")
    run()
    records = {one.root.name: one.open() for one, _ in run.folder.runs(run.new)}
    assert list(records) == list(run.folder.open().stages) == NAMES
    assert records["1-global"].init_from is None
    assert [records[name].init_from for name in NAMES[1:]] == [str(run.folder.root / name) for name in NAMES[:2]]
    assert find_model(run.folder.root) == run.folder.model
    model, last = load_model(run.folder.model), load_model(run.folder.root / "3-joint" / "model")
    assert model.config == last.config
    assert (model.card.name, last.card.name) == ("run", "3-joint")
    for name, network in last.networks.items():
        for key, value in network.state_dict().items():
            assert torch.equal(value, model.networks[name].state_dict()[key])


# The command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def new(toy_data: Path, tmp_path: Path, tiny_pix2pixhd: tuple[str, ...]) -> list[str]:
    """A correct command line."""
    options = ["--data", str(toy_data), "--out", str(tmp_path / "run"), "--preset", "small", "--device", "cpu"]
    return ["pix2pixhd", "--stages", *options, *sets(tiny_pix2pixhd)]


def test_command_stops_goes_on_and_synthesizes(
    new: list[str], toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    calls: list[int] = []
    step_done = ProgressBar.__call__

    def interrupting(bar: ProgressBar, done: int, total: int) -> None:
        step_done(bar, done, total)
        calls.append(done)
        if len(calls) == 3:  # the first step of the second stage
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(ProgressBar, "__call__", interrupting)
    code, text = train(*new, "--steps", "2", "--set", "3-joint:training.steps=1")
    assert code == 130
    assert "stage 2 of 3, 2-enhancer: after step 0 of 2" in text
    assert f"stopped and saved after 1 step of 2-enhancer: continue with --resume {run}" in text
    stages = json.loads((run / "stages.json").read_text())
    assert [stages["stages"][name]["training"]["steps"] for name in NAMES] == [2, 2, 1]
    assert train(*new)[1].startswith(f"error: {run} exists and is not an empty folder: resume that run, or")

    code, text = train("pix2pixhd", "--resume", run, "--device", "cpu", "--set", "1-global:training.steps=9")
    assert code == 2
    assert "stage 1-global is complete, and 2-enhancer started from it" in text
    code, text = train("pix2pixhd", "--resume", run, "--device", "cpu", "--set", "2-enhancer:training.steps=3")
    assert code == 0, text
    assert "stage 1 of 3" not in text
    assert "stage 2 of 3, 2-enhancer: after step 1 of 3" in text
    assert f"done after 1 step of 3-joint: the model is {run / 'model'}" in text
    assert load_model(run / "3-joint" / "model").card.steps == 1
    assert calls == [1, 2, 1, 2, 3, 1]

    layout = sorted((toy_data / "val" / "labels").iterdir())[0]
    instances = toy_data / "val" / "instances"
    options = ["--model", run, "--instances", instances, "--device", "cpu", "--out", tmp_path / "photos"]
    code, text = invoke("synthesize", layout, *options)
    assert code == 0, text
    assert len(list((tmp_path / "photos").glob("*.png"))) == 1


def test_finished_stages_go_on_with_more_steps_in_the_last(new: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert train(*new, "--steps", "1")[0] == 0
    code, text = train("pix2pixhd", "--resume", run, "--device", "cpu", "--steps", "2")
    assert code == 0
    assert "stage 3 of 3, 3-joint: after step 1 of 2" in text
    assert [load_model(run / name / "model").card.steps for name in NAMES] == [1, 1, 2]
    assert load_model(run / "model").card.steps == 2


def test_single_stage_is_an_ordinary_run(new: list[str], tmp_path: Path) -> None:
    assert train(*new, "--steps", "1")[0] == 0
    code, text = train("pix2pixhd", "--resume", tmp_path / "run" / "2-enhancer", "--device", "cpu", "--steps", "2")
    assert code == 0
    assert "continuing" in text
    assert "after step 1 of 2" in text


def test_dry_run_describes_all_stages_and_writes_nothing(new: list[str], tmp_path: Path) -> None:
    code, text = train(*new, "--dry-run")
    assert code == 0
    for name in NAMES:
        assert f"stage {name}" in text
    assert text.count("one step") == 3
    assert text.count("│ activations") == 3
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--set", "2-fine:training.steps=1"), "there is no stage '2-fine': choose 1-global, 2-enhancer, 3-joint"),
        (("--set", "2-enhancer:training.stps=1"), "there is no key 'stps'"),
        (("--set", "3-joint:training.precision=64-true"), "all stages need the same precision"),
        (("--set", "generator.enhancers=1"), "leave it 0"),
        (("--set", "generator.width=3"), "every enhancer halves the width"),
        (("--set", "data.mode=none"), "leaves photos at their size"),
        (("--init-from", "nowhere"), "there is no model 'nowhere'"),
    ],
)
def test_wrong_use_is_one_line_and_writes_nothing(
    new: list[str], tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    code, text = train(*new, *options)
    assert code == 2, text
    assert message in text
    assert text.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_systems_without_stages_say_so(toy_data: Path, tmp_path: Path) -> None:
    single = ("pix2pix", "--data", toy_data, "--out", tmp_path / "run")
    code, text = train(*single, "--stages")
    assert (code, text) == (
        2,
        "error: 'pix2pix' is trained in one stage: leave out stages (only spade, pix2pixhd, crn, oasis have them)\n",
    )
    code, text = train(*single, "--set", "1-global:training.steps=1")
    assert code == 2
    assert "applies to a single stage: train in stages" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--seed", "1"), "leave out --seed"),
        (("--set", "3-joint:schedule.epochs=2"), "'schedule.epochs' would change the run"),
        (("--data", "elsewhere"), "there is no dataset folder"),
    ],
)
def test_resuming_refuses_what_would_change_a_stage(
    training: Callable[..., Training], options: tuple[str, ...], message: str
) -> None:
    run = training("run")
    run.folder.rewrite(run.new)
    code, text = train("pix2pixhd", "--resume", run.folder.root, *options)
    assert code == 2
    assert message in text
    assert text.count("\n") == 1
    assert train("spade", "--resume", run.folder.root)[1].endswith("is a run of 'pix2pixhd', not of 'spade'\n")


@pytest.mark.slow
def test_ctrl_c_in_the_second_stage_of_a_process(
    command: Callable[..., subprocess.Popen[str]], toy_data: Path, tmp_path: Path, tiny_pix2pixhd: tuple[str, ...]
) -> None:
    run = tmp_path / "run"
    settings = [*tiny_pix2pixhd, "2-enhancer:training.steps=5000", "training.log_every=1", "training.workers=1"]
    options = ("--stages", "--data", toy_data, "--out", run, "--preset", "small", "--device", "cpu")
    process = command(*options, settings=settings, system="pix2pixhd")
    deadline = time.monotonic() + 200
    while not (run / "2-enhancer" / "log.jsonl").exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the workers, too
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 130, errors
    assert f"--resume {run}" in errors
    assert "Traceback" not in errors
    assert len(list((run / "2-enhancer" / "state").glob("*.pt"))) == 1
    assert load_model(run / "model").card.steps == 3


@pytest.mark.slow
def test_two_processes_take_all_stages_together(
    new: list[str], command: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Each process reads what the first one wrote at the end of the stage before."""
    settings = ["training.batch_size=4", "training.precision=64-true", "training.steps=1"]
    process = command(*new[1:], "--devices", "2", settings=settings, system="pix2pixhd")
    errors = process.communicate(timeout=300)[1]
    assert process.returncode == 0, errors
    alone = [part if part != str(tmp_path / "run") else str(tmp_path / "alone") for part in new]
    assert train(*alone, *sets(settings))[0] == 0
    left, right = (load_model(tmp_path / name / "model").networks for name in ("run", "alone"))
    for name, network in left.items():
        for key, value in network.state_dict().items():
            torch.testing.assert_close(value, right[name].state_dict()[key], rtol=1e-6, atol=1e-6)

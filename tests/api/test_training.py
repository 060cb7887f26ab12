"""``semsynth.train``, ``resume`` and their plans, as a notebook calls them."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_settings import PIX2PIXHD, TINY

import semsynth
from semsynth import SemsynthError
from semsynth.data.toy import draw_scene
from semsynth.training.log import LogLine
from semsynth.training.run import RunFolder
from semsynth.training.state import StateFolder


class Following(semsynth.Observer):
    """Keeps everything that it is told, and does something after a step."""

    def __init__(self, after: dict[int, Callable[[], None]] | None = None) -> None:
        self.steps: list[tuple[int, int]] = []
        self.starts: list[tuple[int, int]] = []
        self.lines: list[LogLine] = []
        self.notes: list[str] = []
        self.after = after or {}

    def __call__(self, done: int, total: int) -> None:
        self.steps.append((done, total))
        self.after.get(done, lambda: None)()

    def started(self, done: int, total: int) -> None:
        self.starts.append((done, total))

    def logged(self, line: LogLine) -> None:
        self.lines.append(line)

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def train(toy_data: Path, tmp_path: Path) -> Callable[..., semsynth.TrainingResult]:
    """Four steps of a tiny SPADE, unless told otherwise."""

    def make(name: str, **arguments: Any) -> semsynth.TrainingResult:
        given = {"system": "spade", "overrides": TINY, "device": "cpu"} | arguments
        return semsynth.train(data=toy_data, out=tmp_path / name, **given)

    return make


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def networks(run: Path) -> dict[str, torch.Tensor]:
    state = StateFolder(run / "state").load(lambda text: None)["networks"]
    return {f"{name}.{key}": value for name, tensors in state.items() for key, value in tensors.items()}


def assert_same(one: Path, other: Path) -> None:
    left, right = networks(one), networks(other)
    assert left.keys() == right.keys()
    for key, value in left.items():
        assert torch.equal(value, right[key]), key
    assert (one / "model" / "generator.safetensors").read_bytes() == (
        other / "model" / "generator.safetensors"
    ).read_bytes()


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(train: Any) -> None:
    whole, first = train("whole"), train("parts", steps=2)
    assert (whole.steps, first.steps, first.total_steps) == (4, 2, 2)
    rest = semsynth.resume(first.run, steps=4, device="cpu")
    assert (rest.run, rest.steps, rest.total_steps, rest.interrupted) == (first.run, 4, 4, False)
    assert_same(whole.run, rest.run)
    synthesizer = semsynth.load(rest.run)
    layout = draw_scene(0, 64).condition
    assert synthesizer(layout).size == (64, 64)


def test_the_interrupt_button_saves_and_resuming_loses_nothing(train: Any) -> None:
    following = Following({2: interrupt})
    stopped = train("parts", callbacks=[following])
    assert (stopped.interrupted, stopped.signal, stopped.steps, stopped.total_steps) == (True, signal.SIGINT, 2, 4)
    assert "after 2 of 4 steps, stopped by SIGINT" in repr(stopped)
    resumed = semsynth.resume(stopped.run, device="cpu", callbacks=[following])
    assert not resumed.interrupted
    assert following.steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert following.starts == [(0, 4), (2, 4)]
    assert following.notes == [f"continuing {stopped.run} after step 2 of 4"]
    assert_same(train("whole").run, resumed.run)


def test_other_threads_train_and_leave_signals_alone(train: Any) -> None:
    handler, found = signal.getsignal(signal.SIGINT), []
    thread = threading.Thread(target=lambda: found.append(train("run", steps=1)))
    thread.start()
    thread.join()
    assert found[0].steps == 1
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_result_says_what_the_run_folder_says(train: Any) -> None:
    following, plain = Following(), []
    result = train("run", progress=lambda done, total: plain.append(done), callbacks=[following])
    lines = [json.loads(line) for line in (result.run / "log.jsonl").read_text().splitlines()]
    assert result.losses == lines[-1]["terms"] == following.lines[-1].terms
    assert [line.step for line in following.lines] == [line["step"] for line in lines] == [2, 4]
    assert plain == [1, 2, 3, 4]
    assert semsynth.load(result.model).card.steps == result.steps == 4
    assert (result.best, result.stage, result.has_encoder) == (None, None, False)
    assert repr(result) == f"<training result: run {result.run}, after 4 of 4 steps>"
    page = result._repr_html_()
    assert f"<td>{result.model}</td>" in page
    assert all(f"<td>{name}</td>" in page for name in result.losses)


def test_overrides_are_texts_or_a_mapping(train: Any) -> None:
    mapping = {key: json.loads(value) for key, value in (one.split("=") for one in TINY)}
    one, other = train("texts", steps=1, seed=5), train("mapping", overrides=mapping | {"training.seed": 5}, steps=1)
    assert RunFolder(one.run).open().config == RunFolder(other.run).open().config
    assert_same(one.run, other.run)


def test_what_a_callback_raises_ends_training(train: Any, tmp_path: Path) -> None:
    def stop() -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        train("run", callbacks=[Following({3: stop})], overrides=[*TINY, "training.save_every=2"])
    assert semsynth.resume(tmp_path / "run", device="cpu").steps == 4
    assert_same(tmp_path / "run", train("whole").run)


def test_a_run_can_start_from_another_ones_weights(train: Any) -> None:
    first, following = train("first", steps=1), Following()
    second = train("second", steps=1, init_from=first.run, callbacks=[following])
    assert following.notes == [f"a new run that starts from {first.run}: generator and discriminator"]
    assert RunFolder(second.run).open().init_from == str(first.run)


def test_training_in_stages(train: Any, toy_data: Path) -> None:
    hd: dict[str, Any] = {"system": "pix2pixhd", "preset": "small", "stages": True, "overrides": PIX2PIXHD}
    result = train("run", **hd, steps=1, callbacks=[Following({1: interrupt})])
    assert (result.stage, result.steps, result.signal) == ("1-global", 1, signal.SIGINT)
    assert semsynth.load(result.model).card.steps == 1
    result = semsynth.resume(result.run, device="cpu", overrides={"3-joint:training.steps": 2})
    assert (result.stage, result.steps, result.interrupted, result.has_encoder) == ("3-joint", 2, False, True)
    assert result.model == result.run / "model"
    plan = semsynth.plan_training(
        "pix2pixhd", toy_data, preset="small", stages=True, overrides=[*PIX2PIXHD, "3-joint:training.steps=2"]
    )
    assert [(run.stage, run.steps) for run in plan.runs] == [("1-global", 3), ("2-enhancer", 3), ("3-joint", 2)]
    assert plan.steps == 8
    assert plan.seconds == sum(run.steps * run.seconds_per_step for run in plan.runs) > 0
    assert plan.memory.total == max(run.memory.total for run in plan.runs)
    assert "stages" in plan._repr_html_()
    assert "1-global, 2-enhancer, 3-joint" in repr(plan)


def test_a_plan_is_what_training_does(train: Any, toy_data: Path, tmp_path: Path) -> None:
    plan = semsynth.plan_training("spade", toy_data, overrides=TINY, precision="64-true", seed=3)
    assert not list(tmp_path.iterdir()), "a plan writes nothing"
    run = RunFolder(train("run", precision="64-true", seed=3).run)
    assert plan.config.model_dump(mode="json") == run.open().config
    state = run.state.load(lambda text: None)["networks"]
    assert plan.parameters.keys() == state.keys()
    (one,) = plan.runs
    assert (one.stage, one.steps, one.micro_batch_size) == (None, 4, 2)
    assert plan.memory.total > plan.memory.weights >= 4 * sum(plan.parameters.values())
    assert f"{sum(plan.parameters.values()):,} parameters" in repr(plan)
    assert "<td>parameters of generator</td>" in plan._repr_html_()
    assert semsynth.plan_resuming(run.root, steps=9).steps == 9
    assert run.open().config["training"]["steps"] == 4, "a plan changes nothing"
    shared = semsynth.plan_training("spade", toy_data, overrides=TINY, devices=2)
    assert shared.runs[0].micro_batch_size == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"system": "spode"}, "there is no system 'spode': choose spade"),
        ({"preset": "tiny"}, "preset tiny: 'spade' has default, "),
        ({"overrides": {"generator.wdth": 3}}, "override generator.wdth=3: there is no key 'wdth'"),
        ({"overrides": {"1-global:training.steps": 3}}, "applies to a single stage"),
        ({"stages": True, "overrides": {"generator.upsamplings": 6}}, "stages begin with 5 doublings"),
        ({"device": "tpu"}, "device tpu: unknown, choose auto"),
        ({"precision": "8-bit"}, "training.precision: "),
        ({"init_from": "nowhere"}, "there is no model 'nowhere'"),
        ({"score_every": 1, "score": "fid"}, "score fid: choose kernel_distance"),
        ({"score_every": 1}, "no segmenter ships with the package for 'toy'"),
    ],
)
def test_wrong_arguments_are_one_line_and_write_nothing(
    train: Any, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(SemsynthError) as caught:
        train("run", **arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_in_use_is_refused_and_resuming_changes_little(train: Any, tmp_path: Path) -> None:
    run = train("run", steps=1).run
    with pytest.raises(SemsynthError, match="is not an empty folder: resume that run, or choose another folder"):
        train("run", steps=1)
    with pytest.raises(SemsynthError, match=r"'generator.width' would change the run; resuming can change only"):
        semsynth.resume(run, overrides={"generator.width": 3})
    with pytest.raises(SemsynthError, match="is a run of 'spade', not of 'crn'"):
        semsynth.resume(run, system="crn")
    with pytest.raises(SemsynthError, match="is not a run folder"):
        semsynth.resume(tmp_path / "nothing")


def test_several_devices_in_a_notebook_are_refused(train: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "ps1", "In [1]: ", raising=False)
    with pytest.raises(SemsynthError, match="a notebook trains on one device"):
        train("run", devices=2)

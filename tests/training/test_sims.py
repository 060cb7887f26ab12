"""A run of SIMS: pairs are made in the data workers, and what is resumed equals what never stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from backbone_weights import save_mobilenet
from safetensors.torch import load_file
from toy_bank import TINY_SIMS

import semsynth
from semsynth.bank.memory import MemoryBank
from semsynth.errors import SemsynthError
from semsynth.training.state import StateFolder

OPTIONS = ("--preset", "small", "--device", "cpu")


@pytest.fixture(scope="module")
def whole(scenes: Path, scene_bank: MemoryBank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    train(scenes, scene_bank.folder, run, 4)
    return run


def train(data: Path, memory: Path, run: Path, steps: int, *settings: str) -> None:
    overrides = [*TINY_SIMS, *settings]
    semsynth.train("sims", data, run, preset="small", steps=steps, overrides=overrides, bank=memory, device="cpu")


def test_resuming_equals_not_stopping(whole: Path, scenes: Path, scene_bank: MemoryBank, tmp_path: Path) -> None:
    """Even with another number of workers, and where the bank has moved."""
    moved = tmp_path / "moved"
    shutil.copytree(scene_bank.folder, moved)
    train(scenes, moved, tmp_path / "run", 2, "training.workers=1")
    moved.rename(tmp_path / "elsewhere")
    with pytest.raises(SemsynthError, match="is missing: restore it, or name its new place with `bank`"):
        semsynth.resume(tmp_path / "run", steps=4, device="cpu")
    moved = tmp_path / "elsewhere"
    semsynth.resume(tmp_path / "run", steps=4, bank=moved, overrides=["training.workers=0"], device="cpu")
    made, expected = (load_file(run / "model/generator.safetensors") for run in (tmp_path / "run", whole))
    assert all(bool((made[key] == expected[key]).all()) for key in expected)


def test_another_bank_is_refused(whole: Path, scenes: Path, tmp_path: Path) -> None:
    rules = semsynth.MemoryBank.open(_bank_of(whole)).rules
    semsynth.build_bank(scenes, tmp_path / "val", split="val", rules=rules, workers=1)
    with pytest.raises(SemsynthError, match="is not the memory bank that the model was trained with"):
        semsynth.resume(whole, steps=6, bank=tmp_path / "val", device="cpu")


def test_a_bank_for_a_system_that_uses_none(scenes: Path, scene_bank: MemoryBank, tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"`bank=.*`: spade uses no memory bank, only sims does: leave it out"):
        semsynth.train("spade", scenes, tmp_path / "run", bank=scene_bank.folder)


def test_the_record_names_the_bank(whole: Path, scene_bank: MemoryBank) -> None:
    assert _bank_of(whole) == scene_bank.folder
    assert scene_bank.checksum in (whole / "recipe.json").read_text()
    assert scene_bank.checksum in (whole / "model/config.json").read_text()


def test_a_larger_network_begins_with_the_weights_of_the_smaller_one(
    whole: Path,
    scenes: Path,
    scene_bank: MemoryBank,
    tmp_path: Path,
) -> None:
    rules = scene_bank.rules.model_copy(update={"working_height": 128, "working_width": 128})
    semsynth.build_bank(scenes, tmp_path / "bank", rules=rules, workers=1)
    settings = [f"memory.bank={tmp_path / 'bank'}", "generator.doublings=1", "data.crop_size=128"]
    settings.append("generator_optimizer.lr=1e-9")
    semsynth.train(
        "sims",
        scenes,
        tmp_path / "run",
        preset="small",
        steps=1,
        overrides=[*TINY_SIMS, *settings],
        init_from=whole,
        device="cpu",
    )
    before, after = (load_file(run / "model/generator.safetensors") for run in (whole, tmp_path / "run"))
    name = "encoder.0.convs.1.weight"
    assert (after[name] - before[name]).abs().max() < 1e-6
    assert "enlarged.convs.0.weight" in after


@pytest.mark.slow
def test_a_run_that_was_killed_resumes_to_the_same_bits(
    scenes: Path, scene_bank: MemoryBank, tmp_path: Path, command: Callable[..., subprocess.Popen[str]]
) -> None:
    settings = ["training.save_every=2", "training.workers=1", "training.steps=100000"]
    options = ("--data", scenes, "--out", tmp_path / "run", "--bank", scene_bank.folder, *OPTIONS)
    process = command(*options, settings=[*TINY_SIMS, *settings], system="sims")
    state = StateFolder(tmp_path / "run/state")
    while not state.checkpoints():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    steps = state.load(lambda text: None)["step"] + 3
    semsynth.resume(tmp_path / "run", steps=steps, device="cpu")
    train(scenes, scene_bank.folder, tmp_path / "whole", steps)
    made, expected = (load_file(tmp_path / run / "model/generator.safetensors") for run in ("run", "whole"))
    assert all(bool((made[key] == expected[key]).all()) for key in expected)


@pytest.mark.slow
def test_two_processes_do_what_one_does(
    scenes: Path, scene_bank: MemoryBank, tmp_path: Path, command: Callable[..., subprocess.Popen[str]]
) -> None:
    settings = ["training.precision=float64", "training.steps=3"]
    options = ("--data", scenes, "--out", tmp_path / "both", "--bank", scene_bank.folder, *OPTIONS, "--devices", "2")
    process = command(*options, settings=[*TINY_SIMS, *settings], system="sims")
    errors = process.communicate()[1]
    assert process.returncode == 0, errors
    train(scenes, scene_bank.folder, tmp_path / "alone", 3, *settings)
    together, alone = (
        StateFolder(tmp_path / run / "state").load(lambda text: None)["networks"]["generator"]
        for run in ("both", "alone")
    )
    for key, value in alone.items():
        torch.testing.assert_close(together[key], value, rtol=1e-6, atol=1e-6)


@pytest.mark.slow
def test_a_discriminator_on_frozen_features_takes_part_and_resumes(
    scenes: Path, scene_bank: MemoryBank, tmp_path: Path
) -> None:
    weights = save_mobilenet(tmp_path)
    small = '{"backbone":"mobilenet_v1","size":null,"strides":[4,8],"mixed_channels":[2,2],"halvings":[0,0]}'
    for run, steps in (("parts", 1), ("whole", 2)):
        semsynth.train(
            "sims",
            scenes,
            tmp_path / run,
            preset="small",
            steps=steps,
            overrides=[*TINY_SIMS, f"feature_discriminator={small}"],
            bank=scene_bank.folder,
            feature_weights=weights,
            device="cpu",
        )
    semsynth.resume(tmp_path / "parts", steps=2, device="cpu")
    made, expected = (StateFolder(tmp_path / run / "state").load(lambda text: None) for run in ("parts", "whole"))
    assert "feature_discriminator" in expected["networks"]
    for name, network in expected["networks"].items():
        assert all(bool((made["networks"][name][key] == value).all()) for key, value in network.items()), name


def _bank_of(run: Path) -> Path:
    return Path(json.loads((run / "model/config.json").read_text())["memory"]["bank"])

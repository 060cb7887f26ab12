"""What is known before training is said before training: once, in one line, with the setting to change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_settings import TINY
from torch import nn

import semsynth
from semsynth.config import override
from semsynth.data.folder import DatasetFolder
from semsynth.data.toy import TOY_CLASSES, write_toy
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.recipes.base import RecipeConfig
from semsynth.training import feasibility
from semsynth.training.feasibility import check_pictures, check_share, first_pass, within_memory
from semsynth.training.trainer import Trainer


def config(system: str, *settings: str) -> RecipeConfig:
    return override(RECIPES[system].presets["default"](TOY_CLASSES, True), settings)


@pytest.mark.parametrize(("batch", "accumulate", "devices", "use"), [(1, 1, 4, 4), (1, 4, 1, 4), (6, 2, 2, 4)])
def test_batches_that_do_not_divide(batch: int, accumulate: int, devices: int, use: int) -> None:
    one = config("spade", f"training.batch_size={batch}", f"training.accumulate={accumulate}")
    with pytest.raises(SemsynthError, match=rf"does not divide .*`overrides=training\.batch_size={use}`\)"):
        check_share(one, devices)


def test_devices_are_counted_before_processes_start(
    toy_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lightning_fabric.Fabric.launch", lambda *_: pytest.fail("processes were started"))
    with pytest.raises(SemsynthError, match=r"4 device\(s\).*`overrides=training\.batch_size=4`"):
        semsynth.train("spade", toy_data, tmp_path / "run", overrides=TINY, device="cpu", devices=4)
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> DatasetFolder:
    """Photos of 64x64 and of 96x64."""
    root = tmp_path_factory.mktemp("mixed") / "toy"
    write_toy(root, 4, size=64)
    first = min(root.glob("train/labels/*")).name
    for path in root.glob(f"train/*/{first}"):
        with Image.open(path) as image:
            wide = image.resize((96, 64), Image.Resampling.NEAREST)
        wide.save(path)
    return DatasetFolder(root, "train")


MODES = [
    (
        "spade",
        "none",
        1,
        "data.mode=none makes 96x64 of photos of 96x64, and this generator makes 256x256: give `overrides=",
    ),
    ("spade", "scale_width", 1, "data.mode=scale_width makes .* .* 256x256: give `overrides="),
    ("pix2pixhd", "none", 2, r"leaves photos of several sizes \(.*64x64.*\).* no batch of 2: give `overrides="),
    ("pix2pixhd", "none", 1, None),
    ("crn", "none", 1, None),
]


@pytest.mark.parametrize(("system", "mode", "batch", "message"), MODES)
def test_photos_whose_sizes_do_not_fit(
    mixed: DatasetFolder, system: str, mode: str, batch: int, message: str | None
) -> None:
    multiple = 64 if system == "crn" else 32
    one = config(system, f"data.mode={mode}", f"training.batch_size={batch}", f"data.multiple={multiple}")
    if message is None:
        check_pictures(one, mixed, check_share(one, 1), None)
        return
    with pytest.raises(SemsynthError, match=message):
        check_pictures(one, mixed, check_share(one, 1), None)


def test_sizes_told_beforehand_are_those_that_come(mixed: DatasetFolder) -> None:
    import random

    for mode in Pipeline.model_fields["mode"].annotation.__args__:  # type: ignore[union-attr]
        for official in (False, "spade", "pix2pixhd"):
            pipeline = Pipeline(mode=mode, load_size=72, crop_size=64, official=official)
            for number in range(len(mixed)):
                sample = mixed[number]
                made = pipeline.apply(sample, random.Random(0), train=True)
                assert pipeline.size_of(sample.size) == made.size, (mode, official, sample.size)


def test_steps_that_fill_the_memory(mixed: DatasetFolder) -> None:
    one = config("spade", "training.batch_size=65536")
    with pytest.raises(SemsynthError, match=r"a step of 65536 image\(s\) of 256x256 .*: lower training.batch_size"):
        check_pictures(one, mixed, check_share(one, 1), 2**34)
    check_pictures(one, mixed, check_share(one, 1), None)


def test_networks_that_fill_the_memory_are_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feasibility, "machine_memory", lambda: 4 * 4 * 1000)
    with within_memory():
        nn.Linear(30, 30)
    with pytest.raises(SemsynthError, match=r"the networks .* fill this machine's memory"), within_memory():
        nn.Linear(30, 40)
    nn.Linear(30, 40)  # counted no longer
    with pytest.raises(RuntimeError, match="shapes"), within_memory():
        torch.ones(2, 3) @ torch.ones(2, 3)


@pytest.mark.parametrize(
    "broken",
    [
        lambda: nn.Conv2d(1, 1, 4)(torch.zeros(1, 1, 2, 2)),
        lambda: nn.ReflectionPad2d(3)(torch.zeros(1, 1, 2, 2)),
        lambda: nn.BatchNorm1d(2)(torch.zeros(1, 2)),
        lambda: nn.MaxPool2d(2)(torch.zeros(1, 1, 1, 1)),
    ],
)
def test_errors_of_shapes_are_one_line(broken: Callable[[], object]) -> None:
    with pytest.raises(SemsynthError, match=r"settings do not go together, the first .* ends with '.+'"), first_pass():
        broken()


@pytest.mark.slow
def test_the_first_pass_changes_nothing(start: Callable[..., Trainer], styled: tuple[str, ...]) -> None:
    def state(trainer: Trainer) -> dict[str, Any]:
        networks = trainer.recipe.networks | trainer.recipe.frozen
        return {f"{name}.{key}": value for name, one in networks.items() for key, value in one.state_dict().items()}

    trainer = start("run", *styled)
    before = {key: value.clone() for key, value in state(trainer).items()}
    trainer.try_first_pass()
    assert all(torch.equal(value, before[key]) for key, value in state(trainer).items())
    trainer.fit()
    plain = start("plain", *styled)
    plain.fit()
    assert all(torch.equal(value, state(plain)[key]) for key, value in state(trainer).items())

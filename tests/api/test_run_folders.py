"""Runs are safe from each other, and from data that has changed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_settings import PIX2PIXHD, TINY

import semsynth
from semsynth import SemsynthError
from semsynth.training.records import resumed_record
from semsynth.training.run import RunFolder
from semsynth.training.start import open_data_of


@pytest.fixture(scope="module")
def ended(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one step."""
    out = tmp_path_factory.mktemp("ended") / "run"
    semsynth.train("spade", toy_data, out, overrides=TINY, steps=1, device="cpu")
    return out


@pytest.fixture
def run(ended: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(ended, tmp_path / "run"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_that_trains_is_not_resumed_beside_it(run: Path) -> None:
    before = contents(run)
    with RunFolder(run).lock(), pytest.raises(SemsynthError, match=f"another process is training in {run}: wait"):
        semsynth.resume(run, steps=2, device="cpu")
    assert contents(run) == before
    assert semsynth.resume(run, steps=2, device="cpu").steps == 2


def test_two_new_runs_of_one_name(toy_data: Path, tmp_path: Path) -> None:
    """The second one finds out as soon as there is something to write."""
    with RunFolder(tmp_path / "run").lock(), pytest.raises(SemsynthError, match="another process is training in"):
        semsynth.train("spade", toy_data, tmp_path / "run", overrides=TINY, device="cpu")
    assert contents(tmp_path) == {}
    assert semsynth.train("spade", toy_data, tmp_path / "run", overrides=TINY, steps=1, device="cpu").steps == 1


@pytest.mark.slow
def test_training_in_stages_is_locked_whole_and_stage_by_stage(toy_data: Path, tmp_path: Path) -> None:
    def resume(folder: Path) -> None:
        with pytest.raises(SemsynthError, match=f"another process is training in {folder}: wait"):
            semsynth.resume(folder, device="cpu")
        tried.append(folder)

    tried: list[Path] = []
    out = tmp_path / "run"

    def progress(done: int, total: int) -> None:
        if not tried:
            resume(out)
            resume(next(folder.parent for folder in out.glob("*/recipe.json")))

    arguments = {"preset": "small", "stages": True, "steps": 1, "overrides": PIX2PIXHD, "device": "cpu"}
    semsynth.train("pix2pixhd", toy_data, out, **arguments, callbacks=[progress])
    assert len(tried) == 2
    assert not semsynth.resume(out, device="cpu").interrupted


def test_resuming_sweeps_what_killed_processes_left(run: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    for name in ("state/.step_00000001.pt", ".log.jsonl", "model/.model", "model/.generator.safetensors", ".best"):
        path = run / f"{name}.{process.pid}.part"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    semsynth.resume(run, device="cpu")
    assert not list(run.rglob("*.part"))


def png(path: Path, seed: int) -> None:
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (72, 72, 3), np.uint8)).save(path)


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def rename(data: Path, old: str, new: str) -> None:
    for path in [*data.glob(f"train/*/{old}.png")]:
        path.rename(path.with_name(f"{new}.png"))


def reorder(data: Path) -> None:
    classes = json.loads((data / "classes.json").read_text())
    classes["classes"].reverse()
    (data / "classes.json").write_text(json.dumps(classes))


def names(data: Path) -> list[str]:
    return sorted(path.stem for path in data.glob("train/images/*"))


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "another photo": (lambda d: png(d / f"train/images/{names(d)[1]}.png", 0), "photos or label maps"),
    "swapped photos": (lambda d: swap(*sorted(d.glob("train/images/*"))[:2]), "photos or label maps"),
    "swapped label maps": (lambda d: swap(*sorted(d.glob("train/labels/*"))[-2:]), "photos or label maps"),
    "a renamed sample": (lambda d: rename(d, names(d)[0], "zz"), "names of its files"),
    "classes in another order": (reorder, "its classes"),
    "no instances": (lambda d: shutil.rmtree(d / "train/instances"), "photos or label maps"),
}


@pytest.mark.parametrize(("change", "said"), CHANGES.values(), ids=CHANGES)
def test_changed_data_is_refused_unless_one_insists(
    run: Path, toy_data: Path, tmp_path: Path, change: Callable[[Path], object], said: str
) -> None:
    data = Path(shutil.copytree(toy_data, tmp_path / "data"))
    open_data_of(resumed_record(run, data=data))  # a copy is the same data
    change(data)
    with pytest.raises(SemsynthError, match=f"has changed since the training began .*{said}.*`accept_changed_data`"):
        open_data_of(resumed_record(run, data=data))
    open_data_of(resumed_record(run, data=data, accept_changed_data=True))


def test_insisting_on_changed_data_makes_it_the_data_of_the_run(run: Path, toy_data: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(toy_data, tmp_path / "data"))
    rename(data, names(data)[0], "zz")
    before = contents(run)
    with pytest.raises(SemsynthError, match="names of its files"):
        semsynth.resume(run, data=data, steps=2, device="cpu")
    assert contents(run) == before
    assert semsynth.resume(run, data=data, accept_changed_data=True, steps=2, device="cpu").steps == 2
    assert semsynth.resume(run, steps=2, device="cpu").steps == 2


def test_another_number_of_images_is_refused_for_good(run: Path, toy_data: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(toy_data, tmp_path / "data"))
    for path in data.glob(f"train/*/{names(data)[0]}.png"):
        path.unlink()
    with pytest.raises(SemsynthError, match=r"it has 5 images, not 6\): restore it, or start a new run"):
        open_data_of(resumed_record(run, data=data))


def test_a_run_says_where_its_data_was_and_learns_where_it_is(run: Path, toy_data: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(toy_data, tmp_path / "moved"))
    record = RunFolder(run).open()
    RunFolder(run).rewrite(record.model_copy(update={"data": str(tmp_path / "gone")}))
    with pytest.raises(
        SemsynthError,
        match=f"was trained on {tmp_path / 'gone'}, which is not there: say where the same data is now with `data`",
    ):
        semsynth.resume(run, device="cpu")
    assert semsynth.resume(run, data=moved, steps=2, device="cpu").steps == 2
    assert RunFolder(run).open() == record.model_copy(
        update={"data": str(moved), "config": RunFolder(run).open().config}
    )
    assert semsynth.resume(run, device="cpu").steps == 2


def test_runs_of_older_versions_get_a_fingerprint(run: Path, toy_data: Path, tmp_path: Path) -> None:
    record = RunFolder(run).open()
    assert record.fingerprint is not None
    values = json.loads((run / "recipe.json").read_text())
    del values["fingerprint"]
    (run / "recipe.json").write_text(json.dumps(values))
    changed = Path(shutil.copytree(toy_data, tmp_path / "changed"))
    reorder(changed)
    with pytest.raises(SemsynthError, match="has other classes, or in another order, than the model"):
        semsynth.resume(run, data=changed, device="cpu")
    semsynth.resume(run, steps=1, device="cpu")
    assert RunFolder(run).open() == record

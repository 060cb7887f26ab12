"""The budget of pixels: pictures in work at a time, wherever threads read them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ImageFile

import semsynth
from semsynth.classes import builtin
from semsynth.data.budget import PixelBudget
from semsynth.data.folder import save_classes
from semsynth.data.shards.sharding import shard_folder
from semsynth.data.source import open_source
from semsynth.images import encode_png, save_png

CLASSES = builtin("cmp_facades")
SAMPLES = 6


def picture(height: int, width: int) -> bytes:
    return encode_png(np.zeros((height, width), np.uint8))


def test_what_does_not_fit_beside_others_waits_until_they_are_done(tmp_path: Path) -> None:
    budget, entered = PixelBudget(100), threading.Event()
    (tmp_path / "large.png").write_bytes(picture(10, 9))

    def read() -> None:
        with budget.reserved(None, picture(1, 5), picture(4, 3)):  # 12 pixels: the largest counts
            entered.set()

    with budget.reserved(tmp_path / "large.png", b"no picture"):
        other = threading.Thread(target=read)
        other.start()
        assert not entered.wait(0.1)
        with budget.reserved(picture(2, 5)):  # the 10 pixels that are left
            pass
    other.join(10)
    assert entered.is_set()
    with budget.reserved(picture(20, 20)):  # larger than everything: alone
        pass


def check_source(location: Path) -> object:
    return open_source(location).report()


def dataset(root: Path, labels: str = "labels") -> Path:
    """A few samples of one split."""
    if labels == "labels":
        save_classes(root, CLASSES)
    for number in range(SAMPLES):
        save_png(root / "train" / labels / f"{number}.png", np.full((8, 8), 1 + number % 12, np.uint8))
        save_png(root / "train/images" / f"{number}.png", np.zeros((8, 8, 3), np.uint8))
    return root


def import_mapped(data: Path) -> object:
    return semsynth.import_dataset("folder", data, data.with_name("out"), meaning=["3:4"])


def check_shards(data: Path) -> object:
    return check_source(data.with_name("shards"))


DOORS = {"dataset": check_source, "conditions": check_source, "shards": check_shards, "import": import_mapped}


@pytest.mark.parametrize("door", DOORS)
def test_every_door_reads_within_the_budget(door: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = dataset(tmp_path / "in", "conditions" if door == "conditions" else "labels")
    if door == "shards":
        shard_folder(data, tmp_path / "shards")
    most, now, lock = 0, 0, threading.Lock()
    load = ImageFile.ImageFile.load

    def counted(image: Any) -> Any:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.002)
        try:
            return load(image)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(ImageFile.ImageFile, "load", counted)
    monkeypatch.setattr(PixelBudget.__init__, "__defaults__", (64,))  # one picture
    DOORS[door](data)
    assert most == 1

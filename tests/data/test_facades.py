from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsynth.classes import VOID, builtin
from semsynth.data.facades import draw_facade
from semsynth.data.folder import DatasetFolder
from semsynth.data.grammars import FACADES
from semsynth.errors import SemsynthError
from semsynth.images import save_png

CLASSES = builtin("cmp_facades")
ID = {item.name: item.id for item in CLASSES.classes}


@pytest.fixture(scope="module")
def shares() -> np.ndarray:
    """[200,12]: share of pixels per layout and class."""
    layouts = [draw_facade(seed, 128) for seed in range(200)]
    return np.stack([np.bincount(layout.labels.ravel(), minlength=12) / layout.labels.size for layout in layouts])


@given(st.integers(0, 2**31), st.sampled_from([32, 100, 256]))
def test_every_front_has_walls_and_windows(seed: int, size: int) -> None:
    layout = draw_facade(seed, size)
    assert layout.size == (size, size)
    assert layout.classes == CLASSES
    present = set(np.unique(layout.labels))
    assert {ID["facade"], ID["window"]} <= present
    assert VOID not in present


def test_a_seed_is_a_front_at_every_size() -> None:
    assert np.array_equal(draw_facade(7).labels, draw_facade(7).labels)
    assert not np.array_equal(draw_facade(7).labels, draw_facade(8).labels)
    small, large = draw_facade(7, 128), draw_facade(7, 512).resized((128, 128))
    assert (small.labels == large.labels).mean() > 0.95


def test_things_sit_where_they_do_on_houses() -> None:
    rows = {name: [] for name in ("door", "shop", "window", "background")}
    for seed in range(80):
        labels = draw_facade(seed, 128).labels
        for name, found in rows.items():
            found.extend(np.nonzero(labels == ID[name])[0])
    median = {name: np.median(found) / 128 for name, found in rows.items()}
    assert median["door"] > 0.8
    assert median["shop"] > 0.8
    assert median["background"] < median["window"] < 0.7


def test_all_classes_occur(shares: np.ndarray) -> None:
    assert ((shares > 0).mean(0) > 0.2).all()


def test_shares_are_those_of_real_layouts(shares: np.ndarray, shared: Path) -> None:
    real = DatasetFolder(shared / "data/cmp_facades", "val", images=False)
    maps = [real[index].layout for index in range(len(real))]
    pixels = np.stack([np.bincount(CLASSES.index_of_id[one.labels].ravel(), minlength=13)[:12] for one in maps])
    expected = (pixels / pixels.sum(1, keepdims=True)).mean(0)
    assert np.abs(shares.mean(0) - expected).max() < 0.08
    assert np.abs(shares.mean(0) - expected).sum() < 0.25


def test_the_folder_holds_layouts_only(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    FACADES.write(tmp_path, 3, (64, 64), 10, lambda *step: steps.append(step))
    folder = DatasetFolder(tmp_path, "test", images=False)
    assert folder.names == ("facade_0010", "facade_0011", "facade_0012")
    assert np.array_equal(folder[2].layout.labels, draw_facade(12, 64).labels)
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_another_dataset_is_left_alone(tmp_path: Path) -> None:
    builtin("camvid").save(tmp_path / "classes.json")
    save_png(tmp_path / "test/labels/a.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(SemsynthError, match="holds other classes than 'cmp_facades'"):
        FACADES.write(tmp_path, 1, (16, 16))
    assert len(list(tmp_path.rglob("*.png"))) == 1

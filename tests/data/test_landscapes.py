"""Drawn landscapes look like the real label maps: shares, places, and kinds that differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from command_line import invoke
from hypothesis import given
from hypothesis import strategies as st

from semsynth.classes import VOID, builtin
from semsynth.data.folder import DatasetFolder
from semsynth.data.landscapes import KINDS, REAL_SHARES, draw_landscape
from semsynth.errors import SemsynthError
from semsynth.layout import Layout

CLASSES = builtin("ade_landscapes")
ID = {item.name: item.id for item in CLASSES.classes}


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    """[200,64,64] class ids."""
    return np.stack([draw_landscape(seed, (64, 64)).labels for seed in range(200)])


def test_chances_of_kinds_add_up_to_one() -> None:
    assert sum(kind.chance for kind in KINDS.values()) == pytest.approx(1)


def test_mean_shares_are_those_of_real_label_maps(drawn: np.ndarray) -> None:
    shares = np.bincount(drawn.ravel(), minlength=10) / drawn.size
    for name, share in REAL_SHARES.items():
        assert shares[ID[name]] == pytest.approx(share, abs=0.07), name


def test_real_shares_are_those_of_the_label_maps(shared: Path) -> None:
    counts = np.zeros(11)
    for split in ("train", "val"):
        folder = DatasetFolder(shared / "data/ade_landscapes", split, images=False)
        for number in range(len(folder)):
            counts += np.bincount(CLASSES.index_of_id[folder[number].layout.labels].ravel(), minlength=11)
    for name, share in REAL_SHARES.items():
        assert counts[ID[name]] / counts[:10].sum() == pytest.approx(share, abs=0.001), name


def test_sky_is_above_mountains_and_those_above_the_ground(drawn: np.ndarray) -> None:
    rows = np.arange(64)[None, :, None]
    middle = {name: (rows * (drawn == number)).sum() / max(1, (drawn == number).sum()) for name, number in ID.items()}
    assert middle["sky"] < middle["mountain"] < middle["water"]
    assert middle["tree"] < middle["grass"]
    assert middle["sky"] < 20 < 40 < middle["road"]


def test_a_sea_is_level_at_the_horizon() -> None:
    layouts = [draw_landscape(seed, (64, 64)).labels for seed in range(60)]
    tops = [np.flatnonzero((one == ID["water"]).any(1)).min() for one in layouts if (one == ID["water"]).any()]
    assert len(tops) > 15
    assert min(tops) > 0.15 * 64


def test_scenes_differ_and_seeds_repeat_them(drawn: np.ndarray) -> None:
    assert len(np.unique(drawn.reshape(len(drawn), -1), axis=0)) == len(drawn)
    assert np.array_equal(draw_landscape(5, (64, 64)).labels, drawn[5])


@given(st.integers(0, 2**31), st.integers(1, 70), st.integers(1, 70))
def test_every_size_has_classes_of_the_set_and_no_void(seed: int, height: int, width: int) -> None:
    layout = draw_landscape(seed, (height, width))
    assert layout.size == (height, width)
    assert layout.classes == CLASSES
    assert VOID not in layout.labels


def test_a_scene_is_the_same_at_twice_the_size() -> None:
    for seed in range(12):
        small, large = draw_landscape(seed, (96, 96)), draw_landscape(seed, (192, 192))
        same = (large.labels[::2, ::2] == small.labels).mean()
        assert same > 0.93, seed


def test_the_command_writes_a_folder_of_layouts(tmp_path: Path) -> None:
    code, text = invoke("data", "landscapes", tmp_path / "maps", "--count", 3, "--size", "64x48", "--seed", 7)
    assert code == 0, text
    folder = DatasetFolder(tmp_path / "maps", "test", images=False)
    assert folder.names == ("landscape_0007", "landscape_0008", "landscape_0009")
    assert np.array_equal(folder[0].layout.labels, draw_landscape(7, (48, 64)).labels)


def test_other_classes_are_not_mixed(tmp_path: Path) -> None:
    assert invoke("data", "facades", tmp_path / "maps", "--count", 1)[0] == 0
    code, text = invoke("data", "landscapes", tmp_path / "maps", "--count", 1)
    assert code == 2
    assert "maps" in text


def test_ids_are_checked_as_of_any_layout() -> None:
    with pytest.raises(SemsynthError, match="ids outside the class set 'ade_landscapes': 10"):
        Layout(np.full((2, 2), 10, np.uint16), CLASSES)

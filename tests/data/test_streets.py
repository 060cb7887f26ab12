from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from semsynth.checkpoint import BUNDLED, read_config
from semsynth.classes import VOID, builtin
from semsynth.cli.main import app
from semsynth.data.folder import DatasetFolder
from semsynth.data.grammars import STREETS
from semsynth.data.street_view import Camera, StreetView, Wall
from semsynth.data.streets import REAL_SHARES, draw_street
from semsynth.errors import SemsynthError
from semsynth.images import save_png

CLASSES = builtin("labelmefacade")
ID = {item.name: item.id for item in CLASSES.classes}
RANGES = {
    "building": (0.40, 0.53),
    "car": (0.025, 0.06),
    "door": (0.004, 0.018),
    "pavement": (0.04, 0.09),
    "road": (0.13, 0.21),
    "sky": (0.09, 0.18),
    "vegetation": (0.05, 0.12),
    "window": (0.025, 0.06),
}
"""Stated by hand around the means of the real label maps."""


@pytest.fixture(scope="module")
def drawn() -> list[np.ndarray]:
    return [draw_street(seed, (96, 128)).labels for seed in range(120)]


def test_mean_shares_lie_in_their_ranges(drawn: list[np.ndarray]) -> None:
    shares = np.mean([np.bincount(one.ravel(), minlength=8) / one.size for one in drawn], 0)
    found = {name: float(shares[ID[name]]) for name in RANGES}
    assert all(low < found[name] < high for name, (low, high) in RANGES.items()), found


def test_real_shares_are_those_of_the_label_maps(shared: Path) -> None:
    real = DatasetFolder(shared / "data/labelmefacade", "val", images=False)
    pixels = sum(
        np.bincount(CLASSES.index_of_id[real[index].layout.labels].ravel(), minlength=9)[:8] for index in range(60)
    )
    shares = pixels / pixels.sum()
    for name, share in REAL_SHARES.items():
        assert RANGES[name][0] < share < RANGES[name][1]
        assert shares[ID[name]] == pytest.approx(share, abs=0.04)


def test_things_sit_where_they_do_in_streets(drawn: list[np.ndarray]) -> None:
    stack = np.stack(drawn)
    rows = np.arange(96)
    middle = {name: np.average(rows, weights=(stack == number).sum((0, 2))) / 96 for name, number in ID.items()}
    assert middle["sky"] < 0.25 < middle["building"] < middle["door"] < middle["car"] < middle["road"]
    assert 0.35 < middle["window"] < 0.55
    assert middle["vegetation"] < middle["pavement"]
    assert (stack[:, 0] == ID["sky"]).mean() > 0.2
    assert np.isin(stack[:, -1], [ID["road"], ID["pavement"], ID["car"], ID["building"]]).mean() > 0.85


def test_streets_differ_and_have_the_parts_that_make_them(drawn: list[np.ndarray]) -> None:
    present = np.stack([[(one == number).any() for number in range(8)] for one in drawn]).mean(0)
    assert present[[ID["building"], ID["road"]]].min() > 0.98
    assert present.min() > 0.5
    assert len({one.tobytes() for one in drawn}) == len(drawn)


@given(st.integers(0, 2**31), st.sampled_from([(32, 48), (100, 64), (256, 384)]))
def test_every_scene_is_whole(seed: int, size: tuple[int, int]) -> None:
    layout = draw_street(seed, size)
    assert layout.size == size
    assert layout.classes == CLASSES
    assert VOID not in layout.labels


def test_a_seed_is_a_scene_at_every_size() -> None:
    assert np.array_equal(draw_street(7).labels, draw_street(7).labels)
    assert not np.array_equal(draw_street(7).labels, draw_street(8).labels)
    small, large = draw_street(7, (128, 192)), draw_street(7, (512, 768)).resized((128, 192))
    assert (small.labels == large.labels).mean() > 0.93


def test_the_camera_is_a_pinhole() -> None:
    camera = Camera(x=1.0, yaw=0.0, focal=1.0, horizon=0.5, eye=1.5)
    view = StreetView(camera, CLASSES, (100, 100), "sky")
    # Seen from x = 1: 2 m to the left and right at 10 m are 20 pixels, from 1.5 m below the eye to 1 m above it.
    view.add("window", Wall(-1, 10, 3, 10).rectangle(0, 0, 4, 2.5))
    rows, columns = np.nonzero(view.labels() == ID["window"])
    assert (columns.min(), columns.max()) == (pytest.approx(30, abs=1), pytest.approx(70, abs=1))
    assert (rows.min(), rows.max()) == (pytest.approx(40, abs=1), pytest.approx(65, abs=1))
    turned = Camera(x=1.0, yaw=math.pi / 2, focal=1.0, horizon=0.5).of_street(np.array([[6.0, 1.6, 0.0]]))
    assert turned == pytest.approx(np.array([[0.0, 0.0, 5.0]]), abs=1e-9)


def test_what_is_behind_the_camera_is_cut_off() -> None:
    view = StreetView(Camera(x=0.0, yaw=0.0, focal=1.0, horizon=0.5), CLASSES, (64, 64), "sky")
    view.add("car", Wall(-1, -5, 1, -5).rectangle(0, 0, 2, 2))
    assert (view.labels() == ID["sky"]).all()
    view.add("road", np.array([[[-500, 0, -50], [500, 0, -50], [500, 0, 1e5], [-500, 0, 1e5]]], float))
    assert (view.labels()[33:] == ID["road"]).all()
    assert (view.labels()[:31] == ID["sky"]).all()


def test_the_folder_holds_layouts_only(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    STREETS.write(tmp_path, 3, (64, 96), 10, lambda *step: steps.append(step))
    folder = DatasetFolder(tmp_path, "test", images=False)
    assert folder.names == ("street_0010", "street_0011", "street_0012")
    assert np.array_equal(folder[2].layout.labels, draw_street(12, (64, 96)).labels)
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_another_dataset_is_left_alone(tmp_path: Path) -> None:
    builtin("camvid").save(tmp_path / "classes.json")
    save_png(tmp_path / "test/labels/a.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(SemsynthError, match="holds other classes than 'labelmefacade'"):
        STREETS.write(tmp_path, 1, (16, 16))
    assert len(list(tmp_path.rglob("*.png"))) == 1


def test_the_command(tmp_path: Path) -> None:
    told = CliRunner().invoke(
        app, ["data", "streets", str(tmp_path / "d"), "--count", "2", "--seed", "3", "--size", "96x64"]
    )
    assert told.exit_code == 0
    assert "2 layouts of 96x64" in told.output
    assert DatasetFolder(tmp_path / "d", "test", images=False)[0].layout.size == (64, 96)
    wrong = CliRunner().invoke(app, ["data", "streets", str(tmp_path / "e"), "--size", "96"])
    assert wrong.exit_code == 2
    assert "expected WIDTHxHEIGHT" in wrong.output
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize("name", ["facades", "streets"])
def test_layouts_are_drawn_in_the_size_of_the_bundled_model(name: str, tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["data", name, str(tmp_path / name), "--count", "1"]).exit_code == 0
    size = DatasetFolder(tmp_path / name, "test", images=False)[0].layout.size
    assert size == read_config(BUNDLED / name).trained_size

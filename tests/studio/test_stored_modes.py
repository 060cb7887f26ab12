"""Modes of noise through the studio's interface: as those of pix2pixHD's objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from studio_server import ask, assert_problem, browse, facade, label_png, pixels_of
from tiny_models import CLASSES, Z_DIM, save_tiny_oasis

from semsynth.checkpoint import load_model
from semsynth.studio.app import create_app
from semsynth.studio.served import serve
from semsynth.styles.bank import StyleBank
from semsynth.styles.noise import noise_of
from semsynth.synthesizer import load

WALL = CLASSES["facade"].id
PNG = {"format": "png"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_tiny_oasis(tmp_path_factory.mktemp("models") / "noise")
    bank = StyleBank({}, Z_DIM)
    for seed, name in ((11, "brick"), (12, "plaster")):
        bank = bank.with_mode(WALL, noise_of(seed, Z_DIM), name)
    bank.save(folder, load_model(folder).config.style_weights)
    return folder


@pytest.fixture(scope="module")
def client(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    app: FastAPI = create_app([serve(str(folder), "cpu", "float32")], static=tmp_path_factory.mktemp("static"))
    return browse(app)


def test_modes_are_told(client: TestClient) -> None:
    (model,) = client.get("/api/models").json()["models"]
    assert model["abilities"]["object_styles"] is True
    assert {item["id"]: item["modes"] for item in model["classes"]["classes"] if item["modes"]} == {WALL: 2}


def test_a_mode_of_a_class_is_that_of_the_python_interface(client: TestClient, folder: Path) -> None:
    layout = facade(64)
    options = {"seed": 3, "objects": {str(WALL): 1}, **PNG}
    made = pixels_of(ask(client, "synthesize", label_png(layout), options, "noise").content)
    synthesizer = load(folder, "cpu", "float32")
    assert np.array_equal(made, np.asarray(synthesizer(layout, seed=3, object_styles={WALL: "plaster"})))
    assert not np.array_equal(made, np.asarray(synthesizer(layout, seed=3)))


def test_the_modes_of_a_class_side_by_side(client: TestClient, folder: Path) -> None:
    layout = facade(64)
    options = {"object": WALL, "seed": 3, "crop": False, **PNG}
    answer = ask(client, "style-choices", label_png(layout), options, "noise")
    assert answer.headers["Semsynth-Count"] == "2"
    sheet = pixels_of(answer.content)
    first = np.asarray(load(folder, "cpu", "float32")(layout, seed=3, object_styles={WALL: 0})).astype(int)
    assert abs(sheet[:64, :64].astype(int) - first).max() <= 1


def test_a_mode_that_is_not_there_is_one_line(client: TestClient) -> None:
    options = {"objects": {str(WALL): 9}}
    answer = ask(client, "synthesize", label_png(facade(64)), options, "noise")
    assert_problem(answer, 422, "invalid", "no mode 9", "brick, plaster")

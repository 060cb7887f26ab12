from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient
from studio_server import ask, assert_problem, browse, on_a_port, pixels_of
from tiny_models import save_tiny_model

from semsynth.data.facades import draw_facade
from semsynth.studio.app import create_app
from semsynth.studio.served import serve, with_distinct_ids
from semsynth.synthesizer import load


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    static = tmp_path_factory.mktemp("static")
    return browse(create_app([serve("facades", "cpu", "float32")], static=static))


def test_what_is_told_of_it(client: TestClient) -> None:
    (model,) = client.get("/api/models").json()["models"]
    bundled = load("facades", "cpu", "float32")
    assert (model["id"], model["reads"], len(model["hash"])) == ("facades", "labels", 12)
    assert model["sizes"] | {"max_pixels": 0} == {
        "default": {"width": 256, "height": 256},
        "fixed": True,
        "multiple_of": {"width": 256, "height": 256},
        "max_pixels": 0,
    }
    assert model["abilities"]["styles"] is True
    assert model["abilities"]["style_vector"] == len(bundled.style(seed=0))
    assert [(one["id"], one["name"], tuple(one["color"])) for one in model["classes"]["classes"]] == [
        (item.id, item.name, item.color) for item in bundled.classes.classes
    ]
    assert model["licence"] == bundled.card.licence != ""


def test_photos_are_those_of_the_command_line(client: TestClient) -> None:
    label = client.get("/api/examples/facade-7.png").content
    answer = ask(client, "synthesize", label, {"seed": 3, "format": "png"}, "facades")
    expected = np.asarray(load("facades", "cpu", "float32")(draw_facade(7), seed=3))
    assert np.array_equal(pixels_of(answer.content), expected)
    quick = ask(client, "synthesize", label, {"seed": 3}, "facades")
    difference = np.abs(pixels_of(quick.content).astype(int) - expected)
    assert difference.mean() < 4
    assert len(quick.content) < len(answer.content) / 3


def test_a_stroke_changes_the_photo_where_it_is(client: TestClient) -> None:
    labels = draw_facade(7).labels.copy()
    before = ask(client, "synthesize", png(labels), {"format": "png"}, "facades")
    labels[100:140, 100:130] = 3 if labels[120, 115] != 3 else 1
    after = ask(client, "synthesize", png(labels), {"format": "png"}, "facades")
    change = np.abs(pixels_of(before.content).astype(int) - pixels_of(after.content)).mean(2)
    assert change[100:140, 100:130].mean() > 5 * change[:40].mean()


def test_the_style_of_a_photo_as_vector(client: TestClient) -> None:
    label = client.get("/api/examples/facade-7.png").content
    photo = Image.fromarray(np.full((300, 200, 3), (180, 90, 40), np.uint8))
    buffer = BytesIO()
    photo.save(buffer, "JPEG")
    vector = ask(client, "style", None, None, "facades", style=buffer.getvalue()).json()["vector"]
    by_vector = ask(client, "synthesize", label, {"vector": vector, "format": "png"}, "facades")
    by_photo = ask(client, "synthesize", label, {"format": "png"}, "facades", style=buffer.getvalue())
    assert np.array_equal(pixels_of(by_vector.content), pixels_of(by_photo.content))
    assert_problem(ask(client, "synthesize", label, {"vector": [1.0]}, "facades"), 422, "invalid", "shape")


def test_names_of_models(tmp_path: Path, make_app: Callable[..., FastAPI]) -> None:
    folders = [tmp_path / "a run" / "model", tmp_path / "other" / "tiny", tmp_path / "tiny"]
    for folder in folders:
        save_tiny_model(folder, encoder=folder != folders[1])
    run = folders[0].parent
    served = with_distinct_ids([serve(str(one), "cpu", "float32") for one in (run, *folders)])
    assert [model.id for model in served] == ["a-run", "a-run-2", "tiny", "tiny-2"]
    assert served[0].hash == served[1].hash != served[2].hash
    client = browse(make_app(served))
    assert [model["id"] for model in client.get("/api/models").json()["models"]] == [model.id for model in served]


def test_the_documented_example_runs(client: TestClient, repository: Path, tmp_path: Path) -> None:
    document = (repository / "docs" / "studio-api.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    with on_a_port(client.app) as port:
        done = subprocess.run(
            [sys.executable, "-c", code.replace(":7860", f":{port}")], cwd=tmp_path, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"^256x256 [\d.]+ ms$", done.stdout, re.MULTILINE)) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"photo_{seed}.png" for seed in range(3)]


def png(labels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(labels.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()

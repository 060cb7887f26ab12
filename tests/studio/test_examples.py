from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from studio_server import FakeSynthesizer, ask, assert_problem, browse, pixels_of, serve_fake
from tiny_models import save_tiny_model

from semsynth.data.facades import draw_facade
from semsynth.data.folder import DatasetFolder
from semsynth.data.grammars import FACADES
from semsynth.data.toy import TOY_CLASSES, draw_scene, write_toy
from semsynth.errors import SemsynthError
from semsynth.studio.served import serve


def names(client: TestClient) -> list[str]:
    return [one["name"] for one in client.get("/api/examples").json()["examples"]]


def test_drawn_examples_can_be_read_and_made_into_photos(client: TestClient) -> None:
    listed = client.get("/api/examples").json()["examples"]
    assert len(listed) >= 5
    assert all(one["models"] == ["fake"] and one["class_set"] == "cmp_facades" for one in listed)
    for one in listed[:2]:
        label = client.get(f"/api/examples/{one['name']}.png").content
        layout = draw_facade(int(one["name"].removeprefix("facade-")))
        assert label[24] == 16  # bits
        assert np.array_equal(pixels_of(label), layout.labels)
        preview = client.get(f"/api/examples/{one['name']}/preview.png").content
        assert np.array_equal(pixels_of(preview), layout.colors())
    assert ask(client, "synthesize", client.get("/api/examples/facade-123.png?side=40").content).status_code == 200
    assert pixels_of(client.get("/api/examples/facade-123.png?side=40").content).shape == (40, 40)


def test_random_examples_differ_by_seed_and_can_be_read(client: TestClient) -> None:
    found = [client.get(f"/api/examples/random?model=fake&seed={seed}").json() for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]
    assert client.get(f"/api/examples/{found[2]['name']}.png?side=16").status_code == 200
    assert_problem(client.get("/api/examples/random?model=nope"), 404, "not_found", "fake")
    assert_problem(client.get("/api/examples/random?model=fake&seed=x"), 422, "invalid", "seed")


def test_examples_of_a_dataset_folder(tmp_path: Path, make_app: Callable[..., FastAPI]) -> None:
    FACADES.write(tmp_path / "data", 60, (16, 16))
    client = browse(make_app([serve_fake(FakeSynthesizer())], data=tmp_path / "data"))
    of_data = [name for name in names(client) if name.startswith("test-")]
    assert of_data[:2] == ["test-00000", "test-00002"]  # 60 are too many: every second one
    folder = DatasetFolder(tmp_path / "data", "test", images=False)
    answer = client.get("/api/examples/test-00059.png")
    assert np.array_equal(pixels_of(answer.content), folder[59].layout.labels)
    assert client.get("/api/examples/random?model=fake&seed=3").json()["name"].startswith("test-")
    for missing in ("test-00060.png", "test-00000/photo.png", "test-00000/instances.png", "train-00000.png"):
        assert_problem(client.get(f"/api/examples/{missing}"), 404, "not_found")


def test_examples_with_instances_and_photos(tmp_path: Path, make_app: Callable[..., FastAPI]) -> None:
    model = serve(str(save_tiny_model(tmp_path / "toy", classes=TOY_CLASSES)), "cpu", "float32")
    write_toy(tmp_path / "data", 5, 16)
    client = browse(make_app([model, serve_fake(FakeSynthesizer())], data=tmp_path / "data"))
    found = {one["name"]: one for one in client.get("/api/examples").json()["examples"]}
    assert found["train-00000"] | {"name": ""} == found["toy-0"] | {"name": ""}
    assert found["toy-0"] == {
        "name": "toy-0",
        "class_set": "toy",
        "models": ["toy"],
        "instances": True,
        "photo": True,
    }
    assert found["facade-0"]["models"] == ["fake"]
    sample = draw_scene(3, 32)
    parts = {"": sample.layout.labels, "/instances": sample.layout.instances, "/photo": sample.image}
    for part, expected in parts.items():
        made = client.get(f"/api/examples/toy-3{part}.png?side=32")
        assert np.array_equal(pixels_of(made.content), expected)


def test_data_that_no_model_reads_is_refused(tmp_path: Path, make_app: Callable[..., FastAPI]) -> None:
    write_toy(tmp_path / "data", 2, 16)
    with pytest.raises(SemsynthError, match="class set 'toy'"):
        make_app([serve_fake(FakeSynthesizer())], data=tmp_path / "data")
    with pytest.raises(SemsynthError, match="no dataset folder"):
        make_app([serve_fake(FakeSynthesizer())], data=tmp_path / "nowhere")


@pytest.mark.parametrize(
    "name",
    [
        "..%2F..%2F..%2Fetc%2Fpasswd",
        "%2e%2e/secret",
        "facade-",
        "facade--1",
        "facade-0x1",
        "facade-1%00",
        "facade-9999999999",
        "toy-1",
        "test-00000",
        "facade-%D9%A1",
        "C:%5Cwindows",
    ],
)
def test_names_that_are_none(client: TestClient, name: str) -> None:
    for address in (f"/api/examples/{name}.png", f"/api/examples/{name}/preview.png"):
        assert_problem(client.get(address), 404, "not_found")


def test_browsers_need_not_load_what_they_have(client: TestClient) -> None:
    for address in ("/api/examples/facade-0.png", "/api/models", "/api/examples", "/main.js"):
        first = client.get(address)
        again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert first.headers["cache-control"] == "no-cache"
        other = client.get(address, headers={"If-None-Match": '"something else"'})
        assert other.content == first.content

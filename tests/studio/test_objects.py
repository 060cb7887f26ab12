"""Objects: their styles, with a tiny network and with the small model; and their edits."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from studio_server import (
    CLASSES,
    FakeSynthesizer,
    ask,
    assert_problem,
    browse,
    label_png,
    photo_png,
    pixels_of,
    serve_fake,
)
from tiny_models import save_tiny_pix2pixhd

from semsynth.images import encode_png
from semsynth.layout import Layout, edits
from semsynth.layout.instances import instances_from_components, surroundings
from semsynth.studio.served import serve

WALL, WINDOW, DOOR = 1, 2, 3
PNG = {"format": "png"}


def scene() -> Layout:
    """Two windows in a wall, as instances 1 and 2 of 0."""
    labels, instances = np.full((32, 32), WALL, np.uint16), np.zeros((32, 32), np.int32)
    for number, left in ((1, 4), (2, 20)):
        labels[8:14, left : left + 6] = WINDOW
        instances[8:14, left : left + 6] = number
    return Layout(labels, CLASSES, instances)


def instance_png(layout: Layout) -> bytes:
    assert layout.instances is not None
    return encode_png(layout.instances.astype(np.uint16))


def decoded(answer: dict[str, Any]) -> Layout:
    instances = answer["instances"]
    return Layout(
        pixels_of(base64.b64decode(answer["label"])),
        CLASSES,
        None if instances is None else pixels_of(base64.b64decode(instances)).astype(np.int32),
    )


def assert_equal(one: Layout, other: Layout) -> None:
    assert np.array_equal(one.labels, other.labels)
    assert (one.instances is None) == (other.instances is None)
    assert one.instances is None or np.array_equal(one.instances, other.instances)


@pytest.fixture
def painter(make_app: Callable[..., FastAPI]) -> TestClient:
    return browse(make_app([serve_fake(FakeSynthesizer(object_styles=True))]))


def test_styles_of_objects_by_mode_and_by_photo(painter: TestClient) -> None:
    layout = scene()
    parts = {"instances": instance_png(layout), "object_photos": [photo_png((9, 9, 9)), photo_png((1, 2, 3))]}
    options = {"object_styles": {"1": 40, "2": {"photo": 1}}, **PNG}
    pixels = pixels_of(ask(painter, "synthesize", label_png(layout), options, **parts).content)
    assert (pixels[layout.instances == 1] == 40).all()
    assert (pixels[layout.instances == 2] == (1, 2, 3)).all()
    assert (pixels[layout.instances == 0] == layout.colors()[0, 0]).all()
    other = {"object_photos": [photo_png((9, 9, 9)), photo_png((7, 7, 7))]}
    changed = ask(painter, "synthesize", label_png(layout), options, **{**parts, **other})
    assert changed.headers["semsynth-cache"] == "miss"


def test_choices_of_an_object_are_a_sheet_of_its_surroundings(painter: TestClient) -> None:
    layout = scene()
    parts = {"instances": instance_png(layout)}
    answer = ask(painter, "style-choices", label_png(layout), {"object": 2, **PNG}, **parts)
    left, top, right, bottom = surroundings(layout, 2)
    assert answer.headers["semsynth-box"] == f"{top},{left},{bottom},{right}"
    assert (answer.headers["semsynth-grid"], answer.headers["semsynth-count"]) == ("2x2", "3")
    height, width = bottom - top, right - left
    assert answer.headers["semsynth-size"] == f"{width}x{height}"
    pixels = pixels_of(answer.content)
    for mode in range(3):
        row, column = mode // 2 * height, mode % 2 * width
        assert (pixels[row + 11 - top, column + 23 - left] == 10 * mode).all()
    whole = ask(painter, "style-choices", label_png(layout), {"object": 2, "crop": False, **PNG}, **parts)
    assert pixels_of(whole.content).shape == (64, 64, 3)
    assert "semsynth-box" not in whole.headers


def test_choices_need_an_object(painter: TestClient, client: TestClient) -> None:
    label = label_png(scene())
    assert_problem(ask(painter, "style-choices", label), 422, "invalid", "'options' is missing")
    assert_problem(ask(painter, "style-choices", label, {}), 422, "invalid", "'options.object' is missing")
    assert_problem(ask(client, "style-choices", label, {"object": 1}), 422, "invalid", "no styles for objects")


def test_a_trained_model_with_object_styles(
    tmp_path_factory: pytest.TempPathFactory, make_app: Callable[..., FastAPI]
) -> None:
    served = serve(str(save_tiny_pix2pixhd(tmp_path_factory.mktemp("m") / "tiny")), "cpu", "float32")
    client = browse(make_app([served]))
    layout = scene()
    parts = {"instances": instance_png(layout)}
    (described,) = client.get("/api/models").json()["models"]
    assert described["abilities"] == {
        "styles": True,
        "object_styles": True,
        "style_vector": 0,
        "reads_photos": True,
        "needs_instances": True,
        "uses_instances": True,
        "images_per_layout": 1,
        "segmenter": False,
    }
    assert described["sizes"]["fixed"] is False
    modes = {one["id"]: one["modes"] for one in described["classes"]["classes"]}
    assert modes == {item.id: 1 + item.id % 4 for item in CLASSES.classes}
    options = {"object": 1, "seed": 5, "crop": False, **PNG}
    sheet = pixels_of(ask(client, "style-choices", label_png(layout), options, "tiny", **parts).content)
    chosen = {"seed": 5, "object_styles": {"1": modes[WINDOW] - 1}, **PNG}
    photo = pixels_of(ask(client, "synthesize", label_png(layout), chosen, "tiny", **parts).content)
    assert np.array_equal(photo, np.asarray(served.synthesizer(layout, None, 5, object_styles={1: modes[WINDOW] - 1})))
    row, column = divmod(modes[WINDOW] - 1, int(np.ceil(np.sqrt(modes[WINDOW]))))
    cell = sheet[32 * row : 32 * row + 32, 32 * column : 32 * column + 32].astype(int)
    assert np.abs(cell - photo).max() <= 1
    assert_problem(ask(client, "synthesize", label_png(layout), model="tiny"), 422, "invalid", "instance")
    wrong = {"objects": {"99": 0}}
    assert_problem(ask(client, "synthesize", label_png(layout), wrong, "tiny", **parts), 422, "invalid", "99")
    assert_problem(ask(client, "style", None, model="tiny", style=photo_png((1, 2, 3))), 422, "invalid", "tiny")


MASK = np.zeros((32, 32), bool)
MASK[20:26, 10:16] = True
COVER = scene().instances == 1


@pytest.mark.parametrize(
    ("edit", "mask", "expected"),
    [
        ({"verb": "remove", "id": 1}, None, lambda one: edits.remove(one, 1)),
        ({"verb": "remove", "id": 1, "fill": DOOR}, None, lambda one: edits.remove(one, 1, DOOR)),
        ({"verb": "relabel", "id": 2, "class_id": DOOR}, None, lambda one: edits.relabel(one, 2, DOOR)),
        (
            {"verb": "relabel_class", "from_id": WINDOW, "to_id": DOOR},
            None,
            lambda one: edits.relabel_class(one, WINDOW, DOOR),
        ),
        ({"verb": "move", "id": 1, "down": 5, "right": -2}, None, lambda one: edits.move(one, 1, (5, -2))),
        ({"verb": "duplicate", "id": 1, "down": 10, "right": 3}, None, lambda one: edits.duplicate(one, 1, (10, 3))),
        ({"verb": "add", "class_id": DOOR}, MASK, lambda one: edits.add(one, MASK, DOOR)),
        ({"verb": "add", "class_id": WINDOW, "id": 1}, MASK, lambda one: edits.add(one, MASK, WINDOW, 1)),
        ({"verb": "bring_forward", "id": 1}, MASK | COVER, lambda one: edits.bring_forward(one, 1, MASK | COVER)),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_every_verb_does_what_the_library_does(
    client: TestClient, edit: dict[str, Any], mask: np.ndarray | None, expected: Callable[[Layout], Layout]
) -> None:
    layout = scene()
    parts = {"instances": instance_png(layout)} | ({} if mask is None else {"mask": encode_png(mask.astype(np.uint8))})
    answer = ask(client, "edits", label_png(layout), {"edits": [edit]}, **parts)
    assert answer.status_code == 200, answer.text
    made = expected(layout)
    assert_equal(decoded(answer.json()), made)
    before, after = (set(np.unique(one.instances).tolist()) for one in (layout, made))
    assert answer.json()["created"] == sorted(after - before)


def test_edits_are_made_in_order(client: TestClient) -> None:
    layout = scene()
    steps = [{"verb": "duplicate", "id": 1, "down": 10, "right": 0}, {"verb": "remove", "id": 3}]
    answer = ask(client, "edits", label_png(layout), {"edits": steps}, instances=instance_png(layout)).json()
    assert_equal(decoded(answer), edits.remove(edits.duplicate(layout, 1, (10, 0)), 3))
    assert answer["created"] == []


def test_no_edits_read_colours_and_tell_the_objects(client: TestClient) -> None:
    layout = scene()
    answer = ask(client, "edits", encode_png(layout.colors()), {"components": True}).json()
    assert_equal(decoded(answer), instances_from_components(layout))
    assert (answer["width"], answer["height"]) == (32, 32)
    windows = [one for one in answer["objects"] if one["class_id"] == WINDOW]
    assert [(one["pixels"], one["box"]) for one in windows] == [(36, [8, 4, 14, 10]), (36, [8, 20, 14, 26])]
    plain = ask(client, "edits", label_png(layout)).json()
    assert plain["instances"] is None
    assert [one["class_id"] for one in plain["objects"]] == [WALL, WINDOW]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"edits": [{"verb": "remove", "id": 9}]}, ["edits.0 (remove)", "9"]),
        (
            {"edits": [{"verb": "remove", "id": 1}, {"verb": "move", "id": 1, "down": 0, "right": 1}]},
            ["edits.1 (move)"],
        ),
        ({"edits": [{"verb": "add", "class_id": 3}]}, ["edits.0 (add)", "mask"]),
        ({"edits": [{"verb": "explode", "id": 1}]}, ["options.edits.0", "verb"]),
        ({"edits": [{"verb": "remove", "id": 1, "fill": 999}]}, ["999"]),
        ({"edits": [{"verb": "remove", "id": 1}] * 101}, ["options.edits"]),
        ({"edits": [{"verb": "move", "id": 1, "down": 10**6, "right": 0}]}, ["outside"]),
        ({"edits": [{"verb": "move", "id": 1, "down": 10**30, "right": 0}]}, ["down"]),
    ],
)
def test_edits_that_cannot_be_made(client: TestClient, options: dict[str, Any], words: list[str]) -> None:
    layout = scene()
    answer = ask(client, "edits", label_png(layout), options, instances=instance_png(layout))
    assert_problem(answer, 422, "invalid", *words)


def test_maps_and_masks_of_other_sizes_are_refused(client: TestClient) -> None:
    layout = scene()
    small = encode_png(np.ones((4, 4), np.uint8))
    assert_problem(ask(client, "edits", label_png(layout), instances=small), 422, "invalid", "4x4")
    options = {"edits": [{"verb": "add", "class_id": 3}]}
    assert_problem(ask(client, "edits", label_png(layout), options, mask=small), 422, "invalid", "mask")

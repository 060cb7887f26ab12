from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
import torch
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient
from studio_server import (
    FakeSynthesizer,
    ask,
    assert_problem,
    browse,
    facade,
    label_png,
    photo_png,
    pixels_of,
    serve_fake,
)

from semsynth.images import encode_png
from semsynth.layout import Layout

PNG = {"format": "png"}


def test_a_label_map_becomes_a_photo(client: TestClient) -> None:
    layout = facade()
    answer = ask(client, "synthesize", label_png(layout), {"seed": 3, **PNG})
    assert answer.status_code == 200
    assert np.array_equal(pixels_of(answer.content), (layout.colors().astype(int) + 3) % 256)
    headers = answer.headers
    assert headers["content-type"] == "image/png"
    assert headers["semsynth-model"] == "hash-of-fake"
    assert (headers["semsynth-seed"], headers["semsynth-count"], headers["semsynth-size"]) == ("3", "1", "32x32")
    assert float(headers["semsynth-milliseconds"]) > 0
    assert [part.split(";")[0] for part in headers["server-timing"].split(", ")] == ["decode", "wait", "run", "encode"]
    assert "semsynth-note" not in headers


def test_options_may_be_left_out(client: TestClient, synthesizer: FakeSynthesizer) -> None:
    answer = ask(client, "synthesize", label_png(facade()))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert answer.headers["semsynth-seed"] == "0"
    assert pixels_of(answer.content).shape == (32, 32, 3)
    assert synthesizer.made == [None]


@pytest.mark.parametrize("kind", ["8 bit", "16 bit", "colours", "palette"])
def test_label_maps_in_every_form(client: TestClient, kind: str) -> None:
    layout = facade()
    palette = Image.fromarray(layout.labels.astype(np.uint8))
    palette.putpalette(list(range(30)))
    buffer = BytesIO()
    palette.save(buffer, "PNG")
    data = {
        "8 bit": encode_png(layout.labels.astype(np.uint8)),
        "16 bit": encode_png(layout.labels),
        "colours": encode_png(layout.colors()),
        "palette": buffer.getvalue(),
    }[kind]
    answer = ask(client, "synthesize", data, PNG)
    assert np.array_equal(pixels_of(answer.content), layout.colors())


def test_sizes(client: TestClient) -> None:
    layout = facade(35)
    answer = ask(client, "synthesize", label_png(layout), PNG)
    assert answer.headers["semsynth-size"] == "32x32"
    assert "resized to 32x32" in unquote(answer.headers["semsynth-note"])
    assert np.array_equal(pixels_of(answer.content), layout.resized((32, 32)).colors())
    answer = ask(client, "synthesize", label_png(layout), {"size": {"width": 64, "height": 16}, **PNG})
    assert (answer.headers["semsynth-size"], pixels_of(answer.content).shape) == ("64x16", (16, 64, 3))
    answer = ask(client, "synthesize", label_png(layout), {"size": {"width": 65, "height": 16}})
    assert_problem(answer, 422, "invalid", "65x16", "nearest")


def test_several_photos_as_a_sheet_and_as_an_archive(client: TestClient) -> None:
    layout = facade()
    sheet = ask(client, "synthesize", label_png(layout), {"count": 5, "seed": 7, **PNG})
    assert (sheet.headers["semsynth-grid"], sheet.headers["semsynth-count"]) == ("3x2", "5")
    assert sheet.headers["semsynth-size"] == "32x32"
    pixels = pixels_of(sheet.content)
    assert pixels.shape == (64, 96, 3)
    archive = ask(client, "synthesize", label_png(layout), {"count": 5, "seed": 7, "pack": "zip", **PNG})
    assert archive.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(BytesIO(archive.content)) as opened:
        assert opened.namelist() == [f"{index}.png" for index in range(5)]
        for index in range(5):
            row, column = divmod(index, 3)
            cell = pixels[32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
            assert np.array_equal(pixels_of(opened.read(f"{index}.png")), cell)
            assert np.array_equal(cell, (layout.colors().astype(int) + 7 + index) % 256)


def test_style_by_photo_and_by_vector(client: TestClient) -> None:
    layout = facade()
    label = label_png(layout)
    by_photo = ask(client, "synthesize", label, PNG, style=photo_png((5, 6, 7)))
    assert np.array_equal(pixels_of(by_photo.content), (layout.colors().astype(int) + np.array([5, 6, 7])) % 256)
    assert "semsynth-seed" not in by_photo.headers
    vector = ask(client, "style", None, style=photo_png((5, 6, 7))).json()["vector"]
    assert vector == [5, 6, 7]
    by_vector = ask(client, "synthesize", label, {"vector": vector, **PNG})
    assert by_vector.content == by_photo.content
    for options in ({"seed": 1}, {"count": 2}, {"vector": vector}):
        assert_problem(ask(client, "synthesize", label, options, style=photo_png((5, 6, 7))), 422, "invalid", "style")


def test_style_vectors_are_refused_where_there_are_none(make_app: Callable[..., FastAPI]) -> None:
    served = serve_fake(FakeSynthesizer())
    client = browse(make_app([type(served)(served.id, served.synthesizer, "h", (32, 32))]))
    assert_problem(ask(client, "style", None, style=photo_png((1, 2, 3))), 422, "invalid", "fake")


def test_identical_requests_are_made_once(client: TestClient, synthesizer: FakeSynthesizer) -> None:
    label = label_png(facade())
    first = ask(client, "synthesize", label, {"seed": 1, "client": "a", "stroke": 1})
    again = ask(client, "synthesize", label, {"seed": 1, "client": "b", "stroke": 7})
    assert (first.headers["semsynth-cache"], again.headers["semsynth-cache"]) == ("miss", "hit")
    assert again.content == first.content
    assert again.headers["semsynth-seed"] == "1"
    for other, options in ((label, {"seed": 2}), (label_png(facade(32, 1)), {"seed": 1})):
        assert ask(client, "synthesize", other, options).headers["semsynth-cache"] == "miss"
    assert synthesizer.made == [1, 2, 1]


def test_two_models_do_not_share_answers(make_app: Callable[..., FastAPI]) -> None:
    client = browse(make_app([serve_fake(FakeSynthesizer(), name) for name in ("one", "two")]))
    answers = [ask(client, "synthesize", label_png(facade()), model=name) for name in ("one", "two")]
    assert [answer.headers["semsynth-cache"] for answer in answers] == ["miss", "miss"]


def test_an_older_stroke_is_dropped(client: TestClient, synthesizer: FakeSynthesizer) -> None:
    label = label_png(facade())
    assert ask(client, "synthesize", label, {"client": "tab", "stroke": 5}).status_code == 200
    answer = ask(client, "synthesize", label, {"client": "tab", "stroke": 4, "seed": 9})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["semsynth-overtaken"] == "5"
    assert 9 not in synthesizer.made
    assert ask(client, "synthesize", label, {"client": "other", "stroke": 4, "seed": 9}).status_code == 200


def damaged() -> bytes:
    whole = label_png(facade())
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (encode_png(np.full((8, 8), 77, np.uint8)), ["77 (64 pixels)", "cmp_facades"]),
        (encode_png(np.full((8, 8, 3), (1, 2, 3), np.uint8)), ["#010203"]),
        (damaged(), ["label", "truncated"]),
        (b"GIF89a", ["not a picture"]),
        (b"", ["empty"]),
    ],
    ids=["ids", "colours", "truncated", "no picture", "empty"],
)
def test_label_maps_that_cannot_be_read(client: TestClient, label: bytes, words: list[str]) -> None:
    assert_problem(ask(client, "synthesize", label), 422, "invalid", *words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("{", ["options", "JSON"]),
        ("[]", ["options"]),
        ({"sed": 1}, ["options.sed"]),
        ({"seed": -1}, ["options.seed"]),
        ({"seed": 2**63}, ["options.seed"]),
        ({"count": 0}, ["options.count"]),
        ({"count": 17}, ["options.count"]),
        ({"client": "../../etc"}, ["options.client"]),
        ({"format": "gif"}, ["options.format"]),
        ('{"vector": [NaN]}', ["options.vector"]),
        ({"size": {"width": 0, "height": 8}}, ["options.size.width"]),
        ({"object_styles": {"car": 1}}, ["options.object_styles"]),
        ({"object_styles": {"7": {"photo": 0}}}, ["object photo 0", "0 were sent"]),
    ],
)
def test_options_that_are_wrong(client: TestClient, options: Any, words: list[str]) -> None:
    assert_problem(ask(client, "synthesize", label_png(facade()), options), 422, "invalid", *words)


def test_a_missing_part_is_named(client: TestClient) -> None:
    assert_problem(ask(client, "synthesize", None, {}, style=b"x"), 422, "invalid", "'label' is missing")


def test_a_defect_is_one_line_and_the_next_request_works(
    synthesizer: FakeSynthesizer, make_app: Callable[..., FastAPI], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browse(make_app([serve_fake(synthesizer)]), raise_server_exceptions=False)
    with monkeypatch.context() as patch:
        patch.setattr(FakeSynthesizer, "__call__", lambda *_, **__: 1 / 0)
        assert_problem(ask(client, "synthesize", label_png(facade())), 500, "internal", "ZeroDivisionError")
    assert ask(client, "synthesize", label_png(facade())).status_code == 200


def test_segmentation(make_app: Callable[..., FastAPI]) -> None:
    def by_brightness(photo: np.ndarray, size: tuple[int, int]) -> Layout:
        bright = np.asarray(Image.fromarray(photo).resize((size[1], size[0])).convert("L")) > 100
        return Layout(bright.astype(np.uint16), facade().classes)

    client = browse(
        make_app([serve_fake(FakeSynthesizer(), segment=by_brightness), serve_fake(FakeSynthesizer(), "without")])
    )
    photo = np.zeros((20, 30, 3), np.uint8)
    photo[:, 15:] = 200
    answer = ask(client, "segment", None, photo=encode_png(photo))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert np.array_equal(pixels_of(answer.content), (photo[..., 0] > 100).astype(int))
    answer = ask(client, "segment", None, {"size": {"width": 64, "height": 32}}, photo=encode_png(photo))
    assert (answer.headers["semsynth-size"], pixels_of(answer.content).shape) == ("64x32", (32, 64))
    assert_problem(ask(client, "segment", None, photo=b"no picture"), 422, "invalid", "photo is not a picture")
    assert_problem(ask(client, "segment", None, model="without", photo=encode_png(photo)), 404, "no_segmenter")
    abilities = {model["id"]: model["abilities"]["segmenter"] for model in client.get("/api/models").json()["models"]}
    assert abilities == {"fake": True, "without": False}


def test_models_without_styles_refuse_seeds(make_app: Callable[..., FastAPI]) -> None:
    synthesizer = FakeSynthesizer(styles=False)
    client = browse(make_app([serve_fake(synthesizer)]))
    answer = ask(client, "synthesize", label_png(facade()))
    assert answer.status_code == 200
    assert "semsynth-seed" not in answer.headers
    assert synthesizer.made == [None]


def test_a_vector_reaches_the_model_as_float32(client: TestClient) -> None:
    answer = ask(client, "synthesize", label_png(facade()), {"vector": [1, 2.5, 3], **PNG})
    shift = torch.tensor([1, 2.5, 3]).int().numpy()
    assert np.array_equal(pixels_of(answer.content), (facade().colors().astype(int) + shift) % 256)

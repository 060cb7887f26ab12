"""Photos of strokes are those of their layouts, whoever else paints, and what is kept stays within its bound."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.testclient import TestClient
from studio_server import ask, browse, facade, label_png, pixels_of
from tiny_models import save_tiny_model

from semsynth.layout import Layout
from semsynth.studio.app import create_app
from semsynth.studio.open_pictures import OpenPictures
from semsynth.studio.pictures import encode
from semsynth.studio.served import ServedModel, serve

SIZE = (64, 64)
PLENTY = 2**30


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    return serve(str(save_tiny_model(tmp_path_factory.mktemp("models") / "tiny", crop_size=64)), "cpu", "float32")


def strokes(seed: int) -> Iterator[Layout]:
    """A front with one small rectangle more each time."""
    chance, layout = random.Random(seed), facade(64, seed)
    while True:
        labels = layout.labels.copy()
        top, left = chance.randrange(60), chance.randrange(60)
        labels[top : top + 5, left : left + 4] = chance.randrange(12)
        layout = Layout(labels, layout.classes)
        yield layout


def assert_equal(one: Image.Image, other: Image.Image) -> None:
    """Up to the rounding of floats, which may come out on the other side of a half."""
    difference = np.abs(np.asarray(one).astype(int) - np.asarray(other))
    assert difference.max() <= 1
    assert difference.mean() < 0.01


def test_photos_of_strokes_over_http(model: ServedModel, tmp_path_factory: pytest.TempPathFactory) -> None:
    client: TestClient = browse(create_app([model], static=tmp_path_factory.mktemp("static")))
    before: NDArray[np.int64] | None = None
    for stroke, layout in zip(range(6), strokes(1), strict=False):
        options = {"client": "me", "stroke": stroke, "seed": 4}
        made = pixels_of(ask(client, "synthesize", label_png(layout), options, model.id).content).astype(int)
        whole = model.synthesizer(layout, seed=4)
        assert np.abs(made - pixels_of(encode(whole, "webp"))).mean() < 0.02
        assert before is None or np.abs(made - before).mean() > 0
        before = made
        exact = ask(client, "synthesize", label_png(layout), {**options, "format": "png"}, model.id)
        assert np.array_equal(pixels_of(exact.content), np.asarray(whole))
    assert client.app.state.studio.open_pictures.size > 0  # type: ignore[attr-defined]


def test_a_stroke_is_made_of_the_last_picture(model: ServedModel) -> None:
    pictures, shares = OpenPictures(PLENTY), []
    for _, layout in zip(range(6), strokes(2), strict=False):
        with pictures.of(model, "me", SIZE) as opened:
            assert opened is not None
            assert_equal(model.synthesizer(layout, seed=1, opened=opened), model.synthesizer(layout, seed=1))
            shares.append(opened.share)
    assert shares[0] == 1
    assert min(shares) < 0.8


def test_who_names_no_client_gets_whole_photos(model: ServedModel) -> None:
    with OpenPictures(PLENTY).of(model, None, SIZE) as opened:
        assert opened is None


def test_clients_and_sizes_have_pictures_of_their_own(model: ServedModel) -> None:
    pictures, layout, seen = OpenPictures(PLENTY), facade(64), set()
    for client, size in (("a", SIZE), ("b", SIZE), ("a", (32, 64)), ("a", SIZE)):
        with pictures.of(model, client, size) as opened:
            assert opened is not None
            model.synthesizer(layout, seed=0, opened=opened)
            seen.add(opened)
    assert len(seen) == 3
    assert pictures.size == sum(one.nbytes for one in seen)


def test_the_one_not_used_for_longest_goes(model: ServedModel) -> None:
    def paint(client: str) -> float:
        with pictures.of(model, client, SIZE) as opened:
            assert opened is not None
            model.synthesizer(facade(64), seed=0, opened=opened)
            return opened.share

    pictures = OpenPictures(PLENTY)
    paint("a")
    one = pictures.size
    pictures = OpenPictures(2 * one)
    assert [paint(client) for client in ("a", "b", "a", "c", "a", "b")] == [1, 1, 0, 1, 0, 1]
    assert pictures.size == 2 * one
    pictures = OpenPictures(one - 1)
    assert [paint("a"), paint("a"), pictures.size] == [1, 1, 0]


def test_after_an_error_a_picture_begins_anew(model: ServedModel) -> None:
    pictures = OpenPictures(PLENTY)
    with pictures.of(model, "a", SIZE) as opened:
        model.synthesizer(facade(64), seed=0, opened=opened)
    with pytest.raises(RuntimeError), pictures.of(model, "a", SIZE):
        raise RuntimeError
    assert pictures.size == 0


def test_several_at_once(model: ServedModel) -> None:
    """Two threads of one client and one of another: every photo is that of its layout."""
    pictures, made = OpenPictures(PLENTY), []

    def paint(client: str, seed: int) -> None:
        for _, layout in zip(range(4), strokes(seed), strict=False):
            with pictures.of(model, client, SIZE) as opened:
                made.append((layout, model.synthesizer(layout, seed=2, opened=opened)))

    threads = [threading.Thread(target=paint, args=given) for given in (("a", 1), ("a", 2), ("b", 3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 12
    for layout, photo in made:
        assert_equal(photo, model.synthesizer(layout, seed=2))

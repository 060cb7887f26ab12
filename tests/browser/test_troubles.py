"""The server refuses, is busy, or is gone: people are told, and lose nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from studio_page import StudioPage

from semsynth.studio.app import create_app
from semsynth.studio.served import ServedModel


def stroke(page: StudioPage) -> None:
    page.paint_with("window")
    page.drag((60, 20), (90, 30))


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (413, "the body is above 32 MiB", "Too large for the server: the body is above 32 MiB"),
        (422, "ids outside the class set: 77", "The server could not use this: ids outside the class set: 77"),
    ],
)
def test_what_the_server_refuses_is_said(page: StudioPage, status: int, message: str, said: str) -> None:
    body = {"code": "some", "message": message}
    page.page.route("**/synthesize", lambda route: route.fulfill(status=status, json=body))
    stroke(page)
    page.photo_is("refused")
    assert page.text("#photo-message") == said
    page.page.unroute("**/synthesize")
    page.page.click("#dice")
    page.photo_is("ready")
    assert page.text("#photo-message") == ""


def test_a_busy_server_is_asked_again(page: StudioPage) -> None:
    refused = []

    def busy(route: object) -> None:
        refused.append(1)
        if len(refused) < 3:
            answer = {"code": "busy", "message": "16 requests are waiting"}
            route.fulfill(status=429, headers={"Retry-After": "1"}, json=answer)
        else:
            route.continue_()

    page.page.route("**/synthesize", busy)
    page.run("() => studio.store.look({ live: false })")
    stroke(page)
    page.photo_is("trying")
    assert "busy" in page.text("#photo-message")
    page.photo_is("ready")
    assert page.text("#photo-message") == ""
    assert len(refused) >= 3


_COUNT_REQUESTS = """() => {  // from asking to the photo's last byte, as the page sees it
  const ask = window.fetch;
  window.flying = window.most = 0;
  window.fetch = async (path, init) => {
    if (!String(path).includes("synthesize")) return ask(path, init);
    window.most = Math.max(window.most, ++window.flying);
    const answer = await ask(path, init);
    const read = answer.blob.bind(answer);
    answer.blob = async () => {
      const body = await read();
      window.flying--;
      return body;
    };
    return answer;
  };
}"""


def test_strokes_never_queue_up(page: StudioPage) -> None:
    """At most one request is on its way, and the last one is of the last state."""
    page.run(_COUNT_REQUESTS)
    page.paint_with("window")
    page.drag((30, 30), (200, 60), (40, 90), (180, 150), steps=30)
    page.settled()
    live = page.photo()
    assert page.run("() => [window.flying, window.most]") == [0, 1]
    page.page.reload()
    page.ready()
    np.testing.assert_array_equal(page.photo(), live)


def test_the_server_goes_away_in_the_middle_of_a_stroke(
    visit: Callable[..., StudioPage], serve_app: Callable[[FastAPI], Any], bundled: ServedModel
) -> None:
    server = serve_app(create_app([bundled]))
    server.start()
    page = visit(server.url)
    window = page.paint_with("window")
    page.brush(9)
    mouse = page.page.mouse
    mouse.move(*page.at((30, 20)))
    mouse.down()
    mouse.move(*page.at((50, 20)), steps=3)
    server.stop()
    mouse.move(*page.at((90, 20)), steps=5)
    mouse.up()
    page.photo_is("trying")
    assert "does not answer" in page.text("#photo-message")
    assert "safe" in page.text("#photo-message")
    assert (page.ids()[16:25, 30:91] == window).all()
    server.start()
    page.photo_is("ready")
    assert page.text("#photo-message") == ""
    assert (page.ids()[16:25, 30:91] == window).all()
    server.stop()

"""The server refuses, is busy, or is gone: people are told, and lose nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from studio_page import StudioPage

from semsynth.studio.app import create_app
from semsynth.studio.engine import ServedModel


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
    page.until("studio.maker.state === 'refused'")
    assert page.text("#photo-message") == said
    page.page.unroute("**/synthesize")
    page.page.click("#dice")
    page.until("studio.maker.state === 'ready'")
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
    page.run("() => (studio.store.view.live = false)")
    stroke(page)
    page.until("studio.maker.state === 'trying'")
    assert "busy" in page.text("#photo-message")
    page.until("studio.maker.state === 'ready'")
    assert page.text("#photo-message") == ""
    assert len(refused) >= 3


def test_strokes_never_queue_up(page: StudioPage) -> None:
    """At most one request is on its way, and the last one is of the last state."""
    flying, most = [0], [0]

    def began(request: object) -> None:
        if "synthesize" in request.url:
            flying[0] += 1
            most[0] = max(most[0], flying[0])

    def ended(request: object) -> None:
        flying[0] -= "synthesize" in request.url

    page.page.on("request", began)
    page.page.on("requestfinished", ended)
    page.page.on("requestfailed", ended)
    page.paint_with("window")
    page.drag((30, 30), (200, 60), (40, 90), (180, 150), steps=30)
    page.settled()
    live = page.photo()
    assert most[0] == 1
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
    page.until("studio.maker.state === 'trying'")
    assert "does not answer" in page.text("#photo-message")
    assert "safe" in page.text("#photo-message")
    assert (page.ids()[16:25, 30:91] == window).all()
    server.start()
    page.until("studio.maker.state === 'ready'")
    assert page.text("#photo-message") == ""
    assert (page.ids()[16:25, 30:91] == window).all()
    server.stop()

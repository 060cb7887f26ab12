"""A Chromium, and the studio on a port of this machine."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from numpy.typing import NDArray
from sims_models import write_model
from studio_page import StudioPage
from tiny_models import save_tiny_pix2pixhd

from semsynth.bank.memory import MemoryBank
from semsynth.bank.settings import CanvasSettings
from semsynth.classes import ClassSet
from semsynth.layout import Layout, Size
from semsynth.studio.app import create_app
from semsynth.studio.served import Segment, ServedModel, serve, with_distinct_ids

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is absent: `make setup` brings it")

SIZE = {"width": 1280, "height": 800}


class Server:
    """The studio; it can be stopped and started again at the same address."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        config = uvicorn.Config(self.app, port=self.port, log_level="error", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until = time.monotonic() + 30
        while not self.server.started:
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive(), "the server did not stop"


@contextlib.contextmanager
def running(app: FastAPI) -> Iterator[Server]:
    server = Server(app)
    server.start()
    yield server
    server.stop()


def thirds(classes: ClassSet) -> Segment:
    """Stands for a segmenter: sees background above, a facade in the middle and a shop below, whatever the photo."""

    def segment(photo: NDArray[np.uint8], size: Size) -> Layout:
        labels = np.full(size, classes["facade"].id, np.uint16)
        labels[: size[0] // 3] = classes["background"].id
        labels[-size[0] // 4 :] = classes["shop"].id
        return Layout(labels, classes)

    return segment


@pytest.fixture(scope="session")
def bundled() -> ServedModel:
    return serve("facades", "cpu", "float32")


@pytest.fixture(scope="session")
def studio(bundled: ServedModel, scene_bank: MemoryBank, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The bundled model with a stand-in for a segmenter, a tiny one whose objects have styles, and one of SIMS."""
    folder = save_tiny_pix2pixhd(tmp_path_factory.mktemp("models") / "tiny")
    with_segmenter = dataclasses.replace(bundled, segment=thirds(bundled.synthesizer.classes))
    tiny = serve(str(folder), "cpu", "float32")
    # It knows no size that it was trained at, so that it warns of none: warnings are errors here, also in the server's
    # threads, whatever a test allows.
    tiny.synthesizer.conditions = dataclasses.replace(tiny.synthesizer.conditions, trained_size=None)
    memory = CanvasSettings(bank=str(scene_bank.folder), elision=0.02)
    pieces = serve(str(write_model(tmp_path_factory.mktemp("models") / "pieces", memory)), "cpu", "float32")
    with running(create_app(with_distinct_ids([with_segmenter, tiny, pieces]))) as server:
        yield server


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """Debian's Chromium where there is one, else Playwright's own; one at a time, so it ends with its module."""
    with playwright.sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if path is None and not Path(driver.chromium.executable_path).exists():
            reason = "no Chromium: apt-get install chromium, or `playwright install chromium`"
            if os.environ.get("SEMSYNTH_REQUIRE_BROWSER") == "1":
                pytest.fail(f"{reason} (required by SEMSYNTH_REQUIRE_BROWSER=1)")
            pytest.skip(reason)
        opened = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def serve_app() -> Callable[[FastAPI], Server]:
    """Makes a server that the test starts and stops."""
    return Server


@pytest.fixture
def visit(chromium: object, studio: Server) -> Iterator[Callable[..., StudioPage]]:
    """Opens the studio as somebody who was never there; arguments are those of Playwright's contexts."""
    contexts = []

    def opened(url: str = studio.url, **options: object) -> StudioPage:
        context = chromium.new_context(**{"viewport": SIZE, "accept_downloads": True, **options})
        contexts.append(context)
        context.set_default_timeout(30_000)
        return StudioPage.open(context, url)

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(visit: Callable[..., StudioPage]) -> StudioPage:
    return visit()

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from studio_server import FakeSynthesizer, browse, serve_fake

from semsynth.studio.app import create_app


@pytest.fixture
def synthesizer() -> FakeSynthesizer:
    return FakeSynthesizer()


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>the editor would be here</title>")
    (folder / "main.js").write_text("export const x = 1;")
    return folder


@pytest.fixture
def make_app(static: Path) -> Callable[..., FastAPI]:
    return lambda models, **more: create_app(models, **{"static": static, **more})


@pytest.fixture
def client(synthesizer: FakeSynthesizer, make_app: Callable[..., FastAPI]) -> TestClient:
    return browse(make_app([serve_fake(synthesizer)]))

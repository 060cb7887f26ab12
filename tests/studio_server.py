"""A model that is quick and predictable, and servers of it: in this process, and on a port."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import numpy as np
import torch
from fastapi import FastAPI
from httpx2 import Response
from numpy.typing import NDArray
from PIL import Image
from serving.running import served
from starlette.testclient import TestClient

from semsynth.checkpoint import Card
from semsynth.classes import builtin
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.images import encode_png
from semsynth.layout import Layout, Size
from semsynth.models.description import Sizes
from semsynth.studio.problems import error_body
from semsynth.studio.served import ServedModel
from semsynth.studio.uploads import Limits
from semsynth.synthesizer import ConditionReader

CLASSES = builtin("cmp_facades")


class FakeSynthesizer:
    """Photos are the layout's colours, shifted by seed and style; objects with a style are painted in it."""

    def __init__(self, *, object_styles: bool = False, styles: bool = True) -> None:
        self.classes = CLASSES
        self.card = Card(name="fake", data="drawn", licence="free")
        self.conditions = ConditionReader(CLASSES, False, Sizes(8), None)
        self.has_styles, self.has_object_styles, self.reads_photos = styles, object_styles, True
        self.needs_instances, self.uses_instances = False, object_styles
        self.made: list[int | None] = []
        """Seeds of the photos that were made."""
        self.started, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()

    def style(self, style: Any = None, seed: int | None = None) -> torch.Tensor:
        mean = np.zeros(3) if style is None else np.asarray(style).reshape(-1, 3).mean(0)
        return torch.tensor(mean, dtype=torch.float32)

    def __call__(
        self,
        layout: Any,
        style: Any = None,
        seed: int | None = None,
        size: Size | None = None,
        object_styles: Mapping[int, Any] | None = None,
        opened: None = None,
    ) -> Any:
        self.started.set()
        assert self.may_go_on.wait(20)
        if style is not None and seed is not None:
            raise SemsynthError("give a style or a seed, not both")
        self.made.append(seed)
        shift = style.numpy() if isinstance(style, torch.Tensor) else self.style(style).numpy()
        pixels = (layout.colors().astype(int) + (seed or 0) + shift.astype(int)) % 256
        for instance_id, one in (object_styles or {}).items():
            color = [one] * 3 if isinstance(one, int) else np.asarray(one).reshape(-1, 3).mean(0)
            pixels[layout.instances == instance_id] = color
        return Image.fromarray(pixels.astype(np.uint8))

    def open_picture(self, max_bytes: int) -> None:
        return None

    def variations(
        self, layout: Any, count: int = 4, *, seed: int | None = None, object_styles: Mapping[int, Any] | None = None
    ) -> list[Image.Image]:
        return [self(layout, None, (seed or 0) + index, None, object_styles) for index in range(count)]

    def style_choices(
        self, layout: Layout, instance_id: int, seed: int = 0, object_styles: Mapping[int, Any] | None = None
    ) -> list[Image.Image]:
        if not self.has_object_styles:
            raise SemsynthError("this model has no styles for objects")
        return [self(layout, None, seed, None, {**(object_styles or {}), instance_id: 10 * mode}) for mode in range(3)]


def serve_fake(synthesizer: FakeSynthesizer, name: str = "fake", **more: Any) -> ServedModel:
    return ServedModel(name, synthesizer, f"hash-of-{name}", (32, 32), style_length=3, **more)


def browse(app: FastAPI, **more: Any) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:7860", **more)


def facade(side: int = 32, seed: int = 0) -> Layout:
    return draw_facade(seed, side)


def label_png(layout: Layout) -> bytes:
    return encode_png(layout.labels)


def photo_png(color: tuple[int, int, int], side: int = 8) -> bytes:
    return encode_png(np.full((side, side, 3), color, np.uint8))


def ask(
    client: TestClient, route: str, label: bytes | None, options: Any = None, model: str = "fake", **parts: Any
) -> Response:
    """POST to a model's route; parts are bytes, or lists of them."""
    given = ({} if label is None else {"label": label}) | parts
    files = [
        (name, (f"{name}.png", data, "image/png"))
        for name, value in given.items()
        for data in (value if isinstance(value, list) else [value])
    ]
    data = {} if options is None else {"options": options if isinstance(options, str) else json.dumps(options)}
    return client.post(f"/api/models/{model}/{route}", files=files, data=data)


def pixels_of(data: bytes) -> NDArray[Any]:
    return np.asarray(Image.open(BytesIO(data)))


def assert_problem(answer: Response, status: int, code: str, *words: str) -> None:
    """One line that says what is wrong."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"code", "message"}
    assert body["code"] == code
    assert "\n" not in body["message"]
    for word in words:
        assert word in body["message"]


@contextmanager
def on_a_port(app: FastAPI, limits: Limits | None = None) -> Iterator[int]:
    """Serve ``app`` on a free port of this machine, as ``semsynth studio`` does."""
    with served(app, limits or Limits(), error_body) as port:
        yield port

"""Requests to the studio's and the study's servers, in memory: bytes in, bytes out, with all of their limits."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI
from PIL import Image
from uvicorn.server import ServerState

from semsynth.checkpoint import Card, SPADEModel, save_model
from semsynth.classes import builtin
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.images import encode_png
from semsynth.layout import LayoutEncoding
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.models.style_encoder import StyleEncoderConfig
from semsynth.serving import ServerLimits, make_server
from semsynth.serving.problems import ErrorBody
from semsynth.studio.app import create_app as studio_app
from semsynth.studio.problems import error_body as studio_error
from semsynth.studio.served import serve
from semsynth.studio.uploads import Limits
from semsynth.study.design import StudyDesign
from semsynth.study.planning import Sources, make_study
from semsynth.study.server.app import LIMITS
from semsynth.study.server.app import create_app as study_app
from semsynth.study.server.app import error_body as study_error
from semsynth.study.server.keys import Keys
from semsynth.study.server.places import JoinRate
from semsynth.study.store import open_store

PATIENCE = 20.0
"""Seconds after which a request counts as endless."""
TOKEN = "operator-token-0123"
_MORE = "Host: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nRange: bytes=0-9\r\nCookie: semsynth_token=x\r\n"
_SCREEN = {"width": 1280, "height": 800, "pixel_ratio": 1.5, "frames_per_second": 60}


class FailedError(Exception):
    """A server that did what it may not."""


class Server:
    """One server; a connection per exchange."""

    def __init__(self, app: FastAPI, limits: ServerLimits, body: ErrorBody) -> None:
        """Serve ``app`` without a port."""
        self._loop = asyncio.new_event_loop()
        self._config = make_server(app, limits, body).config
        self._config.load()
        self._logged = _Logged()
        for name in ("uvicorn.error", "asyncio"):
            logging.getLogger(name).addHandler(self._logged)

    def exchange(self, data: bytes) -> bytes:
        """What is answered to some bytes.

        Raises:
            SemsynthError: the server refuses them, as it may.
            FailedError: a status of a defect, an error that is no JSON, a logged defect, or no end.
        """
        answered = self._loop.run_until_complete(self._exchange(_fitted(data)))
        if self._logged.records:
            raise FailedError(f"logged: {self._logged.taken()}")
        refused = None
        for status, head, body in _answers(answered):
            if status >= 500 and status != 503:
                raise FailedError(f"answered {status}: {body[:300]!r}")
            if status >= 400:
                if b"application/json" not in head:
                    raise FailedError(f"an error that is no JSON: {head[:300]!r}")
                refused = json.loads(body)["message"] if body else "an answer to HEAD"
        if refused is not None:
            raise SemsynthError(refused)
        return answered

    async def _exchange(self, data: bytes) -> bytes:
        wire, state = _Wire(), ServerState()
        given = {"config": self._config, "server_state": state, "app_state": {}, "_loop": self._loop}
        connection: Any = self._config.http_protocol_class(**given)
        connection.connection_made(wire)
        if data:  # a transport never hands on nothing
            connection.data_received(data)
        until, patience = self._loop.time() + PATIENCE, 0.02
        while state.tasks and not wire.is_closing():
            await asyncio.sleep(0.0005)
            patience -= 0.0005
            if connection.cycle.more_body and patience < 0:
                break  # the rest of the body will not come
            if self._loop.time() > until:
                raise FailedError("no answer")
        connection.connection_lost(None)
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=PATIENCE)
        return bytes(wire.written)


class _Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written, self._closing = bytearray(), False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self._closing = True

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return False

    abort = close

    def pause_reading(self) -> None:
        pass

    resume_reading = pause_reading


class _Logged(logging.Handler):
    """Keeps errors of the server."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def taken(self) -> str:
        """The errors since the last time."""
        found, self.records = self.records, []
        return "; ".join(
            f"{one.getMessage()} {one.exc_info[1]!r}" if one.exc_info else one.getMessage() for one in found
        )


def _fitted(data: bytes) -> bytes:
    """Three of four requests with the length that their body has: else few bodies would reach a route."""
    head, gap, body = data.partition(b"\r\n\r\n")
    if not gap or zlib.crc32(data) % 4 == 0:
        return data
    return re.sub(rb"(?i)content-length: [^\r]*", b"Content-Length: %d" % len(body), head) + gap + body


def _answers(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Status, head in small letters, and body of each answer."""
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        size = 0 if length is None or data.startswith(b"HTTP/1.1 ") else int(length[1])  # none is sent for HEAD
        yield int(head.split(b" ", 2)[1]), head.lower(), data[:size]
        data = data[size:]


def _request(line: str, body: bytes = b"", kind: str = "application/json", more: str = "") -> bytes:
    head = f"{line} HTTP/1.1\r\n{_MORE}{more}"
    if body:
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def _form(route: str, options: dict[str, Any], **parts: bytes) -> bytes:
    body = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n' % (name.encode(), file, data)
        for name, file, data in (
            *((name, b'; filename="x"', data) for name, data in parts.items()),
            ("options", b"", json.dumps(options).encode()),
        )
    )
    return _request(f"POST /api/models/tiny/{route}", body + b"--b--\r\n", "multipart/form-data; boundary=b")


def studio(folder: Path) -> tuple[list[bytes], Server]:
    """Valid requests to a studio of a tiny model, and the studio."""
    classes = builtin("cmp_facades")
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="after", edges=False)
    generator = SPADEGeneratorConfig(encoding=encoding, width=2, crop_size=32, hidden=8, input="noise", z_dim=8)
    config = SPADEModel(generator=generator, encoder=StyleEncoderConfig(width=2, z_dim=8, size=32))
    save_model(folder / "tiny", config, classes, config.build(), Card(name="tiny"))
    layout = draw_facade(1, 32)
    label = encode_png(layout.labels)
    photo = encode_png(np.full((9, 7, 3), 90, np.uint8))
    size = {"width": 32, "height": 32}
    requests = [
        *(_request(f"GET {path}") for path in ("/", "/api/models", "/api/examples/random?model=tiny&seed=1")),
        _request("GET /api/examples/facade-1.png?side=32", more='If-None-Match: "x"\r\n'),
        _form("synthesize", {"seed": 1, "count": 2, "size": size, "client": "a", "stroke": 1}, label=label),
        _form("synthesize", {"vector": [0.5] * 8, "format": "png"}, label=label),
        _form("synthesize", {}, label=label, style=photo),
        _form("style", {}, style=photo),
        _form("edits", {"components": True, "edits": []}, label=label),
        _form("edits", {"edits": [{"verb": "remove", "id": 3, "fill": "stuff"}]}, label=label, instances=label),
        _form("segment", {"size": size}, photo=photo),
    ]
    app = studio_app([serve(folder / "tiny", "cpu", "float32")])
    return requests, Server(app, Limits(), studio_error)


def study(folder: Path) -> tuple[list[bytes], Server]:
    """Valid requests to a study of drawn pictures, and its server."""
    for name in ("a", "b"):
        (folder / name).mkdir()
        for number in range(2):
            picture = Image.fromarray(np.full((16, 16, 3), ord(name) + number, np.uint8))
            buffer = BytesIO()
            picture.save(buffer, "PNG")
            (folder / name / f"{number}.png").write_bytes(buffer.getvalue())
    design = StudyDesign(batch=2, judgements=500)
    plan, _ = make_study(Sources({name: folder / name for name in "ab"}, None), design, folder / "study")
    keys = Keys(operator=TOKEN, signing="s" * 32)
    store = open_store(folder / "study")
    token = keys.token(store.join("0" * 24).session)
    answer = {"key": "key-00000", "trial": 0, "choice": "left", "response_seconds": 1.5, "dropped_frames": 0}
    operator, own = (f"Authorization: Bearer {one}\r\n" for one in (TOKEN, token))
    joining = {"worker": "w", "screen": _SCREEN}
    requests = [
        *(_request(f"GET {path}") for path in ("/", "/operator", "/api/study", "/static/study.css")),
        _request(f"GET /pictures/{plan.assignments[0].trials[0].left_picture}"),
        _request("POST /api/join", json.dumps(joining).encode()),
        _request("POST /api/join", json.dumps(joining | {"robot": True}).encode(), more=operator),
        _request("POST /api/answers", json.dumps(answer | {"shown_seconds": None}).encode(), more=own),
        _request("POST /api/answers", json.dumps(answer | {"trial": 1, "key": "key-00001"}).encode(), more=own),
        _request("POST /api/operator/pause", b'{"paused": false}', more=operator),
        *(_request(f"GET /api/operator/{path}", more=operator) for path in ("progress", "answers.csv")),
    ]
    return requests, Server(study_app(folder / "study", store, keys, rate=JoinRate(10**6)), LIMITS, study_error)

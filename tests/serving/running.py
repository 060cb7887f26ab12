"""Servers with all their limits, in a thread of the tests, and requests byte by byte."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any

from semsynth.serving import ServerLimits, make_server
from semsynth.serving.problems import ErrorBody


@contextmanager
def served(app: Any, limits: ServerLimits, body: ErrorBody, proxies: tuple[str, ...] = ()) -> Iterator[int]:
    """Serve ``app`` on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as opened:
        server = make_server(app, limits, body, proxies)
        server.config.timeout_graceful_shutdown = 1
        thread = threading.Thread(target=server.run, kwargs={"sockets": [opened]})
        thread.start()
        try:
            yield opened.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


@dataclass(frozen=True)
class Heard:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, object]:
        """The JSON of an error."""
        assert self.headers["content-type"] == "application/json", self
        found = json.loads(self.body)
        assert isinstance(found, dict)
        assert isinstance(found["message"], str)
        assert found["message"]
        return found


def connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 15, (source, 0))


def hear(connection: socket.socket, method: str = "GET") -> Heard | None:
    """The next answer; None if the connection was closed instead."""
    answer = HTTPResponse(connection, method=method)
    try:
        with closing(answer):
            answer.begin()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Heard(answer.status, headers, answer.read())
    except (HTTPException, ConnectionError):
        return None


def exchange(port: int, request: bytes, source: str = "127.0.0.1") -> Heard | None:
    """Send bytes, and read what is answered."""
    with connect(port, source) as connection:
        try:
            connection.sendall(request)
        except ConnectionError:
            return None
        return hear(connection, request.split(b" ", 1)[0].decode("latin-1"))

"""Limits of connections and bodies, counted while they arrive, on an application that would read everything."""

from __future__ import annotations

import logging
import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace

import pytest
from serving.running import connect, exchange, hear, served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from semsynth.serving import ServerLimits
from semsynth.serving.guard import Guard
from semsynth.serving.problems import Refusal, problem

LIMITS = ServerLimits(head_seconds=0.4, body_seconds=0.4, idle_seconds=1, write_seconds=0.4, linger_seconds=5)
HEAD = b"POST /count HTTP/1.1\r\nHost: x\r\n"
GET = b"GET /count HTTP/1.1\r\nHost: x\r\n\r\n"
MEGABYTE = b" " * 2**20
Serve = Callable[..., AbstractContextManager[int]]


def error_body(code: str, message: str) -> dict[str, object]:
    return {"code": code, "message": message}


@pytest.fixture
def serve(caplog: pytest.LogCaptureFixture) -> Iterator[Serve]:
    """Serves an application that counts what it reads, with limits of ``LIMITS`` changed; logs nothing."""

    async def count(request: Request) -> Response:
        return PlainTextResponse(f"{len(await request.body())} of {request.client.host}")  # type: ignore[union-attr]

    async def large(_: Request) -> Response:
        return Response(bytes(50 * 2**20))

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return problem(error_body, error.status_code, error.code, error.detail)

    def start(proxies: tuple[str, ...] = (), **changes: float) -> AbstractContextManager[int]:
        limits = replace(LIMITS, **changes)  # type: ignore[arg-type]
        routes = [Route("/count", count, methods=["GET", "POST"]), Route("/large", large)]
        app = Starlette(routes=routes, exception_handlers={Refusal: refused})
        app.add_middleware(Guard, limits, error_body, lambda scope, headers: None, lambda path, status: {})
        return served(app, limits, error_body, proxies)

    with caplog.at_level(logging.WARNING):
        yield start
    assert [record.getMessage() for record in caplog.records] == []


@pytest.mark.parametrize("coding", ["length", "chunks"])
@pytest.mark.parametrize("size", [0, 1, 16_384])
def test_bodies_within_the_limit_are_read(serve: Serve, size: int, coding: str) -> None:
    body = bytes(size)
    chunked = b"%x\r\n%b\r\n0\r\n\r\n" % (size, body) if size else b"0\r\n\r\n"
    sent = b"Content-Length: %d\r\n\r\n%b" % (size, body)
    with serve() as port:
        found = exchange(port, HEAD + (sent if coding == "length" else b"Transfer-Encoding: chunked\r\n\r\n" + chunked))
    assert found is not None
    assert (found.status, found.body) == (200, b"%d of 127.0.0.1" % size)


def test_a_chunked_body_is_cut_at_its_limit_and_takes_no_memory(serve: Serve) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with serve() as port, connect(port) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(300):
            connection.sendall(b"%x\r\n%b\r\n" % (len(MEGABYTE), MEGABYTE))
        connection.sendall(b"0\r\n\r\n")
        found = hear(connection)
    assert found is not None
    assert (found.status, found.error["code"], found.headers["connection"]) == (413, "too_large", "close")
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < 60


@pytest.mark.parametrize("length", [b"16385", b"600000000", b"9" * 19])
def test_a_stated_length_is_refused_before_the_body_comes(serve: Serve, length: bytes) -> None:
    with serve() as port:
        found = exchange(port, HEAD + b"Expect: 100-continue\r\nContent-Length: " + length + b"\r\n\r\n")
    assert found is not None
    assert (found.status, found.headers["connection"]) in ((413, "close"), (400, "close"))


def test_a_refused_client_may_not_send_for_ever(serve: Serve) -> None:
    with serve(linger_seconds=0.4) as port, connect(port) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() < began + 10:
                connection.sendall(b"%x\r\n%b\r\n" % (len(MEGABYTE), MEGABYTE))
        assert time.monotonic() - began < 5


def trickle(connection: socket.socket, data: bytes) -> float:
    """Send a byte at a time until the server answers or closes; the seconds that it took."""
    began = time.monotonic()
    connection.settimeout(0.05)
    while time.monotonic() < began + 10:
        connection.sendall(data)
        try:
            connection.recv(1, socket.MSG_PEEK)
            break
        except TimeoutError:
            continue
    connection.settimeout(5)
    return time.monotonic() - began


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nX: ", GET], ids=["nothing", "a part", "a whole one before"])
def test_a_head_that_comes_too_slowly(serve: Serve, first: bytes) -> None:
    with serve() as port, connect(port) as connection:
        if first == GET:
            connection.sendall(GET)
            assert hear(connection).status == 200  # type: ignore[union-attr]
        else:
            connection.sendall(first)
        assert trickle(connection, b"a") < 3
        found = hear(connection)
    assert found is not None
    assert (found.status, found.error["code"]) == (408, "slow")


@pytest.mark.parametrize(
    ("kind", "piece"), [(b"Content-Length: 1000", b"a"), (b"Transfer-Encoding: chunked", b"1\r\na\r\n")]
)
def test_a_body_that_comes_too_slowly(serve: Serve, kind: bytes, piece: bytes) -> None:
    with serve() as port, connect(port) as connection:
        connection.sendall(HEAD + kind + b"\r\n\r\n")
        assert trickle(connection, piece) < 3
        found = hear(connection)
    assert found is not None
    assert (found.status, found.error["code"]) == (408, "slow")


@pytest.mark.parametrize("first", [b"", GET])
def test_silent_connections_are_closed(serve: Serve, first: bytes) -> None:
    with serve() as port, connect(port) as connection:
        connection.sendall(first)
        if first:
            assert hear(connection).status == 200  # type: ignore[union-attr]
        connection.settimeout(5)
        connection.recv(2**16)  # an error, or the end
        assert connection.recv(1) == b""


def test_who_does_not_read_the_answer_is_cut_off(serve: Serve) -> None:
    with serve(client_connections=1) as port, connect(port) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        while (answer := exchange(port, GET)) is None or answer.status != 200:
            time.sleep(0.05)  # refused as long as the first connection is open
        received = 0
        with suppress(ConnectionError):
            while piece := connection.recv(2**20):
                received += len(piece)
    assert received < 40 * 2**20


def test_connections_of_one_client_leave_room_for_others(serve: Serve) -> None:
    with serve(client_connections=4, head_seconds=5) as port, ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(connect(port))
        refused = exchange(port, GET)
        assert refused is not None
        assert (refused.status, refused.error["code"], refused.headers["retry-after"]) == (429, "busy", "5")
        for _ in range(8):
            stack.enter_context(connect(port))
        assert exchange(port, GET) is None  # many too many are closed without a word
        found = exchange(port, GET, "127.0.0.2")
        assert found is not None
        assert (found.status, found.body) == (200, b"0 of 127.0.0.2")
        stack.close()
        time.sleep(0.2)
        assert exchange(port, GET).status == 200  # type: ignore[union-attr]


def test_too_many_connections_in_all(serve: Serve) -> None:
    with serve(connections=4, head_seconds=5) as port, ExitStack() as stack:
        for number in range(4):
            stack.enter_context(connect(port, f"127.0.0.{number + 2}"))
        refused = exchange(port, GET)
        assert refused is not None
        assert (refused.status, refused.error["code"]) == (503, "busy")


@pytest.mark.parametrize(
    ("proxies", "client"), [((), b"127.0.0.1"), (("127.0.0.1",), b"198.51.100.7"), (("127.0.0.9",), b"127.0.0.1")]
)
def test_only_known_proxies_name_their_clients(serve: Serve, proxies: tuple[str, ...], client: bytes) -> None:
    request = b"GET /count HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.1, 198.51.100.7\r\n\r\n"
    with serve(proxies) as port:
        found = exchange(port, request)
    assert found is not None
    assert found.body == b"0 of " + client


def test_a_proxy_may_have_more_connections_than_a_client(serve: Serve) -> None:
    with serve(("127.0.0.1",), client_connections=2, head_seconds=5) as port, ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(connect(port))
        assert exchange(port, GET).status == 200  # type: ignore[union-attr]

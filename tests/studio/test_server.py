"""The server on a port: many clients at once, slow ones and such as go away."""

from __future__ import annotations

import http.client
import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from studio_server import FakeSynthesizer, facade, label_png, on_a_port, serve_fake

from semsynth.studio.uploads import Limits

BOUNDARY = b"of-the-tests"
HEAD = b"POST /api/models/fake/synthesize HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary="


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, in which nothing stays."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def body_of(label: bytes, options: dict[str, object]) -> bytes:
    parts = (b'name="options"', json.dumps(options).encode()), (b'name="label"; filename="l.png"', label)
    return (
        b"".join(
            b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (BOUNDARY, name, data) for name, data in parts
        )
        + b"--%b--\r\n" % BOUNDARY
    )


@dataclass(frozen=True)
class Heard:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


def send(port: int, method: str, address: str, body: bytes | None = None) -> Heard:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        kind = {} if body is None else {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
        connection.request(method, address, body, kind)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Heard(answer.status, headers, answer.read())


def post(port: int, **options: object) -> Heard:
    return send(port, "POST", "/api/models/fake/synthesize", body_of(label_png(facade()), options))


def in_background(port: int, found: list[Heard], **options: object) -> threading.Thread:
    thread = threading.Thread(target=lambda: found.append(post(port, **options)))
    thread.start()
    return thread


def waiting(port: int) -> int:
    return int(json.loads(send(port, "GET", "/api/health").body)["waiting"])


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_of_many_strokes_only_the_running_and_the_newest_are_made(
    synthesizer: FakeSynthesizer, make_app: Callable[..., FastAPI]
) -> None:
    synthesizer.may_go_on.clear()
    found: list[Heard] = []
    with on_a_port(make_app([serve_fake(synthesizer)], limits=Limits(waiting=2))) as port:
        threads = [in_background(port, found, client="tab", stroke=0, seed=100)]
        assert synthesizer.started.wait(10)
        for stroke in range(1, 31):
            threads.append(in_background(port, found, client="tab", stroke=stroke, seed=100 + stroke))
            eventually(lambda n=stroke: len(found) == n - 1)  # the one before was sent away at once
        assert waiting(port) == 1
        synthesizer.may_go_on.set()
        for thread in threads:
            thread.join(20)
    assert synthesizer.made == [100, 130]
    assert sorted(one.status for one in found) == [200, 200] + [204] * 29
    assert all("semsynth-overtaken" in one.headers for one in found if one.status == 204)


def test_a_full_line_is_told_with_a_time_to_come_again(
    synthesizer: FakeSynthesizer, make_app: Callable[..., FastAPI]
) -> None:
    synthesizer.may_go_on.clear()
    found: list[Heard] = []
    with on_a_port(make_app([serve_fake(synthesizer)], limits=Limits(waiting=2))) as port:
        threads = [in_background(port, found, seed=0)]
        assert synthesizer.started.wait(10)
        threads += [in_background(port, found, seed=seed) for seed in (1, 2)]
        eventually(lambda: waiting(port) == 2)
        refused = post(port, seed=3)
        assert (refused.status, refused.code) == (429, "busy")
        assert int(refused.headers["retry-after"]) >= 1
        synthesizer.may_go_on.set()
        for thread in threads:
            thread.join(20)
        assert post(port, seed=3).status == 200
    assert [one.status for one in found] == [200] * 3
    assert sorted(seed for seed in synthesizer.made if seed is not None) == [0, 1, 2, 3]


def test_who_waits_too_long_is_told(synthesizer: FakeSynthesizer, make_app: Callable[..., FastAPI]) -> None:
    synthesizer.may_go_on.clear()
    found: list[Heard] = []
    with on_a_port(make_app([serve_fake(synthesizer)], limits=Limits(wait_seconds=0.1))) as port:
        thread = in_background(port, found, seed=0)
        assert synthesizer.started.wait(10)
        refused = post(port, seed=1)
        assert (refused.status, refused.code) == (503, "timeout")
        assert int(refused.headers["retry-after"]) >= 1
        synthesizer.may_go_on.set()
        thread.join(20)
    assert synthesizer.made == [0]


def test_nothing_is_made_for_a_client_that_went_away(
    synthesizer: FakeSynthesizer, make_app: Callable[..., FastAPI]
) -> None:
    synthesizer.may_go_on.clear()
    found: list[Heard] = []
    with on_a_port(make_app([serve_fake(synthesizer)])) as port:
        thread = in_background(port, found, seed=0)
        assert synthesizer.started.wait(10)
        body = body_of(label_png(facade()), {"seed": 1})
        with socket.create_connection(("127.0.0.1", port)) as leaving:
            leaving.sendall(HEAD + BOUNDARY + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            eventually(lambda: waiting(port) == 1)
        time.sleep(0.1)  # for the server to learn that it is closed
        synthesizer.may_go_on.set()
        thread.join(20)
        eventually(lambda: waiting(port) == 0)
        assert post(port, seed=2).status == 200
    assert synthesizer.made == [0, 2]


def test_a_client_that_vanishes_while_it_sends_leaves_nothing(
    synthesizer: FakeSynthesizer, make_app: Callable[..., FastAPI], temporary: Path
) -> None:
    begun = b'--%b\r\nContent-Disposition: form-data; name="label"; filename="l"\r\n\r\n' % BOUNDARY
    with on_a_port(make_app([serve_fake(synthesizer)])) as port:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port)) as leaving:
                leaving.sendall(HEAD + BOUNDARY + b"\r\nContent-Length: 9000000\r\n\r\n" + begun + bytes(3_000_000))
        assert post(port).status == 200
        eventually(lambda: list(temporary.iterdir()) == [])
    assert synthesizer.made == [None]


def test_a_client_that_sends_too_slowly_is_told(synthesizer: FakeSynthesizer, make_app: Callable[..., FastAPI]) -> None:
    with on_a_port(make_app([serve_fake(synthesizer)], limits=Limits(body_seconds=0.3))) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=15) as slow:
            slow.sendall(HEAD + BOUNDARY + b"\r\nContent-Length: 1000\r\n\r\n--")
            with closing(http.client.HTTPResponse(slow)) as answer:
                answer.begin()
                assert (answer.status, json.loads(answer.read())["code"]) == (408, "slow")
        assert post(port).status == 200


def test_a_client_hears_that_its_body_is_too_large_after_sending_it(
    synthesizer: FakeSynthesizer, make_app: Callable[..., FastAPI]
) -> None:
    with on_a_port(make_app([serve_fake(synthesizer)], limits=Limits(body_bytes=100_000))) as port:
        refused = send(port, "POST", "/api/models/fake/synthesize", bytes(150_000))
    assert (refused.status, refused.code) == (413, "too_large")


def test_many_clients_get_their_own_photos(synthesizer: FakeSynthesizer, make_app: Callable[..., FastAPI]) -> None:
    found: list[Heard] = []
    with on_a_port(make_app([serve_fake(synthesizer)], limits=Limits(waiting=30))) as port:
        threads = [in_background(port, found, seed=seed, client=f"tab-{seed}", stroke=9) for seed in range(24)]
        for thread in threads:
            thread.join(30)
    assert sorted(int(one.headers["semsynth-seed"]) for one in found) == list(range(24))
    assert sorted(seed for seed in synthesizer.made if seed is not None) == list(range(24))

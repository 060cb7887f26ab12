"""Whatever a client sends is answered in JSON that repeats none of it; nothing of it is a defect of the server."""

from __future__ import annotations

import json
import logging
import re

import pytest
from serving.running import Heard, connect, exchange
from studio_server import facade, label_png

MARK = "echo-of-the-input"
HOST = b"Host: 127.0.0.1\r\n"
JOIN = {"worker": "w", "screen": {"width": 1280, "height": 800, "pixel_ratio": 1, "frames_per_second": 60}}


@pytest.fixture(autouse=True)
def _nothing_is_logged(caplog: pytest.LogCaptureFixture) -> object:
    """A traceback in the log is a defect, too."""
    with caplog.at_level(logging.WARNING):
        yield
    assert [record.getMessage() for record in caplog.records] == []


def refused(found: Heard | None, *statuses: int) -> Heard:
    assert found is not None
    assert 400 <= found.status < 500, found
    assert not statuses or found.status in statuses, found
    assert found.error
    assert MARK.encode() not in found.body
    return found


HEADS = {
    "no HTTP": b"hello\r\n\r\n",
    "an old one": b"GET /\r\n\r\n",
    "a later one": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + bytes(50) + b"\r\n\r\n",
    "no host": b"GET /api/nothing HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /api/nothing HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a long address": b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "an endless head": b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 70_000,
    "a long header": b"GET /api/nothing HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 15_900 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * 500 + b"\r\n",
    "a folded header": b"GET /api/nothing HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "a NUL in a header": b"GET /api/nothing HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "other bytes in a header": b"GET /api/nothing HTTP/1.1\r\n" + HOST + b"X: \xff\xfe\r\n\r\n",
    "a NUL in the address": b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a NUL under /static": b"GET /static/%00.js HTTP/1.1\r\n" + HOST + b"\r\n",
    "a line break in the address": b"GET /a%0d%0aX:y HTTP/1.1\r\n" + HOST + b"\r\n",
    "no UTF-8 in the address": b"GET /%ff%fe HTTP/1.1\r\n" + HOST + b"\r\n",
    "a surrogate in the address": b"GET /%ed%a0%80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a long name of a file": b"GET /" + b"a" * 300 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "the folder above": b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "the folder above, hidden": b"GET /%2e%2e%2f%2e%2e%2fetc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    "a star": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "a proxy's address": b"GET http://elsewhere.example/x HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n",
    "an own method": b"BREW /api/health HTTP/1.1\r\n" + HOST + b"\r\n",
    "DELETE": b"DELETE / HTTP/1.1\r\n" + HOST + b"\r\n",
    "PUT": b"PUT /api/study HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
    "a negative length": b"POST /api/join HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "no number as length": b"POST /api/join HTTP/1.1\r\n" + HOST + b"Content-Length: 1e3\r\n\r\n",
    "a length of 5000 digits": b"POST /api/join HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
    "two lengths": b"POST /api/join HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "an unknown coding": b"POST /api/join HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n",
    "a broken chunk": b"POST /api/join HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "an endless chunk": b"POST /api/join HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 90_000,
}


@pytest.mark.parametrize("request_bytes", HEADS.values(), ids=HEADS)
def test_heads(port: int, request_bytes: bytes) -> None:
    refused(exchange(port, request_bytes))


@pytest.mark.parametrize(
    "line",
    [
        "Origin: http://[::1",
        "Origin: http://[",
        "Origin: ]",
        f"Origin: http://{MARK}",
        f"Referer: {MARK}",
        "Host: [",
        f"Host: {MARK}",
        "Authorization: Bearer \xff",
        f"Authorization: {MARK}",
        "Cookie: semsynth_token=\x80; \x81=;;;=",
        "Range: bytes=9-1",
        "Range: bytes=" + "0-," * 4000,
        f"Range: {MARK}",
        "If-Modified-Since: Thu, 99 Foo 99999 99:99:99 GMT",
        "If-None-Match: \xff",
        "Accept-Encoding: \xff;q=nan",
        "Sec-Fetch-Site: \xff",
        "X-Forwarded-For: \xff, , ,[::1",
        "Expect: 100-continue",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==",
    ],
)
def test_odd_headers(port: int, line: str) -> None:
    host = b"" if line.startswith("Host:") else HOST
    for address in (b"/", b"/api/health", b"/api/study", b"/static/study.css", b"/api/operator/progress"):
        found = exchange(port, b"GET %b HTTP/1.1\r\n%b%b\r\n\r\n" % (address, host, line.encode("latin-1")))
        assert found is not None
        assert found.status < 500
        assert found.status < 400 or found.error
        assert MARK.encode() not in found.body


def deep(text: str, times: int) -> bytes:
    return (text * times).encode()


BODIES = {
    "NaN": b'{"worker": NaN}',
    "Infinity": b'{"paused": Infinity}',
    "minus Infinity": b'{"worker": "w", "screen": {"width": -Infinity}}',
    "NaN within bounds": json.dumps(JOIN | {"screen": JOIN["screen"] | {"pixel_ratio": float("nan")}}).encode(),  # type: ignore[operator]
    "a lone surrogate": b'{"worker": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "a lone surrogate, both at their places": json.dumps(JOIN | {"worker": "\ud800"}).encode(),
    "no UTF-8": b'{"worker": "\xff\xfe"}',
    "a NUL": b'{"worker": "\\u0000\\u0000", "x": 1}',
    "UTF-16": '{"worker": "w"}'.encode("utf-16"),
    "deep lists": deep("[", 8000),
    "deep objects": deep('{"a":', 3000),
    "a deep value": b'{"worker": ' + b"[" * 4000 + b"]" * 4000 + b"}",
    "5000 digits": b'{"worker": ' + b"9" * 5000 + b"}",
    "300 digits": b'{"worker": "w", "screen": {"width": ' + b"9" * 300 + b"}}",
    "a huge exponent": b'{"worker": "w", "screen": {"width": 1e999999999}}',
    "a repeated key": b'{"worker": 1, "worker": 2}',
    "a list": b"[]",
    "a number": b"7",
    "a text": b'"x"',
    "null": b"null",
    "nothing": b"",
    "no JSON": b"{",
    "a wrong value": json.dumps({"worker": [MARK], MARK + "?": MARK, "screen": MARK}).encode(),
    "too long a value": json.dumps(JOIN | {"worker": MARK * 20}).encode(),
    "many wrong keys": json.dumps({f"k{n}": MARK for n in range(500)}).encode(),
}
KINDS = ["application/json", "application/x-www-form-urlencoded", "\xff", "application/json; charset=utf-7"]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("kind", KINDS)
def test_bodies_of_the_study(study_port: int, kind: str, body: bytes) -> None:
    more = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\nAuthorization: Bearer operator-token-0123"
    for address in ("join", "answers", "operator/pause"):
        head = f"POST /api/{address} HTTP/1.1\r\nHost: x\r\n{more}\r\n\r\n"
        refused(exchange(study_port, head.encode("latin-1") + body))


def multipart(*parts: tuple[bytes, bytes]) -> bytes:
    made = [b"--b\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % part for part in parts]
    body = b"".join(made) + b"--b--\r\n"
    return b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(body) + body


LABEL = (b'name="label"; filename="l"', label_png(facade()))
OPTIONS = {
    "NaN": b'{"seed": NaN}',
    "NaN in a vector": b'{"vector": [NaN]}',
    "a huge number in a vector": b'{"vector": [1e999]}',
    "a lone surrogate": b'{"client": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\ud800": 1}',
    "a key of another kind": b'{"object_styles": {"\\ud800": 1}}',
    "deep lists": deep("[", 100_000),
    "deep objects": deep('{"object_styles":', 100_000),
    "5000 digits": b'{"seed": ' + b"9" * 5000 + b"}",
    "5000 digits as a key": b'{"object_styles": {"' + b"9" * 5000 + b'": 1}}',
    "a huge size": b'{"size": {"width": 1e300, "height": 1}}',
    "all pixels of the world": b'{"size": {"width": 1048576, "height": 1048576}}',
    "a tag of another kind": json.dumps({"edits": [{"verb": MARK}]}).encode(),
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("route", ["synthesize", "edits", "segment", "style-choices"])
def test_options_of_the_studio(studio_port: int, route: str, options: bytes) -> None:
    parts = LABEL, (b'name="photo"; filename="p"', LABEL[1]), (b'name="options"', options)
    head = b"POST /api/models/fake/%b HTTP/1.1\r\n" % route.encode() + HOST
    refused(exchange(studio_port, head + multipart(*parts)))


FORMS = {
    "no boundary": b"Content-Type: multipart/form-data\r\nContent-Length: 1\r\n\r\nx",
    "a boundary of no text": b"Content-Type: multipart/form-data; boundary=\xff\r\nContent-Length: 1\r\n\r\nx",
    "an odd charset": b"Content-Type: multipart/form-data; boundary=b; charset=idna\r\nContent-Length: 1\r\n\r\nx",
    "a name of no text": multipart((b'name="\xff\x00"', b"x")),
    "no name": multipart((b'filename="x"', b"x")),
    "a file as options": multipart(LABEL, (b'name="options"; filename="o"', b"{}")),
    "a text as label": multipart((b'name="label"', MARK.encode())),
    "an empty label": multipart((b'name="label"; filename="l"', b"")),
    "no picture": multipart((b'name="label"; filename="' + MARK.encode() + b'"', MARK.encode())),
    "a thousand parts": multipart(*[(b'name="x"', b"y")] * 1500),
    "another kind": b"Content-Type: " + MARK.encode() + b"\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_the_studio(studio_port: int, form: bytes) -> None:
    refused(exchange(studio_port, b"POST /api/models/fake/synthesize HTTP/1.1\r\n" + HOST + form))


@pytest.mark.parametrize(
    "address",
    [
        "models/%00/synthesize",
        f"models/{MARK}/synthesize",
        "examples/random?model=fake&seed=" + "9" * 5000,
        "examples/random?model=fake&seed=nan",
        f"examples/random?model={MARK}",
        "examples/cmp_facades-999999999999999999999.png",
        "examples/cmp_facades-1.png?side=1e9",
        f"examples/{MARK}.png",
        "examples/cmp_facades-1/" + MARK + ".png",
    ],
)
def test_addresses_of_the_studio(studio_port: int, address: str) -> None:
    refused(exchange(studio_port, f"GET /api/{address} HTTP/1.1\r\n".encode() + HOST + b"\r\n"))


def test_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    one = b"GET /api/nothing HTTP/1.1\r\n" + HOST + b"\r\n"
    with connect(port) as connection:
        connection.sendall(one * 3 + b"garbage\r\n\r\n")
        with connection.makefile("rb") as answers:
            found = answers.read()
    assert re.findall(rb"HTTP/1.1 (\d+)", found) == [b"404"] * 3 + [b"400"]

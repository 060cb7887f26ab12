"""Who may ask, and how much."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from studio_server import FakeSynthesizer, ask, assert_problem, browse, facade, label_png, photo_png, serve_fake

from semsynth.images import encode_png
from semsynth.studio.guard import Access
from semsynth.studio.uploads import Limits

TOKEN = "a-token-of-the-tests"
HOST = "127.0.0.1:7860"


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "LOCALHOST:8000", "[::1]:7860"])
def test_names_of_this_machine(client: TestClient, host: str) -> None:
    assert client.get("/api/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "localhost@evil.example", "", "[", "10.0.0.1"],
)
def test_other_names_are_refused(client: TestClient, synthesizer: FakeSynthesizer, host: str) -> None:
    for method, address in (("GET", "/"), ("GET", "/api/models"), ("POST", "/api/models/fake/synthesize")):
        assert_problem(client.request(method, address, headers={"Host": host}), 403, "foreign")
    assert synthesizer.made == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:7860.evil.example"},
        {"Origin": "http://[::1"},
        {"Origin": "\\"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=lambda headers: next(iter(headers.values())),
)
def test_other_pages_are_refused(client: TestClient, synthesizer: FakeSynthesizer, headers: dict[str, str]) -> None:
    client.headers.update(headers)
    assert_problem(ask(client, "synthesize", label_png(facade())), 403, "foreign")
    assert synthesizer.made == []


def test_the_own_page_and_links_from_elsewhere(client: TestClient) -> None:
    own = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}
    assert client.get("/api/models", headers=own).status_code == 200
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_every_answer_keeps_browsers_from_loading_anything_else(client: TestClient) -> None:
    answers = [
        client.get("/"),
        client.get("/main.js"),
        client.get("/api/models"),
        client.get("/nothing"),
        client.get("/", headers={"Host": "evil.example"}),
        client.put("/api/models"),
        ask(client, "synthesize", label_png(facade())),
        ask(client, "synthesize", b""),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 403, 404, 200, 422]
    for answer in answers:
        directives = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert directives["default-src"] == "'none'"
        sources = {source for value in directives.values() for source in value.split()}
        assert sources <= {"'none'", "'self'", "blob:", "data:"}
        assert directives["script-src"] == directives["style-src"] == "'self'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in answer.headers
    assert answers[6].headers["cache-control"] == "no-store"


def test_no_page_loads_from_elsewhere(client: TestClient) -> None:
    assert client.get("/docs").status_code == client.get("/redoc").status_code == 404
    described = client.get("/api/openapi.json").json()
    assert "/api/models/{model}/synthesize" in described["paths"]
    assert "SynthesisOptions" in described["components"]["schemas"]


def test_wrong_addresses_and_methods(client: TestClient) -> None:
    assert_problem(client.get("/api/nothing"), 404, "not_found")
    assert_problem(client.get("/../conftest.py"), 404, "not_found")
    assert_problem(client.get("/%2e%2e/%2e%2e/etc/passwd"), 404, "not_found")
    assert_problem(client.delete("/api/models"), 404, "not_found")
    assert_problem(client.delete("/main.js"), 405, "method")
    assert_problem(ask(client, "synthesize", label_png(facade()), model="nope"), 404, "not_found", "fake")
    assert_problem(ask(client, "synthesize", label_png(facade()), model="..%2Ffake"), 404, "not_found")


@pytest.fixture
def with_token(make_app: Callable[..., FastAPI]) -> TestClient:
    app = make_app([serve_fake(FakeSynthesizer())], access=Access(loopback=False, token=TOKEN))
    return TestClient(app, base_url="http://studio.example:7860", follow_redirects=False)


def test_a_token_is_needed_for_everything_but_health(with_token: TestClient) -> None:
    for address in ("/", "/main.js", "/api/models", "/api/openapi.json", "/?token=wrong", f"/main.js?token={TOKEN}"):
        answer = with_token.get(address)
        assert_problem(answer, 401, "token")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "set-cookie" not in answer.headers
    for wrong in ("Bearer", "Bearer x", f"Basic {TOKEN}", TOKEN, "Bearer ä"):
        headers = {"Authorization": wrong.encode("latin-1")}
        assert_problem(with_token.get("/api/models", headers=headers), 401, "token")
    assert_problem(with_token.get("/", headers={"Cookie": "semsynth_token=wrong"}), 401, "token")
    assert with_token.get("/api/health").status_code == 200


def test_programs_bring_the_token_in_a_header(with_token: TestClient) -> None:
    with_token.headers["Authorization"] = f"Bearer {TOKEN}"
    assert ask(with_token, "synthesize", label_png(facade())).status_code == 200


def test_browsers_bring_it_once_in_the_address(with_token: TestClient) -> None:
    entrance = with_token.get(f"/?token={TOKEN}")
    assert (entrance.status_code, entrance.headers["location"]) == (303, "/")
    cookie = entrance.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert with_token.get("/").status_code == 200  # the client keeps cookies
    own = {"Origin": "http://studio.example:7860"}
    assert with_token.get("/api/models", headers=own).status_code == 200
    assert_problem(with_token.get("/api/models", headers={"Origin": "http://evil.example"}), 403, "foreign")


def limited(make_app: Callable[..., FastAPI], synthesizer: FakeSynthesizer, **limits: int) -> TestClient:
    return browse(make_app([serve_fake(synthesizer)], limits=Limits(**limits)))


def test_layouts_and_photos_that_are_too_large(make_app: Callable[..., FastAPI], synthesizer: FakeSynthesizer) -> None:
    client = limited(make_app, synthesizer, layout_pixels=32 * 32, photo_pixels=100)
    label = label_png(facade())
    assert ask(client, "synthesize", label).status_code == 200
    for answer in (
        ask(client, "synthesize", label_png(facade(40))),
        ask(client, "synthesize", label, {"size": {"width": 64, "height": 32}}),
        ask(client, "synthesize", label, {"size": {"width": 2**20, "height": 2**20}}),
        ask(client, "synthesize", label, {"count": 2}),
        ask(client, "synthesize", label, style=photo_png((1, 1, 1), 11)),
        ask(client, "edits", label, instances=label_png(facade(40))),
        ask(client, "edits", label, {"edits": [{"verb": "add", "class_id": 1}]}, mask=label_png(facade(40))),
    ):
        assert_problem(answer, 413, "too_large", "pixels")
    assert synthesizer.made == [None]


def test_a_small_file_that_unpacks_to_all_of_the_memory(client: TestClient) -> None:
    bomb = bytearray(encode_png(np.zeros((4, 4), np.uint8)))
    bomb[16:24] = (60_000).to_bytes(4) * 2  # width and height in the header
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4)
    assert_problem(ask(client, "synthesize", bytes(bomb)), 413, "too_large")


def test_bodies_that_are_too_large(make_app: Callable[..., FastAPI], synthesizer: FakeSynthesizer) -> None:
    client = limited(make_app, synthesizer, body_bytes=5000)
    assert ask(client, "synthesize", label_png(facade())).status_code == 200
    assert_problem(ask(client, "synthesize", bytes(6000)), 413, "too_large", "5,000 bytes")

    def pieces() -> object:
        yield b'--b\r\nContent-Disposition: form-data; name="label"; filename="l"\r\n\r\n'
        for _ in range(10):
            yield bytes(1000)

    kind = {"Content-Type": "multipart/form-data; boundary=b"}  # and no length
    answer = client.post("/api/models/fake/synthesize", content=pieces(), headers=kind)
    assert_problem(answer, 413, "too_large", "5,000 bytes")
    assert len(synthesizer.made) == 1


def test_other_kinds_of_bodies(client: TestClient) -> None:
    address = "/api/models/fake/synthesize"
    assert_problem(client.post(address, json={"label": "x"}), 415, "media_type", "multipart/form-data")
    assert_problem(client.post(address, data={"label": "x"}), 415, "media_type")
    assert_problem(client.post(address), 415, "media_type")
    files = {"label": ("label.html", b"<html>", "text/html")}
    assert_problem(client.post(address, files=files), 415, "media_type", "label", "image/png")
    broken = client.post(address, content=b"nonsense", headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert_problem(broken, 400, "bad_request")
    without = client.post(address, content=b"x", headers={"Content-Type": "multipart/form-data"})
    assert_problem(without, 400, "bad_request")


def test_too_many_parts(client: TestClient) -> None:
    label = label_png(facade())
    many = [photo_png((1, 1, 1))] * 33
    assert_problem(ask(client, "synthesize", label, object_photos=many), 422, "invalid", "object_photos")
    assert_problem(ask(client, "synthesize", label, object_photos=[b"x"] * 1001), 400, "bad_request")

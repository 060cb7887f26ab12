"""The API: what reaches the browser, what is refused, what the operator sees."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from semsynth.study.database import DATABASE, Database, sqlite_url
from semsynth.study.plan import PLAN, StudyPlan
from semsynth.study.server.app import create_app
from semsynth.study.server.keys import Keys
from semsynth.study.server.places import JoinRate
from semsynth.study.store import Store

SCREEN = {"width": 1280, "height": 800, "pixel_ratio": 1, "frames_per_second": 60}

KEY = Keys(operator="operator-token-0123", signing="s" * 32)


@pytest.fixture
def study(make: Callable[..., StudyPlan], tmp_path: Path) -> tuple[Path, StudyPlan]:
    design = {"batch": 6, "sentinels": 2, "sentinel": "real", "practice": 1, "show_layout": False}
    return tmp_path / "s", make(tmp_path / "s", **design)


@pytest.fixture
def client(study: tuple[Path, StudyPlan]) -> Iterator[TestClient]:
    folder, plan = study
    database = Database(sqlite_url(folder / DATABASE))
    store = Store(database, plan, "plan", itertools.count(1_000_000.0).__next__)  # a second later at every look
    with TestClient(create_app(folder, store, KEY)) as opened:
        yield opened
    database.close()


def join(client: TestClient, worker: str = "somebody") -> dict:
    reply = client.post("/api/join", json={"worker": worker, "screen": SCREEN})
    assert reply.status_code == 200, reply.text
    return reply.json()


def send(client: TestClient, token: str, **answer: object):
    body = {"key": "key-00000", "trial": 0, "choice": "left", "response_seconds": 1.5} | answer
    return client.post("/api/answers", json=body, headers={"Authorization": f"Bearer {token}"})


def operator(client: TestClient, path: str = "progress", token: str = KEY.operator):
    return client.get(f"/api/operator/{path}", headers={"Authorization": f"Bearer {token}"})


def stored(client: TestClient) -> int:
    return operator(client).json()["answers"]


def test_a_participants_way(client: TestClient, study: tuple[Path, StudyPlan]):
    joined = join(client)
    pairs = joined["pairs"]
    assert [pair["practice"] for pair in pairs] == [True] + [False] * 8
    for position, pair in enumerate(pairs):
        picture = client.get(f"/{pair['left']}")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
        reply = send(client, joined["token"], key=f"key-{position:05d}", trial=position)
        assert reply.status_code == 200
        assert reply.json()["complete"] == (position == 8)
    code = reply.json()["code"]
    assert len(code) == 8
    again = client.post("/api/join", json={"worker": "somebody", "screen": SCREEN})
    assert (again.status_code, again.json()["reason"], again.json()["code"]) == (409, "done", code)


def test_answers_faster_than_a_person_get_no_code(study: tuple[Path, StudyPlan]):
    folder, plan = study
    database = Database(sqlite_url(folder / DATABASE))
    for code in (None, "C1AB2C3D"):
        with TestClient(create_app(folder, Store(database, plan, "plan"), KEY, code, JoinRate(9))) as client:
            joined = join(client, f"hasty {code}")
            for position in range(len(joined["pairs"])):
                reply = send(client, joined["token"], key=f"{code}-key-{position}", trial=position)
            assert (reply.json()["complete"], reply.json()["code"]) == (True, None)
            assert "faster than a person" in reply.json()["note"]
            again = client.post("/api/join", json={"worker": f"hasty {code}", "screen": SCREEN})
            assert (again.status_code, again.json()["reason"], again.json()["code"]) == (403, "too_fast", None)
            board = operator(client).json()
            assert (board["complete"], board["open"]) == (0, 2), "the place is free for somebody else"
            assert {one["state"] for one in board["workers"]} == {"too_fast"}
    database.close()


def test_one_address_takes_few_places_in_a_minute(make: Callable[..., StudyPlan], tmp_path: Path):
    plan, now = make(tmp_path / "s", batch=6, judgements=10), [0.0]
    database = Database(sqlite_url(tmp_path / "s" / DATABASE))
    app = create_app(tmp_path / "s", Store(database, plan, "plan"), KEY, rate=JoinRate(3, lambda: now[0]))
    with TestClient(app, client=("192.0.2.1", 5)) as one, TestClient(app, client=("192.0.2.2", 5)) as other:

        def statuses(client: TestClient, names: str) -> list[int]:
            replies = [client.post("/api/join", json={"worker": name, "screen": SCREEN}) for name in names]
            assert all(
                (reply.json()["reason"], int(reply.headers["retry-after"])) == ("too_many", 20 - int(now[0]) % 20)
                for reply in replies
                if reply.status_code == 429
            )
            return [reply.status_code for reply in replies]

        assert statuses(one, "abcdef") == [200] * 3 + [429] * 3
        assert statuses(one, "abc") == [200] * 3, "who has begun may always go on"
        assert statuses(other, "xa") == [200, 200]
        now[0] += 20
        assert statuses(one, "def") == [200, 429, 429]
        now[0] += 3600
        assert statuses(one, "efgh") == [200] * 3 + [429]
    database.close()


def test_robots_need_the_operators_token_and_are_marked(client: TestClient):
    body = {"worker": "r", "screen": SCREEN, "robot": True}
    for token in ("", "wrong", join(client)["token"]):
        reply = client.post("/api/join", json=body, headers={"Authorization": f"Bearer {token}"})
        assert (reply.status_code, reply.json()["reason"]) == (403, "robot")
    for number in range(2):
        reply = client.post(
            "/api/join", json=body | {"worker": f"r{number}"}, headers={"Authorization": f"Bearer {KEY.operator}"}
        )
        assert reply.status_code == (200 if number == 0 else 403), "one place is a person's"
        if number == 0:
            send(client, reply.json()["token"])
    board = operator(client).json()
    assert (board["answers"], board["robots"], board["active"], len(board["workers"])) == (0, 1, 1, 1)
    assert operator(client, "answers.csv").text.count("\n") == 1
    join(client, "another person")  # takes the robot's place


def test_no_name_reaches_the_browser(client: TestClient, study: tuple[Path, StudyPlan]):
    folder = study[0]
    replies = [client.get("/").text, client.get("/api/study").text, json.dumps(join(client))]
    for reply in replies:
        assert not [word for word in ("ours", "crn", "sentinel", "expected", "view_", str(folder)) if word in reply]
    assert '"real' not in replies[2]
    assert client.get("/plan.json").status_code == 404
    assert client.get(f"/pictures/../{PLAN}").status_code == 404
    assert client.get(f"/pictures/%2e%2e/{PLAN}").status_code == 404


def test_workers_are_pseudonyms(client: TestClient, study: tuple[Path, StudyPlan]):
    join(client, "A1B2C3D4E5")
    assert b"A1B2C3D4E5" not in b"".join(path.read_bytes() for path in study[0].glob(f"{DATABASE}*"))


def test_everything_stays_on_this_server(client: TestClient):
    for path in ("/", "/operator", "/static/participant.js", "/api/study"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in client.get("/operator").headers["content-security-policy"]
    for page in ("/", "/operator"):
        text = client.get(page).text
        assert "//" not in text.replace("<!doctype html>", "")
        assert "<script>" not in text
        assert "style=" not in text


@pytest.mark.parametrize("forge", [lambda _: "", lambda token: token[:-1], lambda token: "x" + token])
def test_a_forged_token_stores_nothing(client: TestClient, forge: Callable[[str], str]):
    token = join(client)["token"]
    reply = send(client, forge(token))
    assert (reply.status_code, reply.json()["reason"]) == (404, "unknown")
    assert stored(client) == 0


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"trial": 9}, 422),
        ({"trial": -1}, 422),
        ({"choice": "tie"}, 422),
        ({"choice": "middle"}, 422),
        ({"response_seconds": -1}, 422),
        ({"key": "k"}, 422),
        ({"key": "'; DROP TABLE answers; --"}, 422),
        ({"shown_seconds": 1.0}, 422),
        ({"extra": 1}, 422),
    ],
)
def test_wrong_answers_store_nothing(client: TestClient, answer: dict, status: int):
    token = join(client)["token"]
    assert send(client, token, **answer).status_code == status
    assert stored(client) == 0


def test_large_and_broken_requests(client: TestClient):
    assert client.post("/api/join", content=b"x" * 20_000).status_code == 413
    assert client.post("/api/join", content=b"{", headers={"Content-Type": "application/json"}).status_code == 422


def test_the_operators_board(client: TestClient, study: tuple[Path, StudyPlan]):
    plan = study[1]
    joined = join(client)
    trials = plan.assignments[0].trials
    for position, trial in enumerate(trials):
        wrong = "left" if trial.expected == "right" else "right"
        choice = wrong if trial.expected else "left" if trial.left == "ours" else "right"
        send(client, joined["token"], key=f"key-{position:05d}", trial=position, choice=choice)
    board = operator(client).json()
    assert (board["assignments"], board["complete"], board["open"], board["answers"]) == (2, 1, 1, 9)
    (preference,) = board["preferences"]
    assert (preference["first"], preference["first_preferred"], preference["second_preferred"]) == ("ours", 6, 0)
    (worker,) = board["workers"]
    assert (worker["sentinels"], worker["sentinels_right"], worker["excluded_for"]) == (2, 0, ["sentinels"])
    rows = list(csv.DictReader(operator(client, "answers.csv").text.splitlines()))
    assert [(row["image"], row["left"]) for row in rows] == [(trial.image, trial.left) for trial in trials]
    assert operator(client, "answers.csv").text.count("\n") == 10


@pytest.mark.parametrize("token", ["", "wrong", KEY.operator + "x", KEY.signing])
def test_the_operators_token(client: TestClient, token: str):
    for path in ("progress", "answers.csv"):
        assert operator(client, path, token).status_code == 403
    reply = client.post("/api/operator/pause", json={"paused": True}, headers={"Authorization": f"Bearer {token}"})
    assert reply.status_code == 403
    assert operator(client).json()["paused"] is False


def test_pausing(client: TestClient):
    headers = {"Authorization": f"Bearer {KEY.operator}"}
    assert client.post("/api/operator/pause", json={"paused": True}, headers=headers).json() == {"paused": True}
    refused = client.post("/api/join", json={"worker": "new", "screen": SCREEN})
    assert (refused.status_code, refused.json()["reason"]) == (503, "paused")
    assert operator(client, "answers.csv").text.startswith("worker,assignment,trial,kind,image")


def test_a_locked_database_asks_the_browser_to_try_again(
    study: tuple[Path, StudyPlan], monkeypatch: pytest.MonkeyPatch
):
    import sqlite3

    monkeypatch.setattr("semsynth.study.database.BUSY_SECONDS", 0.1)
    folder, plan = study
    database = Database(sqlite_url(folder / DATABASE))
    with TestClient(create_app(folder, Store(database, plan, "plan"), KEY)) as client:
        token = join(client)["token"]
        other = sqlite3.connect(folder / DATABASE, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        reply = send(client, token)
        assert (reply.status_code, reply.json()["reason"], reply.headers["retry-after"]) == (503, "unavailable", "1")
        other.execute("ROLLBACK")
        other.close()
        assert send(client, token).status_code == 200
        assert stored(client) == 1
    database.close()

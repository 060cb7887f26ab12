"""Mechanical Turk: boto3 against a small server that keeps tasks and assignments as MTurk's API does.

moto, the usual stand-in for Amazon's services, has no Mechanical Turk. boto3 itself checks every request against the
service's model, so what arrives here has the form that MTurk takes.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from semsynth.cli.main import app
from semsynth.study.mturk import LIVE, SANDBOX, connect
from semsynth.study.plan import StudyPlan
from semsynth.study.records import NewAnswer
from semsynth.study.server.keys import load_keys
from semsynth.study.store import Store, open_store

pytest.importorskip("boto3")


class Turk(ThreadingHTTPServer):
    """Tasks by id, submitted assignments by id, and their states."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tasks: dict[str, dict[str, Any]] = {}
        self.submitted: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.feedback: dict[str, str] = {}

    def submit(self, worker: str) -> None:
        self.submitted[f"A-{worker}"] = worker
        self.states[f"A-{worker}"] = "Submitted"


class Handler(BaseHTTPRequestHandler):
    server: Turk

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, reply = getattr(self, operation)(body)
        data = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        pass

    def CreateHIT(self, body: dict[str, Any]) -> tuple[int, Any]:
        if float(body["Reward"]) > 100:
            return 400, {"__type": "ServiceFault", "Message": "not enough money"}
        self.server.tasks["HIT1"] = body
        return 200, {"HIT": {"HITId": "HIT1"}}

    def ListAssignmentsForHIT(self, body: dict[str, Any]) -> tuple[int, Any]:
        waiting = [a for a, state in self.server.states.items() if state in body["AssignmentStatuses"]]
        start = int(body.get("NextToken", 0))
        page = [
            {"AssignmentId": a, "WorkerId": self.server.submitted[a], "HITId": "HIT1"}
            for a in waiting[start : start + 2]
        ]
        more = {"NextToken": str(start + 2)} if start + 2 < len(waiting) else {}
        return 200, {"Assignments": page, "NumResults": len(page), **more}

    def ApproveAssignment(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.server.states[body["AssignmentId"]] = "Approved"
        return 200, {}

    def RejectAssignment(self, body: dict[str, Any]) -> tuple[int, Any]:
        self.server.states[body["AssignmentId"]] = "Rejected"
        self.server.feedback[body["AssignmentId"]] = body["RequesterFeedback"]
        return 200, {}


@pytest.fixture
def turk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Turk]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = Turk()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def study(make: Callable[..., StudyPlan], tmp_path: Path) -> Path:
    make(
        tmp_path / "s",
        batch=6,
        sentinels=4,
        judgements=3,
        min_approval_percent=98,
        exclusions={"min_response_seconds": 0},
    )
    return tmp_path / "s"


def run(turk: Turk, *arguments: object):
    endpoint = ("--endpoint", f"http://127.0.0.1:{turk.server_port}")
    return CliRunner().invoke(app, ["study", "mturk", *map(str, arguments), *endpoint])


def published(turk: Turk, study: Path) -> None:
    result = run(turk, "publish", study, "--url", "https://study.example/?a=1&b=2", "--reward", "1.50")
    assert result.exit_code == 0, result.output
    assert "in the sandbox: 6 assignments" in result.output


def do_all(store: Store, worker: str, sentinels_right: bool, count: int = 10) -> None:
    joined = store.join(worker)
    for position, trial in enumerate(store.plan.assignments[joined.assignment].trials[:count]):
        wrong = "left" if trial.expected == "right" else "right"
        choice = (trial.expected if sentinels_right else wrong) if trial.expected else ("left", "right")[position % 2]
        store.answer(joined.session, NewAnswer(f"{worker}-{position}", position, choice, 1.0))


def test_the_task(turk: Turk, study: Path):
    published(turk, study)
    task = turk.tasks["HIT1"]
    assert task["MaxAssignments"] == 6
    assert task["Reward"] == "1.50"
    assert "<ExternalURL>https://study.example/?a=1&amp;b=2</ExternalURL>" in task["Question"]
    (qualification,) = task["QualificationRequirements"]
    assert qualification["QualificationTypeId"] == "000000000000000000L0"
    assert (qualification["Comparator"], qualification["IntegerValues"]) == ("GreaterThan", [98])
    again = run(turk, "publish", study, "--url", "https://study.example/", "--reward", "1.50")
    assert again.exit_code == 2
    assert "is published" in again.output


def test_work_is_accepted_and_rejected_by_the_sentinel_rule(turk: Turk, study: Path):
    published(turk, study)
    store, keys = open_store(study, None), load_keys(study)
    do_all(store, keys.pseudonym("careful"), sentinels_right=True)
    do_all(store, keys.pseudonym("careless"), sentinels_right=False)
    do_all(store, keys.pseudonym("unfinished"), sentinels_right=True, count=3)
    for worker in ("careful", "unfinished", "careless", "stranger"):
        turk.submit(worker)

    told = run(turk, "review", study)
    assert told.exit_code == 0, told.output
    assert set(turk.states.values()) == {"Submitted"}, "without --decide nothing is decided"
    assert "approve A-careful" in told.output
    assert "careful" not in told.output.replace("A-careful", ""), "worker ids stay with MTurk"
    assert run(turk, "review", study, "--decide").exit_code == 0
    assert turk.states == {
        "A-careful": "Approved",
        "A-careless": "Rejected",
        "A-unfinished": "Submitted",
        "A-stranger": "Submitted",
    }
    assert turk.feedback["A-careless"].startswith("Only 0 of 4 check questions right")


@pytest.mark.parametrize(
    ("url", "reward", "message"),
    [
        ("http://study.example/", "1.50", "https:// pages only"),
        ("https://study.example/", "1000.00", "refuses create_hit: .*not enough money"),
    ],
)
def test_wrong_offers_publish_nothing(turk: Turk, study: Path, url: str, reward: str, message: str):
    result = run(turk, "publish", study, "--url", url, "--reward", reward)
    assert result.exit_code == 2
    assert re.search(message, result.output)
    assert not turk.tasks
    assert run(turk, "review", study).exit_code == 2


def test_the_sandbox_is_the_default(turk: Turk):
    assert connect(live=False).meta.endpoint_url == SANDBOX
    assert connect(live=True).meta.endpoint_url == LIVE

"""A whole study of synthesised facades through a real browser, with simulated people beside it, up to the report."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import create_engine, text
from study.chromium import all_loaded, answer, begin, browser, wait_for_text
from study.serving import served
from typer.testing import CliRunner

from semsynth.cli.main import app
from semsynth.files import sha256
from semsynth.study.database import DATABASE, Database, sqlite_url
from semsynth.study.plan import PLAN, load_plan
from semsynth.study.server.keys import load_keys
from semsynth.study.simulation import Population, join_and_answer, simulated_workers
from semsynth.study.store import Store

SIZE = 256
PICTURES = 6

NO_HURRY = "exclusions: {min_response_seconds: 0}\n"
"""Playwright answers faster than a person."""
DESIGNS = {
    "unlimited": "preset: crn-2017-unlimited\nbatch: 6\nsentinels: 1\npractice: 1\njudgements: 4\nties: true\n"
    + NO_HURRY,
    "timed": "preset: crn-2017-timed\nimages: 2\nexposures: [0.125, 0.5]\nsentinel_exposure: 0.5\n"
    "batch: 6\nsentinels: 1\njudgements: 4\n" + NO_HURRY,
}
SEEN = Population({"first": 0.0, "second": -0.5, "real": 1.5}, careless=0, biased=0)


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def facades(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six real facades, and two photos synthesised from each one's labels."""
    root = tmp_path_factory.mktemp("facades")
    source = shared / "data" / "cmp_facades" / "val"
    photos = sorted((source / "images").iterdir())[:PICTURES]
    (root / "real").mkdir()
    (root / "labels").mkdir()
    for photo in photos:
        with Image.open(photo) as image:
            image.convert("RGB").resize((SIZE, SIZE)).save(root / "real" / f"{photo.stem}.png")
        name = f"{photo.stem}.png"
        (root / "labels" / name).write_bytes((source / "labels" / name).read_bytes())
    for method, seed in (("first", 1), ("second", 2)):
        size = f"{SIZE}x{SIZE}"
        run("synthesize", root / "labels", "--out", root / method, "--size", size, "--seed", seed, "--device", "cpu")
    return root


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    with browser() as one:
        yield one


@pytest.fixture
def chromium(opened: Any) -> Iterator[Any]:
    """A browser without open pages."""
    yield opened
    for context in opened.contexts:
        context.close()


def judged(study: Path, worker_answers: str) -> list[Any]:
    engine = create_engine(sqlite_url(study / DATABASE))
    with engine.connect() as connection:
        rows = list(connection.execute(text(worker_answers)))
    engine.dispose()
    return rows


@pytest.mark.parametrize("mode", ["unlimited", "timed"])
def test_a_complete_study(facades: Path, tmp_path: Path, chromium: Any, mode: str):
    study, timed = tmp_path / "study", mode == "timed"
    (tmp_path / "design.yaml").write_text(DESIGNS[mode])
    methods = ("--method", f"first={facades / 'first'}", "--method", f"second={facades / 'second'}")
    out = ("--design", tmp_path / "design.yaml", "--out", study)
    run("study", "plan", *methods, "--real", facades / "real", *out)
    plan = load_plan(study)

    with served(study) as server:
        page = chromium.new_page(viewport={"width": 1000, "height": 700})
        foreign, errors = [], []
        page.on("request", lambda request: foreign.append(request.url) if server.url not in request.url else None)
        page.on("pageerror", lambda error: errors.append(error))
        begin(page, f"{server.url}/?PROLIFIC_PID=somebody")
        total = len(plan.assignments[0].trials)
        assert page.text_content("#count") == f"1 of {total}"
        for position in range(total):
            if position == total // 2:  # closes the page, comes back, and goes on
                page.reload()
                page.click("#agree")
                page.wait_for_selector("#start:enabled")
                page.click("#start")
            trial = plan.assignments[0].trials[position]
            right = trial.expected or ("left" if trial.left == "real" else "right")
            answer(page, position, total, lambda _, side=right: side, timed)
        page.wait_for_selector("#done:not([hidden])")
        link = page.get_attribute("#return", "href")
        assert link == f"https://app.prolific.com/submissions/complete?cc={page.text_content('#code')}"
        others = zip(plan.assignments[1:], simulated_workers(plan, SEEN, 0), strict=False)
        seconds = itertools.count(time.time())  # a second from answer to answer
        store = Store(Database(sqlite_url(study / DATABASE)), plan, sha256(study / PLAN), seconds.__next__)
        for number, (_, worker) in enumerate(others):
            assert join_and_answer(store, worker, f"{number:024x}")

        board = chromium.new_page()
        board.goto(f"{server.url}/operator")
        board.fill("#token", load_keys(study).operator)
        board.keyboard.press("Enter")
        board.wait_for_selector("#board:not([hidden])")
        assert board.text_content("#complete") == str(len(plan.assignments))
        assert not errors
        assert not [url for url in foreign if not url.startswith("data:")]

    query = "SELECT a.* FROM answers a JOIN sessions s ON a.session = s.id WHERE s.assignment = 0 ORDER BY a.trial"
    answers = judged(study, query)
    screen = json.loads(judged(study, "SELECT screen FROM sessions WHERE assignment = 0")[0].screen)
    frame = 1 / screen["frames_per_second"]
    for stored, trial in zip(answers, plan.assignments[0].trials, strict=True):
        assert stored.choice == (trial.expected or ("left" if trial.left == "real" else "right"))
        assert (stored.shown_seconds is None) == (trial.exposure is None)
        if trial.exposure is not None and not stored.dropped_frames:
            assert stored.shown_seconds == pytest.approx(trial.exposure, abs=frame)
            assert stored.response_seconds >= stored.shown_seconds

    output = run("study", "analyse", study, "--out", tmp_path / "report")
    assert "first > second" in output
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    assert results["exclusions"]["stored"] == sum(
        trial.kind != "practice" for assignment in plan.assignments for trial in assignment.trials
    )
    assert bool(results["by_exposure"]) == timed
    page = chromium.new_page()
    page.goto((tmp_path / "report" / "index.html").as_uri())
    assert page.evaluate("document.images.length > 9 && [...document.images].every(one => one.naturalWidth)")
    assert page.locator("svg").count() == int(timed)


def planned(facades: Path, folder: Path, design: str) -> Path:
    """A study of two methods, ready to be served."""
    (folder / "design.yaml").write_text(design)
    methods = ("--method", f"first={facades / 'first'}", "--method", f"second={facades / 'second'}")
    run("study", "plan", *methods, "--design", folder / "design.yaml", "--out", folder / "study")
    return folder / "study"


def test_answers_wait_for_a_server_that_is_away(facades: Path, tmp_path: Path, chromium: Any):
    """The server dies, the participant goes on, and the answers arrive when it is back: each once."""
    study = planned(facades, tmp_path, "batch: 6\n" + NO_HURRY)
    with served(study) as server:
        page = chromium.new_page(viewport={"width": 1000, "height": 700})
        with all_loaded(page):
            begin(page, server.url)
            answer(page, 0, 6, lambda _: "left", False)
            wait_for_text(page, "#count", "2 of 6")
        server.kill()
        answer(page, 1, 6, lambda _: "left", False)
        answer(page, 2, 6, lambda _: "right", False)
        wait_for_text(page, "#status", re.compile("takes a moment"))
        server.start()
        wait_for_text(page, "#status", "")
        for position in range(3, 6):
            answer(page, position, 6, lambda _: "right", False)
        page.wait_for_selector("#done:not([hidden])")
    stored = [row.choice for row in judged(study, "SELECT choice FROM answers ORDER BY trial")]
    assert stored == ["left", "left", "right", "right", "right", "right"]


@pytest.mark.slow
def test_pictures_wait_for_the_connection(facades: Path, tmp_path: Path, chromium: Any):
    """The connection breaks before the pictures have arrived; the participant sees them when it is back."""
    study = planned(facades, tmp_path, "batch: 6\n" + NO_HURRY)
    with served(study) as server:
        page = chromium.new_page(viewport={"width": 1000, "height": 700})
        asked: list[str] = []
        page.route("**/pictures/**", lambda route: (asked.append(route.request.url), route.abort()))
        begin(page, server.url)
        page.wait_for_selector("#loading:not([hidden])")
        while asked.count(asked[0]) < 2 * 5:  # a refused picture is asked for four times; each time also for the reason
            page.wait_for_timeout(100)
        page.unroute("**/pictures/**")
        for position in range(6):
            answer(page, position, 6, lambda _: "left", False)
        page.wait_for_selector("#done:not([hidden])")


def test_a_small_window_has_to_be_made_larger(facades: Path, tmp_path: Path, chromium: Any):
    study = planned(facades, tmp_path, "batch: 6\n")
    with served(study) as server:
        touching = chromium.new_context(viewport={"width": 400, "height": 700}, has_touch=True)
        page = touching.new_page()
        page.goto(server.url)
        page.tap("#agree")
        page.tap("#understood")
        wait_for_text(page, "#screen-status", re.compile("need 564 by 456"))
        assert page.is_disabled("#start")
        page.set_viewport_size({"width": 700, "height": 500})
        page.wait_for_selector("#start:enabled")
        page.tap("#start")
        page.wait_for_selector("#choose-left:enabled")
        page.tap("#right")
        wait_for_text(page, "#count", "2 of 6")

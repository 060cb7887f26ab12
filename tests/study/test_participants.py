"""Simulated people who visit a server."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ports import free_port
from serving.running import served
from typer.testing import CliRunner, Result

from semsynth.cli.main import app
from semsynth.errors import SemsynthError
from semsynth.study.participants import visit
from semsynth.study.plan import StudyPlan
from semsynth.study.records import NewAnswer
from semsynth.study.server.app import LIMITS, create_app, error_body
from semsynth.study.server.keys import load_keys
from semsynth.study.simulation import Population, simulated_workers
from semsynth.study.store import open_store

NEUTRAL = Population({"ours": 0.5, "crn": 0.0}, careless=0, biased=0)


@pytest.fixture
def plan(make: Callable[..., StudyPlan], tmp_path: Path) -> StudyPlan:
    return make(tmp_path / "s", batch=6, judgements=2)


@pytest.mark.parametrize("url", ["http://192.168.0.1:80", "https://127.0.0.1:1", "http://example.org:80", "127.0.0.1"])
def test_simulated_people_visit_this_machine_only(plan: StudyPlan, url: str):
    with pytest.raises(SemsynthError, match="this machine only"):
        visit(url, plan, "", NEUTRAL, 1, 0)


def test_robots_are_let_in_by_an_option_and_left_out_of_the_analysis(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", batch=6, judgements=2, exclusions={"min_response_seconds": 0})
    study = tmp_path / "s"
    store, keys = open_store(study), load_keys(study)

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, ["study", *map(str, arguments)])

    with served(create_app(study, store, keys), LIMITS, error_body) as port:
        server = ("--server", f"http://127.0.0.1:{port}", "--pace", 0)
        refused = run("simulate", study, *server)
        assert refused.exit_code == 2
        assert "--allow-robots" in refused.output
        assert store.progress().robots == 0
        with pytest.raises(SemsynthError, match=r"the server takes no robots \(403\)"):
            visit(f"http://127.0.0.1:{port}", plan, "another study's token", NEUTRAL, 1, 0)
        allowed = run("simulate", study, *server, "--allow-robots")
        assert (allowed.exit_code, f"{len(plan.assignments)} of {len(plan.assignments)}" in allowed.output) == (0, True)
    assert (store.progress().robots, store.progress().answers) == (24, 0)
    analysed = run("analyse", study, "--out", tmp_path / "report")
    assert (analysed.exit_code, "no usable answers yet" in analysed.output) == (2, True)
    worker = next(simulated_workers(plan, NEUTRAL, 0))
    joined = store.join("0123")
    for trial, shown in enumerate(plan.assignments[joined.assignment].trials):
        store.answer(joined.session, NewAnswer(f"key-{trial}", trial, worker.answer(shown)[0], 5.0))
    analysed = run("analyse", study, "--out", tmp_path / "report")
    assert analysed.exit_code == 0, analysed.output
    assert "6 judgements" in analysed.output
    assert "24 answers of robots are left out" in analysed.output


def test_nobody_answers(plan: StudyPlan):
    started = time.monotonic()
    with pytest.raises(SemsynthError, match="nothing answers on"):
        visit(f"http://127.0.0.1:{free_port()}", plan, "", NEUTRAL, 2, 0, patience=0.5)
    assert time.monotonic() - started < 20

"""A study from Python: planned, answered by simulated people, analysed; what the commands call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import semsynth
from semsynth.study.answers import trial_of
from semsynth.study.database import DATABASE
from semsynth.study.plan import load_plan
from semsynth.study.running import SIMULATED, population, simulate_study
from semsynth.study.store import open_store


def test_a_study_from_the_plan_to_the_report(folders: dict[str, Path], tmp_path: Path) -> None:
    methods = {name: folders[name] for name in ("ours", "crn")}
    design = tmp_path / "design.yaml"
    design.write_text("name: small\nimages: 6\njudgements: 2\nbatch: 12\n")
    made, notes = semsynth.plan_study(str(design), methods, tmp_path / "study", seed=3)
    assert made == load_plan(tmp_path / "study")
    assert (made.design.name, made.design.seed, notes) == ("small", 3, [])
    people = population(made, {"ours": 9.0}, careless=0, biased=0, dropout=0)
    seen: list[tuple[int, int]] = []
    count = simulate_study(tmp_path / "study", people, progress=lambda done, total: seen.append((done, total)))
    assert count == len(made.assignments)
    assert seen == [(number, count) for number in range(1, count + 1)]
    url = str(tmp_path / "study" / SIMULATED)
    results, page = semsynth.analyse_study(tmp_path / "study", tmp_path / "report", db=url)
    again, _ = semsynth.analyse_study(tmp_path / "study", tmp_path / "report", simulated=True)
    assert results == again
    assert results.simulated
    assert "no person gave these answers" in page.read_text()
    with pytest.raises(semsynth.SemsynthError, match=r"no usable answers yet: .* `simulated`"):
        semsynth.analyse_study(tmp_path / "study", tmp_path / "other")
    with pytest.raises(semsynth.SemsynthError, match="simulated answers"):
        semsynth.serve_study(tmp_path / "study", db=url, port=0)
    with pytest.raises(semsynth.SemsynthError, match="is for people's answers"):
        simulate_study(tmp_path / "study", people, db=str(tmp_path / "study" / DATABASE))
    assert results.judgements == made.num_judgements == 12
    (preference,) = results.preferences
    answers = open_store(tmp_path / "study", url).answers()
    shown = [(trial_of(made, answer), answer.choice) for answer in answers]
    chosen = [getattr(trial, choice) for trial, choice in shown if trial.kind == "judgement"]
    assert (preference.first, preference.share) == ("ours", chosen.count("ours") / 12)
    assert chosen.count("ours") > 9  # 9 logits apart: the others are answers at random
    assert page.is_file()
    assert json.loads((tmp_path / "report" / "results.json").read_text())["judgements"] == 12


def test_what_is_wrong_is_said(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(semsynth.SemsynthError, match=r"holds no plan\.json"):
        open_store(tmp_path)
    made, _ = semsynth.plan_study("crn-2017-timed", {"ours": folders["ours"]}, tmp_path / "study", real=folders["real"])
    with pytest.raises(semsynth.SemsynthError, match="no usable answers yet"):
        semsynth.analyse_study(tmp_path / "study", tmp_path / "report")
    with pytest.raises(semsynth.SemsynthError, match="has no simulated answers"):
        semsynth.analyse_study(tmp_path / "study", tmp_path / "report", simulated=True)
    with pytest.raises(semsynth.SemsynthError, match=r"`db=.*gone\.sqlite`: there is no such file"):
        semsynth.analyse_study(tmp_path / "study", tmp_path / "report", db=str(tmp_path / "gone.sqlite"))
    with pytest.raises(semsynth.SemsynthError, match="`strengths=theirs`: the study has no such method; it has"):
        population(made, {"theirs": 1.0}, careless=0, biased=0, dropout=0)

"""A study from Python: planned, answered by simulated people, analysed; what the commands call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import semsynth
from semsynth.study.answers import trial_of
from semsynth.study.plan import load_plan
from semsynth.study.running import population, simulate_study
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
    count, url = simulate_study(tmp_path / "study", people, progress=lambda done, total: seen.append((done, total)))
    assert count == len(made.assignments)
    assert seen == [(number, count) for number in range(1, count + 1)]
    results, page = semsynth.analyse_study(tmp_path / "study", tmp_path / "report", db=url)
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
    with pytest.raises(semsynth.SemsynthError, match="--strength theirs: the study has no such method; it has"):
        population(made, {"theirs": 1.0}, careless=0, biased=0, dropout=0)

"""Reports of studies."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

from semsynth.study.analysis import analyse
from semsynth.study.plan import StudyPlan
from semsynth.study.report import report_page, write_report
from semsynth.study.simulation import Population, simulate_answers


def test_text_from_outside_stays_text_on_the_page(study: tuple[Path, StudyPlan]):
    plan = study[1]
    results = analyse(plan, simulate_answers(plan, Population({"ours": 1.0, "crn": 0.0, "pix2pix": -1.0}), seed=2))
    hostile = '<script>alert(1)</script>"&'
    images = tuple(one.model_copy(update={"image": hostile}) for one in results.images)
    changed = results.model_copy(update={"question": hostile, "images": images})
    shown = {(hostile, method): "a.png" for method in plan.methods}
    page = report_page(changed, shown)
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;&#34;&amp;") == 1 + page.count("<figcaption>")
    assert f'<data value="{results.preferences[0].share}">' in page


def test_the_same_numbers_in_html_json_and_csv(study: tuple[Path, StudyPlan], tmp_path: Path):
    folder, plan = study
    results = analyse(plan, simulate_answers(plan, Population({"ours": 1.0, "crn": 0.0, "pix2pix": -1.0}), seed=2))
    write_report(results, plan, folder, tmp_path / "r")
    page = (tmp_path / "r" / "index.html").read_text()
    shown = {float(value) for value in re.findall(r'<data value="([^"]+)"', page)}
    stored = json.loads((tmp_path / "r" / "results.json").read_text())
    with (tmp_path / "r" / "preferences.csv").open() as file:
        rows = list(csv.DictReader(file))
    for one, row in zip(stored["preferences"], rows, strict=True):
        assert (row["first"], row["second"]) == (one["first"], one["second"])
        for key in ("share", "p_exact", "p_exact_holm", "p_clustered", "p_clustered_holm", "ties"):
            assert float(row[key]) == one[key]
            assert one[key] in shown
        for end, bound in zip(("low", "high"), one["clustered"], strict=True):
            assert float(row[f"clustered_{end}"]) == bound
            assert bound in shown
    with (tmp_path / "r" / "ranking.csv").open() as file:
        assert [float(row["strength"]) for row in csv.DictReader(file)] == [
            one["strength"] for one in stored["ranking"]["strengths"]
        ]
    linked = re.findall(r'src="(pictures/[^"]+)"', page)
    assert len(linked) == 2 * 3 * 12
    assert all((tmp_path / "r" / name).is_file() for name in linked)
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")


def test_a_timed_report_draws_the_papers_figure(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", exposures=(0.125, 1.0, 8.0), judgements=5, batch=36)
    results = analyse(plan, simulate_answers(plan, Population({"ours": 2.0, "crn": 0.0}), seed=3))
    write_report(results, plan, tmp_path / "s", tmp_path / "r")
    page = (tmp_path / "r" / "index.html").read_text()
    assert page.count("<polyline") == 1
    assert page.count("<circle") == 3
    assert ">1/8<" in page
    shares = [one.share for one in results.by_exposure]
    assert shares[0] < shares[1], "the difference takes time to be seen"


def test_reports_escape_names(make: Callable[..., StudyPlan], study: tuple[Path, StudyPlan], tmp_path: Path):
    folder, plan = study
    asked = plan.model_copy(update={"design": plan.design.model_copy(update={"question": "<script>alert(1)</script>"})})
    results = analyse(asked, simulate_answers(asked, Population({"ours": 1.0, "crn": 0.0, "pix2pix": -1.0})))
    write_report(results, asked, folder, tmp_path / "r")
    assert "<script>" not in (tmp_path / "r" / "index.html").read_text()

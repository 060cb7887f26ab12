"""Intervals, tests, ranking and agreement against SciPy, statsmodels, brute force and known answers."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from semsynth.errors import SemsynthError
from semsynth.study.agreement import agreement
from semsynth.study.analysis import analyse
from semsynth.study.answers import Answer, judgements_of
from semsynth.study.exclusions import apply_exclusions
from semsynth.study.figure import exposure_figure
from semsynth.study.plan import StudyPlan
from semsynth.study.preference import (
    ClusterBootstrap,
    exact_p,
    holm,
    percentile_interval,
    percentile_p,
    wilson_interval,
)
from semsynth.study.ranking import bradley_terry, davidson
from semsynth.study.report import report_page, write_report
from semsynth.study.results import Preference
from semsynth.study.simulation import Population, simulate_answers, simulated_power

# One share.


@given(st.integers(0, 300), st.integers(0, 300), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_equals_statsmodels(wins: int, losses: int, level: float):
    from statsmodels.stats.proportion import proportion_confint

    if wins + losses == 0:
        assert wilson_interval(0, 0, level) == (0, 1)
        return
    expected = proportion_confint(wins, wins + losses, alpha=1 - level, method="wilson")
    assert wilson_interval(wins, wins + losses, level) == pytest.approx(expected, abs=1e-12)


def test_exact_test_by_hand():
    assert exact_p(0, 5) == pytest.approx(2 / 32)
    assert exact_p(9, 10) == pytest.approx(2 * 11 / 1024)
    assert exact_p(0, 0) == 1


@pytest.mark.parametrize("count", [1, 2, 7])
def test_holm_equals_statsmodels(count: int):
    from statsmodels.stats.multitest import multipletests

    p_values = np.random.default_rng(count).random(count) ** 3
    assert holm(p_values.tolist()) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)


def test_holm_with_equal_values_and_one():
    assert holm([0.02, 1.0, 0.02, 0.01]) == pytest.approx([0.06, 1.0, 0.06, 0.04])


# The cluster bootstrap.


def test_weights_count_people_times_pictures():
    rng = np.random.default_rng(0)
    worker, image = rng.integers(0, 5, 60), rng.integers(0, 7, 60)
    values = rng.random(60)
    bootstrap = ClusterBootstrap(worker, image, rng, replicates=50)
    expected = [
        sum(people[w] * pictures[g] * value for w, g, value in zip(worker, image, values, strict=True))
        for people, pictures in zip(bootstrap._worker_weights, bootstrap._image_weights, strict=True)
    ]
    assert bootstrap.sums(values) == pytest.approx(np.array(expected))
    assert (bootstrap._worker_weights.sum(1) == 5).all()


def test_interval_is_wider_where_people_differ():
    rng = np.random.default_rng(1)
    worker, image = (codes.ravel() for codes in np.indices((20, 50)))
    everyone = np.ones(1000, bool)
    same = (rng.random(1000) < 0.6).astype(float)
    taste = np.repeat(rng.permutation([0.0] * 8 + [1.0] * 12), 50)  # each person always answers alike
    wilson = np.ptp(wilson_interval(600, 1000, 0.95))
    widths = [
        np.ptp(percentile_interval(ClusterBootstrap(worker, image, rng).shares(outcome, everyone), 0.95))
        for outcome in (same, taste)
    ]
    assert widths[0] < 2 * wilson
    assert widths[1] == pytest.approx(2 * 1.96 * np.sqrt(0.6 * 0.4 / 20), rel=0.1)


def test_percentile_p_inverts_the_interval():
    rng = np.random.default_rng(2)
    for centre in (0.5, 0.52, 0.56, 0.7):
        replicates = rng.normal(centre, 0.03, 4999)
        p = percentile_p(replicates)
        low, high = percentile_interval(replicates, 1 - p - 0.002)
        assert not low < 0.5 < high
        if 0.01 < p < 0.99:
            low, high = percentile_interval(replicates, 1 - p + 0.004)
            assert low < 0.5 < high


def coverage(worker_deviation: float, image_deviation: float, studies: int, replicates: int) -> float:
    """Share of simulated studies (40 people x 100 pictures, crossed) whose 95 % interval holds the true preference."""
    rng = np.random.default_rng(20190318)
    mean = 0.4
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    spread = np.hypot(worker_deviation, image_deviation)
    truth = float((weights * expit(mean + spread * nodes)).sum() / weights.sum())
    worker, image = (codes.ravel() for codes in np.indices((40, 100)))
    bootstrap = ClusterBootstrap(worker, image, rng, replicates)
    held = 0
    for _ in range(studies):
        logits = mean + rng.normal(0, worker_deviation, (40, 1)) + rng.normal(0, image_deviation, (1, 100))
        answers = (rng.random((40, 100)) < expit(logits)).astype(float).ravel()
        low, high = percentile_interval(bootstrap.shares(answers, np.ones(4000, bool)), 0.95)
        held += low <= truth <= high
    return held / studies


@pytest.mark.parametrize(("worker_deviation", "image_deviation"), [(0.5, 0.5)])
def test_coverage_of_the_clustered_interval(worker_deviation: float, image_deviation: float):
    assert coverage(worker_deviation, image_deviation, 400, 599) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize(("worker_deviation", "image_deviation"), [(0.0, 0.0), (0.5, 0.5), (1.0, 0.5), (0.5, 1.0)])
def test_coverage_of_more_variances(
    worker_deviation: float, image_deviation: float, record_property: Callable[[str, object], None]
):
    held = coverage(worker_deviation, image_deviation, 1000, 1999)
    record_property("coverage", held)
    assert held >= 0.93


# Rankings.


def table(strengths: np.ndarray, judgements: int, nu: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    wins, ties = np.zeros((2, len(strengths), len(strengths)))
    for i in range(len(strengths)):
        for j in range(i):
            shares = np.array(
                [np.exp(strengths[i]), np.exp(strengths[j]), nu * np.exp((strengths[i] + strengths[j]) / 2)]
            )
            wins[i, j], wins[j, i], ties[i, j] = rng.multinomial(judgements, shares / shares.sum())
            ties[j, i] = ties[i, j]
    return wins, ties


def test_bradley_terry_recovers_strengths_and_meets_its_equations():
    rng = np.random.default_rng(3)
    strengths = np.array([1.0, 0.3, -0.2, -1.1])
    wins, _ = table(strengths, 20000, 0, rng)
    found = bradley_terry(wins)
    assert found == pytest.approx(strengths, abs=0.04)
    expected = (wins + wins.T) * expit(found[:, None] - found)  # at the maximum each method wins as often as expected
    assert wins.sum(1) == pytest.approx(expected.sum(1) - np.diag(expected), rel=1e-3)


def test_davidson_recovers_strengths_and_ties_of_many_tables():
    rng = np.random.default_rng(4)
    strengths = np.array([[0.8, 0.0, -0.8], [0.1, 0.4, -0.5]])
    tables = [table(row, 20000, nu, rng) for row, nu in zip(strengths, (0.5, 1.5), strict=True)]
    found, nu = davidson(np.stack([wins for wins, _ in tables]), np.stack([ties for _, ties in tables]))
    assert found == pytest.approx(strengths, abs=0.04)
    assert nu == pytest.approx([0.5, 1.5], rel=0.05)


def test_davidson_without_ties_is_bradley_terry():
    wins, none = table(np.array([0.6, 0.0, -0.6]), 5000, 0, np.random.default_rng(5))
    found, nu = davidson(wins, none)
    assert found == pytest.approx(bradley_terry(wins), abs=1e-3)
    assert nu < 0.01


def test_a_method_that_always_wins_has_a_finite_strength():
    wins = np.array([[0.0, 20, 20], [0, 0, 12], [0, 8, 0]])
    for found in (bradley_terry(wins), davidson(wins, np.zeros((3, 3)))[0]):
        assert np.isfinite(found).all()
        assert list(np.argsort(-found)) == [0, 1, 2]


# Agreement.


def test_kappa_equals_statsmodels():
    from statsmodels.stats.inter_rater import fleiss_kappa

    counts = np.random.default_rng(6).multinomial(5, [0.5, 0.3, 0.2], 40)
    assert agreement(counts).kappa == pytest.approx(fleiss_kappa(counts))


def test_agreement_by_hand():
    found = agreement(np.array([[2, 0, 0], [1, 1, 0], [0, 3, 0], [1, 0, 0]]))
    assert found.questions == 3, "one answer agrees with nothing"
    assert found.observed == pytest.approx(2 / 3)
    expected = (3 / 7) ** 2 + (4 / 7) ** 2
    assert found.kappa == pytest.approx((2 / 3 - expected) / (1 - expected))


# Whole studies.


@pytest.fixture(scope="module")
def study(make: Callable[..., StudyPlan], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyPlan]:
    folder = tmp_path_factory.mktemp("study") / "s"
    return folder, make(folder, ("ours", "crn", "pix2pix"), batch=36, judgements=30, sentinels=5, ties=True)


def test_simulated_strengths_are_found_and_careless_people_left_out(study: tuple[Path, StudyPlan]):
    plan = study[1]
    population = Population({"ours": 1.0, "crn": 0.0, "pix2pix": -1.0}, careless=0.2, biased=0.1, dropout=0.1)
    answers = simulate_answers(plan, population, seed=1)
    results = analyse(plan, answers)
    excluded = [worker for worker in results.exclusions.workers if worker.excluded_for]
    assert 3 <= len(excluded) <= 20
    assert results.exclusions.unfinished > 0
    assert results.exclusions.stored == len(answers)
    first = results.preferences[0]
    assert (first.first, first.second) == ("ours", "crn")
    truth = 1 / (1 + np.exp(-1.0))
    assert first.clustered[0] - 0.03 < truth < first.clustered[1] + 0.03
    assert first.p_clustered_holm < 0.01
    assert results.ranking is not None
    assert [one.method for one in results.ranking.strengths] == ["ours", "crn", "pix2pix"]
    for one, strength in zip(results.ranking.strengths, (1, 0, -1), strict=True):
        assert one.strength == pytest.approx(strength, abs=0.3)
    assert results.ranking.tie_parameter == pytest.approx(0.5, abs=0.15)


def test_rules_by_hand(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", batch=12, judgements=5, sentinels=4, sentinel="real")

    def answered(number: int, name: str, sentinels_right: int, choices: str, seconds: float, complete: bool = True):
        answers, right = [], 0
        for position, trial in enumerate(plan.assignments[number].trials):
            choice = choices[position % len(choices)]
            if trial.expected is not None:
                wrong = "left" if trial.expected == "right" else "right"
                right += 1
                side = trial.expected if right <= sentinels_right else wrong
            else:
                side = {"l": "left", "r": "right"}[choice]
            answers.append(Answer(name, number, position, side, seconds, complete=complete))
        return answers

    answers = (
        answered(0, "good", 4, "lr", 1.0)
        + answered(1, "inattentive", 3, "lr", 1.0)
        + answered(2, "fast", 4, "lr", 0.1)
        + answered(3, "unfinished", 4, "lr", 1.0, complete=False)
        + [replace(answer, choice="left") for answer in answered(4, "one-sided", 4, "l", 1.0)]
    )
    report = apply_exclusions(plan, answers).report
    assert {one.worker: one.excluded_for for one in report.workers} == {
        "good": (),
        "inattentive": ("sentinels",),
        "fast": ("fast",),
        "one-sided": ("sentinels", "one side") if report.workers[-1].sentinels_right < 4 else ("one side",),
    }
    assert (report.stored, report.unfinished, report.of_excluded_workers, report.kept) == (80, 16, 48, 16)


def test_answers_with_a_wrong_exposure_do_not_count(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", exposures=(0.125, 1.0), batch=24)
    trials = plan.assignments[0].trials
    answers = [
        Answer("a", 0, n, ("left", "right")[n % 2], 1.0, (trial.exposure or 0) + (0.05 if n < 3 else 0.02), n == 5)
        for n, trial in enumerate(trials)
    ]
    answers = [replace(answer, complete=True) for answer in answers]
    results = analyse(plan, answers)
    assert results.exclusions.wrong_exposure == 3
    assert results.judgements == len(trials) - 3
    assert [one.exposure for one in results.by_exposure] == [0.125, 1.0]


def test_sides_do_not_decide_who_wins(make: Callable[..., StudyPlan], tmp_path: Path):
    """Whoever chooses left always prefers each method equally often, and the side bias shows it."""
    plan = make(tmp_path / "s", batch=12, judgements=2, exclusions={"max_side_share": 1.0})
    answers = [
        Answer(f"w{number}", number, position, "left", 1.0)
        for number, assignment in enumerate(plan.assignments)
        for position in range(len(assignment.trials))
    ]
    results = analyse(plan, answers)
    assert results.preferences[0].share == 0.5
    assert (results.side.left, results.side.right) == (24, 0)
    assert results.side.p_exact == pytest.approx(2 / 2**24)


def test_judgements_name_the_first_method(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", ("ours", "crn", "pix2pix"), batch=100)
    trials = plan.assignments[0].trials
    answers = [
        Answer("w", 0, n, "left" if trial.left < trial.right else "right", 1.0) for n, trial in enumerate(trials)
    ]
    judged = judgements_of(plan, answers)  # the alphabet wins: crn > ours > pix2pix
    wins = {pair: judged.first[judged.pair == number].mean() for number, pair in enumerate(plan.pairs)}
    assert wins == {("ours", "crn"): 0, ("ours", "pix2pix"): 1, ("crn", "pix2pix"): 1}


def test_unanimous_answers_still_have_an_interval(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", batch=12)
    answers = [
        Answer("w", 0, position, "left" if trial.left == "ours" else "right", 1.0)
        for position, trial in enumerate(plan.assignments[0].trials)
    ]
    (found,) = analyse(plan, answers).preferences
    assert found.share == 1
    assert found.clustered == found.wilson
    assert found.p_clustered == found.p_exact == pytest.approx(2 / 2**12)


def test_nothing_to_analyse(study: tuple[Path, StudyPlan]):
    with pytest.raises(SemsynthError, match="no usable answers yet"):
        analyse(study[1], [])


def test_power_grows_with_the_difference(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", batch=12, judgements=20)
    power = [simulated_power(plan, Population({"ours": gap, "crn": 0.0}), 5)["ours", "crn"] for gap in (0.0, 2.0)]
    assert power[0] <= 0.4
    assert power[1] == 1


# The report.


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


def test_the_figure_by_hand():
    """Two exposures of one pair: the first lies at the left end of the axis, a half is half-way up."""
    common = {"first": "a", "second": "b", "first_preferred": 1, "second_preferred": 1, "ties": 0, "workers": 1}
    common |= {"images": 1, "wilson": (0, 1), "clustered": (0, 1)}
    tests = dict.fromkeys(("p_exact", "p_exact_holm", "p_clustered", "p_clustered_holm"), 1.0)
    preferences = [
        Preference(exposure=exposure, share=share, **common, **tests) for exposure, share in ((0.125, 0.5), (8.0, 1.0))
    ]
    figure = exposure_figure(preferences)
    top, bottom = 22, 380 - 48
    (pair,) = figure.pairs
    assert pair.name == "a > b"
    assert pair.points == ((58, (top + bottom) / 2, bottom, top), (720 - 170, top, bottom, top))
    assert figure.seconds == ((58, "1/8"), (550, "8"))
    assert [text for _, text, chance in figure.shares if chance] == ["50%"]


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


def test_scipy_agrees_on_the_exact_test():
    assert exact_p(61, 100) == stats.binomtest(61, 100).pvalue

"""Designs, balance, opaque pictures, `semsynth study plan` and its errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import stats
from study.conftest import SIZE, draw_folder
from typer.testing import CliRunner

from semsynth.classes import builtin
from semsynth.cli.main import app
from semsynth.errors import SemsynthError
from semsynth.study.balance import deal_rounds, draw_questions, spread
from semsynth.study.design import REAL, StudyDesign, load_design
from semsynth.study.pictures import highlighted
from semsynth.study.plan import PICTURES, PLAN, StudyPlan, load_plan
from semsynth.study.planning import Sources, make_study
from semsynth.study.power import binomial_power, required_judgements
from semsynth.study.presets import PRESETS


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# Balance.


@given(
    pairs=st.integers(1, 4),
    exposures=st.integers(1, 4),
    available=st.integers(1, 40),
    wanted=st.none() | st.integers(1, 50),
    batch=st.integers(1, 30),
    rounds=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
def test_every_count_is_balanced(
    pairs: int, exposures: int, available: int, wanted: int | None, batch: int, rounds: int, seed: int
):
    rng = np.random.default_rng(seed)
    questions = draw_questions(pairs, exposures, available, wanted, rng)
    deals = deal_rounds(questions, batch, rounds, rng)
    count = min(wanted or available, available)
    assert len(questions.pair) == pairs * exposures * count
    cells = np.stack([questions.pair, questions.exposure, questions.image])
    assert np.unique(cells, axis=1).shape == cells.shape, "no question twice in a round"
    assert np.ptp(np.bincount(questions.image, minlength=available)) <= pairs

    lefts = np.zeros(len(questions.pair), int)
    for deal in deals:
        assert sorted(np.concatenate(deal.batches)) == list(range(len(questions.pair)))
        sizes = [len(numbers) for numbers in deal.batches]
        assert max(sizes) <= batch
        assert max(sizes) - min(sizes) <= 1
        lefts += deal.first_left
        for numbers in deal.batches:
            for pair in range(pairs):
                mine = numbers[questions.pair[numbers] == pair]
                assert abs(2 * deal.first_left[mine].sum() - len(mine)) <= 1
        for pair in range(pairs):
            for exposure in range(exposures):
                cell = (questions.pair == pair) & (questions.exposure == exposure)
                assert np.ptp([cell[numbers].sum() for numbers in deal.batches]) <= 1
    # Over two rounds every question was on both sides; an odd round adds one side.
    assert np.isin(lefts, [rounds // 2, (rounds + 1) // 2]).all()


def test_two_rounds_show_a_question_in_the_middle_on_average():
    rng = np.random.default_rng(0)
    first, second = deal_rounds(draw_questions(2, 1, 30, None, rng), 20, 2, rng)
    for one, other in zip(first.batches, second.batches, strict=True):
        positions = {q: i for i, q in enumerate(one.tolist())}
        mirrored = {q: i for i, q in enumerate(other.tolist())}
        assert {positions[q] + mirrored[q] for q in positions} == {len(one) - 1}


def test_a_pictures_pairs_go_to_different_people():
    rng = np.random.default_rng(0)
    questions = draw_questions(3, 1, 40, None, rng)
    (deal,) = deal_rounds(questions, 24, 1, rng)
    most = [np.bincount(questions.image[numbers]).max() for numbers in deal.batches]
    assert max(most) == 1


@given(st.integers(0, 60), st.integers(0, 12), st.integers(0, 99))
def test_sentinels_are_spread(judgements: int, extra: int, seed: int):
    if extra > judgements + extra:
        return
    positions = spread(judgements, extra, np.random.default_rng(seed))
    assert len(positions) == extra
    assert (np.diff(positions) > 0).all()
    width = (judgements + extra) / extra if extra else 0
    assert all(number * width <= position < (number + 1) * width for number, position in enumerate(positions.tolist()))


# Studies.


def trials(plan: StudyPlan, kind: str):
    return [trial for assignment in plan.assignments for trial in assignment.trials if trial.kind == kind]


def test_a_study_of_two_methods(make: Callable[..., StudyPlan], tmp_path: Path):
    plan = make(tmp_path / "s", batch=5, sentinels=2, sentinel="real", practice=1, judgements=2, seed=7)
    assert plan.pairs == (("ours", "crn"),)
    assert [len(assignment.trials) for assignment in plan.assignments] == [7] * 6
    assert [assignment.round for assignment in plan.assignments] == [0] * 3 + [1] * 3
    shown = Counter(trial.image for trial in trials(plan, "judgement"))
    assert set(shown.values()) == {2}
    assert len(shown) == 12
    sides = Counter((trial.image, trial.left) for trial in trials(plan, "judgement"))
    assert set(sides.values()) == {1}
    assert all(assignment.trials[0].kind == "practice" for assignment in plan.assignments)
    for sentinel in trials(plan, "sentinel"):
        assert {sentinel.left, sentinel.right} == {REAL, "crn"}
        assert getattr(sentinel, sentinel.expected or "") == REAL
    assert load_plan(tmp_path / "s") == plan


def test_pictures_have_names_that_tell_nothing_and_the_right_content(
    make: Callable[..., StudyPlan], folders: dict[str, Path], tmp_path: Path
):
    plan = make(tmp_path / "s", sentinels=3, shown_size=(16, 16))
    files = {path.name for path in (tmp_path / "s" / PICTURES).iterdir()}
    every = [trial for kind in ("judgement", "sentinel") for trial in trials(plan, kind)]
    assert files == {name for trial in every for name in (trial.left_picture, trial.right_picture)}
    assert plan.size == (8, 16), "scaled into the box, with the proportions kept"
    for trial in trials(plan, "judgement"):
        for method, name in ((trial.left, trial.left_picture), (trial.right, trial.right_picture)):
            with (
                Image.open(tmp_path / "s" / PICTURES / name) as shown,
                Image.open(folders[method] / f"{trial.image}.png") as given,
            ):
                expected = given.resize((16, 8), Image.Resampling.BICUBIC)
                assert np.array_equal(np.asarray(shown), np.asarray(expected))


def test_a_seed_gives_one_study_and_another_seed_another(make: Callable[..., StudyPlan], tmp_path: Path):
    one, again, other = (make(tmp_path / name, seed=seed, sentinels=2) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert one == again
    assert one.assignments != other.assignments
    read = [{p.name: p.read_bytes() for p in (tmp_path / name / PICTURES).iterdir()} for name in ("a", "b")]
    assert read[0] == read[1]
    assert (tmp_path / "a" / PLAN).read_bytes() == (tmp_path / "b" / PLAN).read_bytes()


def test_crn_timed_has_the_papers_numbers(make: Callable[..., StudyPlan], tmp_path: Path):
    design = PRESETS["crn-2017-timed"].model_dump() | {"images": 10}
    plan = make(tmp_path / "s", ("ours", "pix2pix"), **design)
    assert plan.pairs == (("ours", "pix2pix"), ("ours", "real"), ("pix2pix", "real"))
    cells = Counter((frozenset((t.left, t.right)), t.exposure) for t in trials(plan, "judgement"))
    assert len(cells) == 3 * 7
    assert set(cells.values()) == {10}
    for assignment in plan.assignments:
        mine = Counter((frozenset((t.left, t.right)), t.exposure) for t in assignment.trials if t.kind == "judgement")
        assert set(mine.values()) == {5}, "3 pairs x 7 exposures x 5, as in the scripts"
        assert [t.exposure for t in assignment.trials if t.kind == "sentinel"] == [4.0] * 5


def test_presets_have_the_papers_sizes():
    assert PRESETS["pix2pixhd-2018-unlimited"].images * PRESETS["pix2pixhd-2018-unlimited"].judgements == 5000
    assert (PRESETS["spade-2019"].images, PRESETS["spade-2019"].judgements) == (500, 5)
    assert PRESETS["crn-2017-unlimited"].shown_size == (200, 400)
    for design in PRESETS.values():
        assert StudyDesign.model_validate(design.model_dump()) == design


# Regions and layouts.


def test_regions_are_highlighted_and_pictures_without_them_left_out(folders: dict[str, Path], tmp_path: Path):
    labels = tmp_path / "labels"
    labels.mkdir()
    for number in range(12):
        ids = np.full(SIZE, 7, np.uint8)
        if number % 2:
            ids[8:16, 10:30] = 26
        Image.fromarray(ids).save(labels / f"view_{number}.png")
    design = StudyDesign(region="car", show_layout=True, batch=100)
    sources = Sources({"ours": folders["ours"], "crn": folders["crn"]}, None, labels, builtin("cityscapes"))
    plan, notes = make_study(sources, design, tmp_path / "s")
    assert len(plan.images) == 6
    assert "6 pictures show less than 0.5% of car" in notes[0]
    trial = trials(plan, "judgement")[0]
    shown = np.asarray(Image.open(tmp_path / "s" / PICTURES / trial.left_picture)).astype(int)
    given = np.asarray(Image.open(folders[trial.left] / f"{trial.image}.png")).astype(int)
    assert np.array_equal(shown[8:16, 10:30], given[8:16, 10:30])
    assert (shown[:4] < given[:4]).any()
    assert np.array_equal(shown[:4], (given[:4] * 0.35).astype(int))
    layout = np.asarray(Image.open(tmp_path / "s" / PICTURES / (trial.layout_picture or "")))
    assert set(map(tuple, layout.reshape(-1, 3).tolist())) == {(0, 0, 142), (128, 64, 128)}


def test_the_outline_lies_around_the_region():
    from semsynth.layout import Layout

    labels = np.full((12, 12), 7, np.uint16)
    labels[5:7, 5:7] = 26
    shown = highlighted(np.full((12, 12, 3), 100, np.uint8), Layout(labels, builtin("cityscapes")), 26)
    assert (shown[5:7, 5:7] == 100).all()
    outline = (shown == (255, 214, 0)).all(2)
    assert outline.sum() == 36 - 4
    assert outline[3:9, 3:9].sum() == 32


# Wrong input: nothing is written.


def test_folders_that_do_not_match(folders: dict[str, Path], tmp_path: Path):
    fewer = draw_folder(tmp_path / "fewer", ["view_0", "view_3", "other"], (1, 2, 3))
    result = run(
        "study", "plan", "--design", "spade-2019", "--method", f"a={folders['ours']}", "--method", f"b={fewer}",
        "--layouts", folders["real"], "--out", tmp_path / "s",
    )  # fmt: skip
    assert result.exit_code == 2
    assert f"{fewer} lacks 10 of them: view_1, view_2, view_4, view_5, view_6 and 5 more" in result.output
    assert f"{folders['ours']} lacks other" in result.output
    assert not (tmp_path / "s").exists()
    kept = run(
        "study", "plan", "--design", "spade-2019", "--method", f"a={folders['ours']}", "--method", f"b={fewer}",
        "--layouts", folders["real"], "--out", tmp_path / "s", "--common",
    )  # fmt: skip
    assert kept.exit_code == 0, kept.output
    assert load_plan(tmp_path / "s").images == ("view_0", "view_3")


def test_pictures_of_different_sizes(folders: dict[str, Path], tmp_path: Path):
    names = [f"view_{number}" for number in range(12)]
    larger = draw_folder(tmp_path / "larger", names, (1, 2, 3), (48, 96))
    with pytest.raises(SemsynthError, match=r"view_0\.png is 96x48, .*view_0\.png is 48x24: .* to one size"):
        make_study(Sources({"a": folders["ours"], "b": larger}), StudyDesign(), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_layouts_of_other_proportions_are_stretched_and_told(folders: dict[str, Path], tmp_path: Path):
    tall = draw_folder(tmp_path / "tall", [f"view_{number}" for number in range(12)], (9, 9, 9), (30, 20))
    sources = Sources({"ours": folders["ours"], "crn": folders["crn"]}, layouts=tall)
    plan, notes = make_study(sources, StudyDesign(show_layout=True), tmp_path / "s")
    assert notes == [
        "layouts are stretched to their pictures' proportions: "
        "12 of them: view_0, view_1, view_2, view_3, view_4 and 7 more"
    ]
    with Image.open(tmp_path / "s" / PICTURES / str(trials(plan, "judgement")[0].layout_picture)) as shown:
        assert (shown.height, shown.width) == SIZE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("judgments: 5", r"unknown key 'judgments' \(known: name, question"),
        ("preset: spade-2018", "there is no preset 'spade-2018'"),
        ("exposures: [2, 1]", "exposures must be different and ascend"),
        ("exclusions: {min_sentinel: 1}", "unknown key 'exclusions.min_sentinel'"),
        ("batch: [", "is not valid YAML"),
        ("- 1", "expected lines such as"),
        ("batch: 0", "greater than or equal to 1"),
        ("sentinel_exposure: 2", "sentinel_exposure needs exposures"),
    ],
)
def test_a_wrong_design(text: str, message: str, tmp_path: Path):
    path = tmp_path / "design.yaml"
    path.write_text(text)
    with pytest.raises(SemsynthError, match=message):
        load_design(str(path), PRESETS)


def test_a_design_changes_a_preset(tmp_path: Path):
    path = tmp_path / "design.yaml"
    path.write_text("preset: crn-2017-timed\nimages: 3\nexclusions: {min_sentinel_accuracy: 0.6}\n")
    design = load_design(str(path), PRESETS)
    preset = PRESETS["crn-2017-timed"]
    assert (design.images, design.exclusions.min_sentinel_accuracy) == (3, 0.6)
    assert (design.exposures, design.exclusions.max_fast_share) == (preset.exposures, preset.exclusions.max_fast_share)


@pytest.mark.parametrize(
    ("design", "methods", "message"),
    [
        ({"region": "car"}, ("ours", "crn"), "needs layouts"),
        ({"compare_real": True}, ("ours", "crn"), "shows real photos"),
        ({}, ("ours",), "needs two methods"),
    ],
)
def test_a_design_that_needs_more(
    design: dict, methods: tuple[str, ...], message: str, folders: dict[str, Path], tmp_path: Path
):
    sources = Sources({name: folders[name] for name in methods})
    with pytest.raises(SemsynthError, match=message):
        make_study(sources, StudyDesign(**design), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_a_study_is_not_replaced(make: Callable[..., StudyPlan], tmp_path: Path):
    make(tmp_path / "s")
    with pytest.raises(SemsynthError, match="holds a study already"):
        make(tmp_path / "s")


# Power.


@pytest.mark.parametrize(("preference", "judgements"), [(0.6, 50), (0.7, 31), (0.35, 117), (0.5, 200)])
def test_power_is_that_of_the_exact_test(preference: float, judgements: int):
    rejected = [k for k in range(judgements + 1) if stats.binomtest(k, judgements).pvalue <= 0.05]
    assert binomial_power(preference, judgements) == pytest.approx(
        stats.binom.pmf(rejected, judgements, preference).sum(), abs=1e-12
    )


@pytest.mark.parametrize(
    ("preference", "expected"), [(0.6, range(194, 220)), (0.9, range(9, 20)), (0.4, range(194, 220))]
)
def test_required_judgements(preference: float, expected: range):
    count = required_judgements(preference)
    assert count in expected
    assert binomial_power(preference, count) >= 0.8
    assert binomial_power(preference, count - 1) < 0.8


def test_power_on_the_command_line():
    result = run("study", "plan", "--design", "spade-2019", "--power", "0.6")
    assert result.exit_code == 0, result.output
    assert "judgements show a preference of 60.0% with probability 80%" in result.output
    assert run("study", "plan", "--design", "spade-2019", "--power", "0.5").exit_code == 2

"""Studies as they are planned: pictures, questions, what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn_studies import SIZE, draw_folder, trials
from PIL import Image

from semsynth.classes import builtin
from semsynth.errors import SemsynthError
from semsynth.study.design import REAL, StudyDesign
from semsynth.study.plan import PICTURES, PLAN, StudyPlan, load_plan
from semsynth.study.planning import Sources, make_study


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

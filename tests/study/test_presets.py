"""The papers' studies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from drawn_studies import trials

from semsynth.study.design import StudyDesign
from semsynth.study.plan import StudyPlan
from semsynth.study.presets import PRESETS


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

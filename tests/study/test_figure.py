"""The figure of shares by exposure."""

from __future__ import annotations

from semsynth.study.figure import exposure_figure
from semsynth.study.results import Preference


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

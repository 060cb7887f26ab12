"""Renamed keywords: the old ones mean the same, and warn whoever used them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import save_tiny_pix2pixhd

from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components
from semsynth.synthesizer import Synthesizer, load
from semsynth.synthesizer.old_keywords import renamed


@pytest.fixture(scope="module")
def of_objects(tmp_path_factory: pytest.TempPathFactory) -> Synthesizer:
    return load(save_tiny_pix2pixhd(tmp_path_factory.mktemp("models") / "objects"), "cpu", "float32")


@pytest.fixture(scope="module")
def layout() -> Layout:
    return instances_from_components(draw_facade(0, 32))


def warned_here(call: Callable[[], Any], words: str) -> Any:
    """What ``call`` returns; the warning must name this file, where the old keyword stands."""
    with pytest.warns(DeprecationWarning, match=words) as caught:
        result = call()
    assert [Path(one.filename) for one in caught] == [Path(__file__)]
    return result


def two_objects(layout: Layout) -> tuple[int, int]:
    """The instance ids of the largest two."""
    assert layout.instances is not None
    ids, pixels = np.unique(layout.instances, return_counts=True)
    first, second = ids[np.argsort(-pixels)[:2]].tolist()
    return first, second


def test_styles_of_objects_were_called_styles(of_objects: Synthesizer, layout: Layout) -> None:
    styles = {two_objects(layout)[0]: [0.5, -0.5, 1.0]}
    old = warned_here(lambda: of_objects(layout, styles=styles), "'styles' is now called 'object_styles'")  # type: ignore[call-arg]
    assert np.array_equal(np.asarray(old), np.asarray(of_objects(layout, object_styles=styles)))
    assert not np.array_equal(np.asarray(old), np.asarray(of_objects(layout)))


def test_styles_of_objects_were_called_objects_in_style(of_objects: Synthesizer, layout: Layout) -> None:
    styles = {two_objects(layout)[0]: [0.5, -0.5, 1.0]}
    old = warned_here(lambda: of_objects.style(objects=styles), "'objects' is now called 'object_styles'")  # type: ignore[call-arg]
    assert np.array_equal(np.asarray(of_objects(layout, old)), np.asarray(of_objects(layout, object_styles=styles)))


def test_the_other_objects_styles_were_called_styles(of_objects: Synthesizer, layout: Layout) -> None:
    wanted, other = two_objects(layout)
    styles = {other: [0.5, -0.5, 1.0]}
    old = warned_here(
        lambda: of_objects.style_choices(layout, wanted, 0, styles=styles),  # type: ignore[call-arg]
        "'styles' is now called 'object_styles'",
    )
    new = of_objects.style_choices(layout, wanted, 0, styles)
    plain = of_objects.style_choices(layout, wanted, 0)
    assert [np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(old, new, strict=True)] == [True] * len(new)
    assert not np.array_equal(np.asarray(old[0]), np.asarray(plain[0]))


def test_a_count_makes_a_list_as_before(with_styles: Synthesizer) -> None:
    front = draw_facade(0, 32)
    old = warned_here(lambda: with_styles(front, seed=5, count=3), r"synthesizer.variations\(layout")  # type: ignore[call-arg]
    new = with_styles.variations(front, 3, seed=5)
    assert len(old) == 3
    assert [np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(old, new, strict=True)] == [True] * 3


def test_a_count_with_a_style_is_refused_as_before(with_styles: Synthesizer) -> None:
    front, vector = draw_facade(0, 32), with_styles.style(seed=1)
    with (
        pytest.warns(DeprecationWarning, match="variations"),
        pytest.raises(SemsynthError, match="a style or a seed, not both"),
    ):
        with_styles(front, vector, count=2)  # type: ignore[call-arg]


def test_both_names_at_once_are_a_mistake() -> None:
    @renamed(old="new")
    def function(new: int) -> int:
        return new

    assert function(new=3) == 3
    with pytest.raises(TypeError, match="both 'new' and its old name 'old'"):
        function(new=3, old=4)  # type: ignore[call-arg]


def test_the_signature_shows_the_new_names_only() -> None:
    import inspect

    names = set(inspect.signature(Synthesizer.__call__).parameters)
    assert names == {"self", "layout", "style", "seed", "size", "object_styles", "region_seeds", "opened"}
    assert "instance id" in (Synthesizer.__call__.__doc__ or "")

"""Seeds of pictures."""

from __future__ import annotations

import pytest

from semsynth.styles.seeds import picture_seed


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((0, "front_00", 0), 155909076), ((7, "Köln 3", 2), 42195882), ((2**62, "", 0), 867296979)],
)
def test_seeds_of_pictures_stay_what_they_are(arguments: tuple[int, str, int], expected: int) -> None:
    assert picture_seed(*arguments) == expected

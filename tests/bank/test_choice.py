"""Seeds choose among the retrieved segments."""

import numpy as np

from semsynth.bank.choice import choose
from semsynth.bank.segments import Segment


def region(top: int) -> Segment:
    mask = np.ones((2, 3), np.bool_)
    return Segment(7, top, 0, mask, mask)


REGIONS = [region(top) for top in range(40)]
FOUND = np.arange(160).reshape(40, 4)


def test_the_seed_0_takes_the_best() -> None:
    assert choose(REGIONS, FOUND).tolist() == FOUND[:, 0].tolist()


def test_other_seeds_take_any_of_the_found_ones_and_the_same_each_time() -> None:
    chosen = choose(REGIONS, FOUND, 3)
    assert np.array_equal(chosen, choose(REGIONS, FOUND, 3))
    assert not np.array_equal(chosen, choose(REGIONS, FOUND, 4))
    ranks = chosen - FOUND[:, 0]
    assert set(ranks.tolist()) == {0, 1, 2, 3}


def test_what_a_region_gets_does_not_depend_on_others() -> None:
    chosen = choose(REGIONS, FOUND, 5)
    assert choose(REGIONS[::-1], FOUND[::-1], 5).tolist() == chosen[::-1].tolist()
    assert choose(REGIONS[9:10], FOUND[9:10], 5).tolist() == [chosen[9]]


def test_regions_without_segments_get_none() -> None:
    found = np.array([[4, -1, -1], [-1, -1, -1]])
    for seed in range(5):
        assert choose(REGIONS[:2], found, seed).tolist() == [4, -1]
    assert choose([], np.empty((0, 3), np.int64), 1).shape == (0,)

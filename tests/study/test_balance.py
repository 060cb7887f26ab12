"""Who is asked what: balance of sides, pictures and people."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semsynth.study.balance import deal_rounds, draw_questions, spread


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

"""Strengths of methods against brute force and known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from semsynth.study.ranking import bradley_terry, davidson


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

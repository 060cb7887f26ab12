"""How many judgements a preference needs to be seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from semsynth.errors import SemsynthError

MAX_JUDGEMENTS = 1_000_000


def binomial_power(preference: float, judgements: int, alpha: float = 0.05) -> float:
    """Probability that the exact two-sided binomial test of 1/2 rejects at level ``alpha``.

    Args:
        preference: true share of answers for the first method, 0..1.
        judgements: number of independent answers.
        alpha: level of the test.
    """
    return float(_powers(preference, np.array([judgements]), alpha)[0])


def required_judgements(preference: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Fewest independent judgements after which the test of :func:`binomial_power` has at least ``power``.

    From there on it has it for all larger numbers too, which the saw-tooth of an exact test makes a stronger demand.

    Raises:
        SemsynthError: a preference of 1/2 or outside 0..1, or one so near 1/2 that a million judgements are too few.
    """
    if not 0 <= preference <= 1 or preference == 0.5:
        raise SemsynthError(f"`power={preference}`: expected a share between 0 and 1 other than 0.5, for example 0.6")
    # The normal approximation bounds where to look.
    z = stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power)
    guess = int((z / (2 * (preference - 0.5))) ** 2) + 20
    if guess > MAX_JUDGEMENTS:
        raise SemsynthError(f"`power={preference}`: more than {MAX_JUDGEMENTS:,} judgements would be needed")
    counts = np.arange(1, 2 * guess)
    enough: NDArray[np.bool_] = _powers(preference, counts, alpha) >= power
    return int(counts[np.flatnonzero(~enough)[-1] + 1]) if not enough.all() else 1


def _powers(preference: float, counts: NDArray[np.int64], alpha: float) -> NDArray[np.float64]:
    """As :func:`binomial_power`, of many numbers of judgements at once."""
    # Two-sided by doubling equals SciPy's test here: under 1/2 the distribution is symmetric.
    low = stats.binom.ppf(alpha / 2, counts, 0.5)
    low = low - (2 * stats.binom.cdf(low, counts, 0.5) > alpha)
    tails = stats.binom.cdf(low, counts, preference) + stats.binom.sf(counts - low - 1, counts, preference)
    return np.where(low < 0, 0.0, tails)

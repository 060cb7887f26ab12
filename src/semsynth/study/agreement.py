"""How far people agree on the same question."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semsynth.config import Config


class Agreement(Config):
    """Over the questions that two or more people answered."""

    questions: int
    observed: float | None
    """Share of pairs of answers to one question that agree; None without such questions."""
    kappa: float | None
    """Fleiss' kappa: 1 is full agreement, 0 what answers drawn from the overall shares would show; None where these
    shares leave no room for disagreement."""


def agreement(table: NDArray[np.int64]) -> Agreement:
    """Fleiss' kappa (1971) for numbers of answers that may differ; every question weighs alike.

    With equal numbers it is Fleiss' own.

    Args:
        table: [questions,categories] counts of answers.
    """
    counts = table[table.sum(1) > 1].astype(np.float64)
    if not len(counts):
        return Agreement(questions=0, observed=None, kappa=None)
    raters = counts.sum(1)
    observed = float(((counts * (counts - 1)).sum(1) / (raters * (raters - 1))).mean())
    expected = float(((counts.sum(0) / raters.sum()) ** 2).sum())
    kappa = (observed - expected) / (1 - expected) if expected < 1 else None
    return Agreement(questions=len(counts), observed=observed, kappa=kappa)

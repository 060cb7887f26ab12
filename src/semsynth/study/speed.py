"""Answers that come faster than a person can give them."""

from __future__ import annotations

from collections.abc import Mapping

from semsynth.study.design import Exclusions
from semsynth.study.plan import Assignment


def is_too_fast(
    assignment: Assignment, rules: Exclusions, response_seconds: Mapping[int, float], seconds: float
) -> bool:
    """Whether a finished assignment was answered too fast, by the design's rule on fast answers.

    What a browser says of its answers is believed only as far as the server's clock allows: as many answers as the rule
    demands must have taken ``min_response_seconds``, and every pair its exposure.

    Args:
        assignment: what was shown.
        rules: of the design.
        response_seconds: by position of the pair, as the browser measured them.
        seconds: from the assignment's start to its last answer, by the server's clock.
    """
    trials = assignment.trials
    exposed = sum(trial.exposure or 0.0 for trial in trials)
    if seconds < exposed + len(trials) * (1 - rules.max_fast_share) * rules.min_response_seconds:
        return True
    counted = [position for position, trial in enumerate(trials) if trial.kind != "practice"]
    fast = sum(response_seconds[position] < rules.min_response_seconds for position in counted)
    return fast > rules.max_fast_share * len(counted)

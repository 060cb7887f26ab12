"""From answers to preferences, with what can be said about their uncertainty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semsynth.errors import SemsynthError
from semsynth.study.agreement import Agreement, agreement
from semsynth.study.answers import Answer, Judgements, judgements_of
from semsynth.study.exclusions import apply_exclusions
from semsynth.study.plan import StudyPlan
from semsynth.study.preference import (
    REPLICATES,
    ClusterBootstrap,
    exact_p,
    holm,
    percentile_interval,
    percentile_p,
    wilson_interval,
)
from semsynth.study.ranking import bradley_terry, davidson
from semsynth.study.results import ImagePreference, Preference, Ranking, SideBias, Strength, StudyResults

RANKING_REPLICATES = 999
"""Of the strengths' intervals: each needs a fit."""


def analyse(plan: StudyPlan, answers: Sequence[Answer], seed: int = 0) -> StudyResults:
    """Analyse a study.

    Args:
        plan: what was shown.
        answers: all stored answers; those that do not count are left out by the design's rules.
        seed: of the bootstrap.

    Raises:
        SemsynthError: no usable answers yet.
    """
    kept = apply_exclusions(plan, answers)
    judged = judgements_of(plan, kept.answers)
    if not len(judged):
        rules = f"{kept.report.stored} stored, {kept.report.unfinished} in unfinished assignments"
        rules += f", {kept.report.too_fast} too fast for a person" if kept.report.too_fast else ""
        people = f"{kept.report.of_excluded_workers} of {kept.report.excluded_workers} excluded people"
        raise SemsynthError(f"study '{plan.design.name}': no usable answers yet ({rules}, {people}): wait for more")
    rng = np.random.Generator(np.random.PCG64(seed))
    bootstrap = ClusterBootstrap(judged.worker, judged.image, rng)
    exposures = range(len(plan.design.exposures))
    return StudyResults(
        study=plan.design.name,
        question=plan.design.question,
        level=plan.design.level,
        replicates=REPLICATES,
        exclusions=kept.report,
        judgements=len(judged),
        median_response_seconds=float(np.median(judged.response_seconds)),
        preferences=_corrected([_preference(plan, judged, bootstrap, pair) for pair in range(len(plan.pairs))]),
        by_exposure=_corrected(
            [_preference(plan, judged, bootstrap, pair, e) for pair in range(len(plan.pairs)) for e in exposures]
        ),
        ranking=_ranking(plan, judged, rng) if len(plan.methods) > 2 else None,
        side=_side_bias(judged, plan.design.level),
        agreement=_agreement(judged, len(exposures)),
        images=_per_image(plan, judged),
    )


def _preference(
    plan: StudyPlan, judged: Judgements, bootstrap: ClusterBootstrap, pair: int, exposure: int | None = None
) -> Preference:
    mine = judged.pair == pair
    if exposure is not None:
        mine &= judged.exposure == exposure
    counted = mine & ~np.isnan(judged.first)
    wins, trials = int(judged.first[counted].sum()), int(counted.sum())
    wilson, p_exact = wilson_interval(wins, trials, plan.design.level), exact_p(wins, trials)
    clustered, p_clustered = wilson, p_exact  # where all answers agree, resampling them shows no spread
    if 0 < wins < trials:
        replicates = bootstrap.shares(judged.first, counted)
        clustered, p_clustered = percentile_interval(replicates, plan.design.level), percentile_p(replicates)
    return Preference(
        first=plan.pairs[pair][0],
        second=plan.pairs[pair][1],
        exposure=None if exposure is None else plan.design.exposures[exposure],
        first_preferred=wins,
        second_preferred=trials - wins,
        ties=int(mine.sum()) - trials,
        workers=len(np.unique(judged.worker[mine])),
        images=len(np.unique(judged.image[mine])),
        share=wins / trials if trials else None,
        wilson=wilson,
        clustered=clustered,
        p_exact=p_exact,
        p_exact_holm=1.0,  # known when all are
        p_clustered=p_clustered,
        p_clustered_holm=1.0,
    )


def _corrected(preferences: list[Preference]) -> tuple[Preference, ...]:
    exact = holm([preference.p_exact for preference in preferences])
    clustered = holm([preference.p_clustered for preference in preferences])
    return tuple(
        preference.model_copy(update={"p_exact_holm": e, "p_clustered_holm": c})
        for preference, e, c in zip(preferences, exact, clustered, strict=True)
    )


def _side_bias(judged: Judgements, level: float) -> SideBias:
    chosen = judged.left[~np.isnan(judged.left)]
    left, trials = int(chosen.sum()), len(chosen)
    return SideBias(
        left=left,
        right=trials - left,
        share=left / trials if trials else None,
        wilson=wilson_interval(left, trials, level),
        p_exact=exact_p(left, trials),
    )


def _outcome(judged: Judgements) -> NDArray[np.int64]:
    """[n]: 0 the first method was preferred, 1 the second, 2 neither."""
    return np.where(np.isnan(judged.first), 2, 1 - np.nan_to_num(judged.first)).astype(np.int64)


def _agreement(judged: Judgements, exposures: int) -> Agreement:
    """A question is a pair of methods, a picture and an exposure."""
    question = (judged.pair * max(1, exposures) + judged.exposure) * len(judged.images) + judged.image
    names, number = np.unique(question, return_inverse=True)
    table = np.zeros((len(names), 3), np.int64)
    np.add.at(table, (number, _outcome(judged)), 1)
    return agreement(table)


def _per_image(plan: StudyPlan, judged: Judgements) -> tuple[ImagePreference, ...]:
    """Per pair of methods and picture; within a pair the pictures with the highest share first."""
    table = np.zeros((len(plan.pairs), len(judged.images), 3), np.int64)
    np.add.at(table, (judged.pair, judged.image, _outcome(judged)), 1)
    found = [
        ImagePreference(
            first=first,
            second=second,
            image=image,
            first_preferred=wins,
            second_preferred=losses,
            ties=ties,
            share=wins / (wins + losses) if wins + losses else None,
            wilson=wilson_interval(wins, wins + losses, plan.design.level),
        )
        for (first, second), rows in zip(plan.pairs, table.tolist(), strict=True)
        for image, (wins, losses, ties) in zip(judged.images, rows, strict=True)
        if wins + losses + ties
    ]
    order = {pair: number for number, pair in enumerate(plan.pairs)}
    middle = [(one.wilson[0] + one.wilson[1]) / 2 for one in found]  # 9 of 9 stands above 1 of 1
    ranks = sorted(range(len(found)), key=lambda n: (order[found[n].first, found[n].second], -middle[n]))
    return tuple(found[n] for n in ranks)


def _ranking(plan: StudyPlan, judged: Judgements, rng: np.random.Generator) -> Ranking:
    bootstrap = ClusterBootstrap(judged.worker, judged.image, rng, RANKING_REPLICATES)
    wins, ties = _tables(plan, judged, None)
    wins_drawn, ties_drawn = _tables(plan, judged, bootstrap)
    if plan.design.ties:
        strengths, nu = davidson(wins, ties)
        drawn, tie_parameter = davidson(wins_drawn, ties_drawn)[0], float(nu)
    else:
        strengths, tie_parameter = bradley_terry(wins), None
        drawn = np.stack([bradley_terry(table) for table in wins_drawn])  # [R,K]
    order = np.argsort(-strengths, kind="stable").tolist()
    return Ranking(
        model="Davidson" if plan.design.ties else "Bradley-Terry",
        strengths=tuple(
            Strength(
                method=plan.methods[number],
                strength=float(strengths[number]),
                interval=percentile_interval(drawn[:, number], plan.design.level),
            )
            for number in order
        ),
        tie_parameter=tie_parameter,
    )


def _tables(
    plan: StudyPlan, judged: Judgements, bootstrap: ClusterBootstrap | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[K,K] or, of a bootstrap, [R,K,K]: how often the row was preferred to the column, and ties."""
    outcome, methods = _outcome(judged), len(plan.methods)
    counts = [
        [values.sum() if bootstrap is None else bootstrap.sums(values) for values in _indicators(judged, outcome, pair)]
        for pair in range(len(plan.pairs))
    ]
    shape = np.shape(counts[0][0])
    wins, ties = np.zeros((*shape, methods, methods)), np.zeros((*shape, methods, methods))
    for (first, second), (won, lost, tied) in zip(plan.pairs, counts, strict=True):
        i, j = plan.methods.index(first), plan.methods.index(second)
        wins[..., i, j], wins[..., j, i] = won, lost
        ties[..., i, j] = ties[..., j, i] = tied
    return wins, ties


def _indicators(judged: Judgements, outcome: NDArray[np.int64], pair: int) -> list[NDArray[np.float64]]:
    """Three times [n]: whether the answer is of the pair and has outcome 0, 1 or 2."""
    return [((judged.pair == pair) & (outcome == value)).astype(np.float64) for value in range(3)]

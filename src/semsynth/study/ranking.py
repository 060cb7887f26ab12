"""One scale for three or more methods: Bradley-Terry, and Davidson's extension where ties are answers."""

from __future__ import annotations

from itertools import combinations

import choix
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REGULARISATION = 1e-2
"""Keeps strengths finite where a method wins always; far below one judgement."""
_STEPS = 50
_TOLERANCE = 1e-9


def bradley_terry(wins: Floats) -> Floats:
    """Maximum-likelihood strengths of Bradley and Terry (1952): P(i over j) = sigmoid(s_i - s_j).

    Fitted by iterative Luce spectral ranking (Maystre and Grossglauser 2015), of the library choix.

    Args:
        wins: [K,K], how often the row was preferred to the column.

    Returns:
        [K] strengths, of mean 0.
    """
    strengths = choix.ilsr_pairwise_dense(wins, alpha=REGULARISATION, max_iter=1000)
    return np.asarray(strengths - strengths.mean())


def davidson(wins: Floats, ties: Floats) -> tuple[Floats, Floats]:
    """Strengths where ties are allowed (Davidson 1970), of many tables at once.

    P(i over j) : P(tie) : P(j over i) = exp(s_i) : nu exp((s_i + s_j) / 2) : exp(s_j), fitted by Newton's method: in
    the s and log(nu) it is a multinomial logit, so the likelihood is concave.

    Args:
        wins: [...,K,K], how often the row was preferred to the column.
        ties: [...,K,K], symmetric, how often neither was.

    Returns:
        [...,K] strengths of mean 0, and [...] nu.
    """
    methods = wins.shape[-1]
    pairs = list(combinations(range(methods), 2))
    features = np.zeros((len(pairs), 3, methods + 1))  # win of the first, of the second, tie; the last one is log(nu)
    for number, (i, j) in enumerate(pairs):
        features[number, 0, i] = features[number, 1, j] = features[number, 2, methods] = 1
        features[number, 2, [i, j]] = 0.5
    first, second = (np.array(side) for side in zip(*pairs, strict=True))
    counts = np.stack([wins[..., first, second], wins[..., second, first], ties[..., first, second]], -1)  # [...,P,3]

    total = counts.sum(-1)
    ridge = REGULARISATION * np.eye(methods + 1)
    parameters = np.zeros((*wins.shape[:-2], methods + 1))
    for _ in range(_STEPS):
        logits = np.einsum("pcm,...m->...pc", features, parameters)
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        mean = np.einsum("...pc,pcm->...pm", shares, features)
        gradient = np.einsum("...pc,pcm->...m", counts - total[..., None] * shares, features)
        gradient -= REGULARISATION * parameters
        curvature = np.einsum("...p,...pc,pcm,pcn->...mn", total, shares, features, features)
        curvature -= np.einsum("...p,...pm,...pn->...mn", total, mean, mean)
        step = np.linalg.solve(curvature + ridge, gradient[..., None])[..., 0]
        # Newton's steps from 0 overshoot only where a method wins nearly always; bounded, they do not.
        parameters = parameters + np.clip(step, -2, 2)
        if np.abs(step).max() < _TOLERANCE:
            break
    strengths = parameters[..., :-1]
    return strengths - strengths.mean(-1, keepdims=True), np.exp(parameters[..., -1])

"""Whether a model is scored by networks that had no part in its training: others can be fooled."""

from __future__ import annotations

from collections.abc import Sequence

from semsynth.checkpoint import Card
from semsynth.errors import SemsynthError
from semsynth.evaluation.features import FeatureNetwork


def independence_warnings(
    card: Card, name: str, networks: Sequence[FeatureNetwork | None], insist: bool = False
) -> list[str]:
    """Make sure that no feature network trained the model.

    Args:
        card: the model's.
        name: what the user calls the model.
        networks: those that score.
        insist: whether to score with such a network nevertheless.

    Returns:
        What must be said about the scores: that ``insist`` was needed, or that the card of an older model is silent.

    Raises:
        SemsynthError: one of the networks trained the model, and ``insist`` is not set.
    """
    scoring = {network.name: network.fingerprint for network in networks if network is not None}
    if card.trained_with is None:
        doubtful = [one for one in scoring if one not in ("random", "segmenter")]
        return [f"the card of {name} does not say which networks trained it: {one} may be one" for one in doubtful]
    used = card.trained_with
    trained = [one for one, digest in scoring.items() if one in used or digest in used.values()]
    if trained and not insist:
        raise SemsynthError(
            f"{trained[0]} took part in training {name}, so that its scores say little: choose other features with "
            "--features, such as stlpips_alex, or insist with --allow-trained-features"
        )
    return [f"{one} took part in training {name}: scores in its features say little" for one in trained]

"""Whether a model is scored by networks that had no part in its training: others can be fooled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    if card.trained_with is None:
        names = dict.fromkeys(one.name for one in networks if one is not None)  # one may score twice
        doubtful = [one for one in names if one not in ("random", "segmenter")]
        return [f"the card of {name} does not say which networks trained it: {one} may be one" for one in doubtful]
    if not insist:
        check_independence(card.trained_with, name, networks, ", or insist with `allow_trained_features`")
        return []
    trained = _trained(card.trained_with, networks)
    return [f"{one} took part in training {name}: scores in its features say little" for one in trained]


def check_independence(
    trained_with: Mapping[str, str], name: str, networks: Sequence[FeatureNetwork | None], way_out: str = ""
) -> None:
    """Make sure that no feature network trains, or trained, the model.

    Args:
        trained_with: as in :attr:`Card.trained_with`.
        name: what the user calls the model.
        networks: those that score.
        way_out: what else can be done, for the message.

    Raises:
        SemsynthError: one of the networks does.
    """
    trained = _trained(trained_with, networks)
    if trained:
        raise SemsynthError(
            f"{trained[0]} takes part in training {name}, so that scores in its features say little: choose other "
            f"features, such as stlpips_alex{way_out}"
        )


def _trained(trained_with: Mapping[str, str], networks: Sequence[FeatureNetwork | None]) -> list[str]:
    """Names of the networks, known by name or by weights."""
    digests = trained_with.values()
    scoring = [one for one in networks if one is not None]
    return list(dict.fromkeys(one.name for one in scoring if one.name in trained_with or one.fingerprint in digests))

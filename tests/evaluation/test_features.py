"""Feature networks."""

from __future__ import annotations

import pytest

from semsynth.errors import SemsynthError
from semsynth.evaluation.choices import find_features
from semsynth.evaluation.features import fingerprint_of, random_features


def test_the_random_network_is_the_same_everywhere() -> None:
    network = random_features()
    expected = "97b2aa097896972c"
    assert fingerprint_of(network.network)[:16] == expected
    with pytest.raises(SemsynthError, match="needs a segmenter"):
        find_features("segmenter", None)
    with pytest.raises(SemsynthError, match="there are no features 'resnet'"):
        find_features("resnet", None)
    assert find_features("none", None) is None

"""Scores by networks that trained the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from backbone_weights import save_mobilenet
from flags import CLASSES, PROTOCOL, SIDE, ColorSegmenter
from tiny_models import save_tiny_model

import semsynth
from semsynth.checkpoint import CARD, Card
from semsynth.config import dump_config, load_config
from semsynth.errors import SemsynthError
from semsynth.evaluation.features import random_features
from semsynth.evaluation.independence import independence_warnings
from semsynth.files import sha256


class Network:
    def __init__(self, name: str, fingerprint: str) -> None:
        self.name, self.fingerprint = name, fingerprint


def test_a_network_is_known_by_name_and_by_weights() -> None:
    card = Card(trained_with={"vgg19": "a" * 64})
    assert independence_warnings(card, "mine", [Network("stlpips_alex", "b"), None, random_features()]) == []
    for network in (Network("vgg19", "other weights"), Network("under another name", "a" * 64)):
        with pytest.raises(SemsynthError, match=r"takes part in training mine.*`allow_trained_features`") as caught:
            independence_warnings(card, "mine", [network])
        assert "\n" not in str(caught.value)
        (note,) = independence_warnings(card, "mine", [network], insist=True)
        assert "say little" in note
    assert independence_warnings(Card(trained_with={}), "mine", [Network("vgg19", "c")]) == []


def test_cards_of_earlier_versions_are_silent() -> None:
    assert Card().trained_with is None
    network = Network("vgg16", "a")
    notes = independence_warnings(Card(), "mine", [network, random_features(), network])
    assert notes == ["the card of mine does not say which networks trained it: vgg16 may be one"]


def test_evaluate_refuses_and_can_be_told_to_insist(flags: Path, tmp_path: Path) -> None:
    weights = save_mobilenet(tmp_path)
    model = save_tiny_model(tmp_path / "model", classes=CLASSES, crop_size=SIDE)
    card = load_config(Card, model / CARD)
    dump_config(card.model_copy(update={"trained_with": {"mobilenet_v1": sha256(weights)}}), model / CARD)
    options = {"segmenter": ColorSegmenter(), "precision": "float32", "device": "cpu"}
    with pytest.raises(SemsynthError, match="mobilenet_v1 takes part in training"):
        semsynth.evaluate(model, flags, PROTOCOL, features=str(weights), **options)
    report = semsynth.evaluate(
        model, flags, PROTOCOL, features="mobilenet_v1", feature_weights=weights, allow_trained_features=True, **options
    )
    assert any("mobilenet_v1 took part" in note for note in report.warnings)
    assert report.record.protocol.features_sha256 == sha256(weights)
    assert report.record.protocol.protocol.name.endswith("-standin")
    told = report.scores["detectability"].interval
    assert told is not None
    assert told[0] > 0.5  # an untrained model's pictures are told from photos, beyond chance
    assert "real_halves/detectability" in report.scores
    other = semsynth.evaluate(model, flags, PROTOCOL, features="random", **options)
    assert not any("took part" in note for note in other.warnings)

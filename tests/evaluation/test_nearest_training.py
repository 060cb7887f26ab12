"""Memorisation: photos of the training set that a model repeats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from backbone_weights import save_mobilenet
from flags import PROTOCOL, ColorSegmenter

import semsynth
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError


class Repeated:
    """A source that hands out training photos."""

    name = fingerprint = "repeated"

    def __init__(self, training: DatasetFolder) -> None:
        self.training = training

    def pictures(self, samples, number):  # type: ignore[no-untyped-def]
        chosen = [self.training[int(sample.name) % len(self.training)].image for sample in samples]
        return [np.asarray(one) for one in chosen]


def test_repeated_training_photos_are_found(flags: Path, tmp_path: Path) -> None:
    options = {"segmenter": ColorSegmenter(), "features": str(save_mobilenet(tmp_path)), "device": "cpu"}
    training = DatasetFolder(flags, "train")
    copies = semsynth.evaluate(Repeated(training), flags, PROTOCOL, nearest_training=True, **options)
    found = copies.record.memorisation
    assert found is not None
    assert found.num_photos == len(training)
    assert (found.nearer.value, found.distance.value) == (1, 0)
    for one in found.nearest:
        assert one.photo == training.names[int(one.name) % len(training)]
    assert copies.scores["memorisation/nearer"] == found.nearer
    assert "Memorisation" in [table.title for table in copies.beside(copies)]
    photos = semsynth.evaluate(flags / "val" / "images", flags, PROTOCOL, nearest_training=True, **options)
    assert float(photos.scores["memorisation/nearer"]) == pytest.approx(0.5)
    assert float(photos.scores["memorisation/distance"]) == pytest.approx(1)
    assert float(photos.scores["detectability"]) == 0.5


def test_what_the_comparison_with_training_photos_needs(flags: Path) -> None:
    options = {"segmenter": ColorSegmenter(), "device": "cpu", "nearest_training": True}
    photos = flags / "val" / "images"
    with pytest.raises(SemsynthError, match="`nearest_training` needs features"):
        semsynth.evaluate(photos, flags, PROTOCOL, features="none", **options)
    with pytest.raises(SemsynthError, match="evaluate another split"):
        semsynth.evaluate(flags / "train" / "images", flags, PROTOCOL, split="train", features="random", **options)

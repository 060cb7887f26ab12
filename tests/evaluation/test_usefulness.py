"""Training on synthesised photos, testing on real ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from flags import PROTOCOL

from semsynth.evaluation.choices import evaluated_classes, open_split
from semsynth.evaluation.pictures import RealPhotos
from semsynth.evaluation.protocols.shipped import find_protocol
from semsynth.evaluation.record import UsefulnessResult
from semsynth.evaluation.usefulness import measure_usefulness


@pytest.mark.slow
def test_train_on_synthetic_is_the_same_with_shards(flags: Path, flag_shards: Path, tmp_path: Path) -> None:
    """The real photos stand in for synthesised ones: both segmenters are then equal, too."""
    results: list[UsefulnessResult] = []
    for name, data in {"folder": flags, "shards": flag_shards}.items():
        train, test = open_split(data, "train"), open_split(data, "val")
        protocol = find_protocol(PROTOCOL, test.classes)
        evaluated, out = evaluated_classes(protocol, test), tmp_path / name
        results.append(measure_usefulness(RealPhotos(), train, test, protocol, evaluated, out, steps=1, device="cpu"))
        assert [path.name for path in sorted((out / "synthetic").iterdir())] == ["classes.json", "train"]
    assert results[0] == results[1]
    assert results[0].synthetic == results[0].real

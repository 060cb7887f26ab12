"""Segmenters small enough to be trained in tests."""

from __future__ import annotations

from pathlib import Path

from flags import SIDE

from semsynth.evaluation.segmenters.augmentation import SegmenterAugmentation
from semsynth.evaluation.segmenters.folder import SegmenterFolder, SegmenterRecord, continue_training
from semsynth.evaluation.segmenters.training import SegmenterSettings, Validation

SETTINGS = SegmenterSettings(
    hidden_sizes=(4, 8, 8, 8),
    depths=(1, 1, 1, 1),
    heads=(1, 1, 1, 1),
    decoder_size=8,
    augmentation=SegmenterAugmentation(crop_size=SIDE),
    steps=12,
    batch_size=3,
    warmup=2,
    validate_every=4,
    precision="float32",
)


def train(
    data: Path, out: Path, stop_after: int | None = None, settings: SegmenterSettings = SETTINGS
) -> list[Validation]:
    """Train in ``out``, or go on there, up to ``stop_after`` steps of this session; returns its validations."""
    lines: list[Validation] = []
    steps = [0]

    def stopped() -> bool:
        steps[0] += 1
        return steps[0] == stop_after

    record = SegmenterRecord(data=str(data), settings=settings)
    complete = continue_training(SegmenterFolder(out), record, "cpu", stopped=stopped, note=lines.append)
    assert complete == (stop_after is None)
    return lines

"""Label maps in a protocol's classes."""

from __future__ import annotations

from semsynth.classes import builtin
from semsynth.evaluation.truth import index_table


def test_truth_and_predictions_meet_in_the_evaluated_classes_by_name() -> None:
    table = index_table(builtin("cityscapes"), builtin("cityscapes_19"))
    ids = {item.name: index for index, item in enumerate(builtin("cityscapes").classes)}
    assert [table[ids[name]] for name in ("road", "bicycle", "parking", "unlabeled")] == [0, 18, 19, 19]
    assert table[-1] == 19  # void

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as reference_matrix

from semsynth.evaluation.metrics.confusion import class_counts, confusion_matrix, segmentation_scores


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_confusion_matrix_is_scikit_learns(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, classes + 1, (2, 7, 9))
    counted = truth < classes
    expected = reference_matrix(truth[counted], predicted[counted], labels=range(classes + 1))[:classes]
    assert np.array_equal(confusion_matrix(truth, predicted, classes), expected)


def test_scores_by_hand() -> None:
    truth = np.array([0, 0, 0, 1, 1, 2, 3])  # 3 is void
    predicted = np.array([0, 0, 1, 1, 3, 3, 0])  # 3 is none of the classes
    counts = class_counts(confusion_matrix(truth, predicted, 3))
    assert counts.tolist() == [[2, 1, 0], [3, 2, 1], [2, 2, 0]]
    scores = segmentation_scores(counts)
    assert scores.pixel_accuracy == pytest.approx(3 / 6)
    assert scores.iou == pytest.approx([2 / 3, 1 / 3, 0])
    assert scores.mean_iou == pytest.approx(1 / 3)
    assert scores.mean_accuracy == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_a_class_that_is_only_predicted_counts_in_the_mean_over_unions_alone() -> None:
    counts = class_counts(confusion_matrix(np.array([0, 0]), np.array([0, 1]), 3))
    over_truth, over_union = (segmentation_scores(counts, rule) for rule in ("truth", "union"))
    assert over_truth.mean_iou == pytest.approx(0.5)
    assert over_union.mean_iou == pytest.approx(0.25)
    assert np.isnan(over_truth.iou[2])


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="one shape"):
        confusion_matrix(np.zeros((2, 2), int), np.zeros(4, int), 2)

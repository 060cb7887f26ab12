"""Segmentation scores from pixel counts: accuracy and intersection over union (IoU)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MeanOver = Literal["truth", "union"]
"""Which classes a mean counts: those that occur in the truth, or also those that were only predicted."""

INTERSECTION, TRUTH, PREDICTED = range(3)
"""Rows of the counts [3,K]: pixels of both, of the truth, of the prediction."""


@dataclass(frozen=True, eq=False)
class SegmentationScores:
    """Scores in 0..1; leading axes are those of the counts. NaN where a class or a mean has no pixels."""

    pixel_accuracy: NDArray[np.float64]
    """[...]: pixels with the right class among those with one."""
    mean_accuracy: NDArray[np.float64]
    """[...]: mean over classes of the share of their pixels that are right."""
    mean_iou: NDArray[np.float64]
    """[...]: mean of :attr:`iou` over classes."""
    iou: NDArray[np.float64]
    """[...,K]: intersection over union."""


def confusion_matrix(truth: NDArray[np.integer], predicted: NDArray[np.integer], num_classes: int) -> NDArray[np.int64]:
    """Count pixels by true and predicted class.

    Args:
        truth: any shape, class indices 0..K-1; K is void: such pixels are not counted.
        predicted: the same shape, class indices 0..K-1; K is a prediction that is none of the classes: always wrong.
        num_classes: K.

    Returns:
        [K,K+1]: rows are true classes, columns predicted ones, the last column "none of them".
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth {truth.shape} and prediction {predicted.shape} must have one shape")
    columns = num_classes + 1
    cells = truth.astype(np.int64).ravel() * columns + predicted.ravel()
    counted = np.bincount(cells, minlength=columns * columns)
    return counted.reshape(columns, columns)[:num_classes]


def class_counts(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    """[...,K,K+1] confusion matrices -> [...,3,K]: all that accuracy and IoU depend on."""
    square = matrix[..., : matrix.shape[-2]]
    return np.stack([np.einsum("...ii->...i", square), matrix.sum(-1), square.sum(-2)], axis=-2)


def segmentation_scores(counts: NDArray[np.generic], mean_over: MeanOver = "truth") -> SegmentationScores:
    """Scores of counts.

    Args:
        counts: [...,3,K] of :func:`class_counts`; sums over images, weighted ones included, are counts again.
        mean_over: which classes the means count.
    """
    values = counts.astype(np.float64)
    both, truth, predicted = (values[..., row, :] for row in (INTERSECTION, TRUTH, PREDICTED))
    union = truth + predicted - both
    iou, accuracy = _share(both, union), _share(both, truth)
    absent = truth == 0
    return SegmentationScores(
        pixel_accuracy=_share(both.sum(-1), truth.sum(-1)),
        mean_accuracy=_mean(accuracy, absent),
        mean_iou=_mean(iou, absent if mean_over == "truth" else union == 0),
        iou=iou,
    )


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def _mean(values: NDArray[np.float64], left_out: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean over the last axis; NaN where everything is left out."""
    kept = np.where(left_out, 0.0, values)
    return _share(kept.sum(-1), (~left_out).sum(-1).astype(np.float64))

"""Faithfulness: whether a single picture shows what its label map says, as far as a segmenter can tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import VOID, ClassSet
from semsynth.errors import SemsynthError
from semsynth.evaluation.metrics.confusion import TRUTH, class_counts, confusion_matrix, segmentation_scores
from semsynth.evaluation.segmenters.base import Segmenter
from semsynth.evaluation.segmenters.labelling import label_images
from semsynth.evaluation.segmenters.loading import open_segmenter
from semsynth.evaluation.truth import class_table
from semsynth.images import to_tensor
from semsynth.layout import Layout


@dataclass(frozen=True, eq=False)
class PictureScore:
    """What a segmenter sees in a picture, against its label map."""

    mean_iou: float | None
    """Mean of :attr:`class_iou`, 0..1; None where the map is void everywhere."""
    class_iou: dict[str, float]
    """Class name -> intersection over union, 0..1, of the classes that the map holds."""
    seen: NDArray[np.uint16]
    """[H,W]: ids of the label map's classes; ``VOID`` where the segmenter sees none of them."""


class FaithfulnessJudge:
    """Scores pictures one by one, so that no score depends on what else is scored."""

    def __init__(self, segmenter: Segmenter, classes: ClassSet) -> None:
        """Match the segmenter's classes with those of the label maps, by name.

        Raises:
            SemsynthError: it does not know all of them.
        """
        self.segmenter, self.classes = segmenter, classes
        self._table = class_table(segmenter, classes)
        self._ids = np.append(classes.ids, VOID).astype(np.uint16)

    def __call__(self, picture: NDArray[np.uint8], layout: Layout) -> PictureScore:
        """Score a picture.

        Args:
            picture: [h,w,3], at any resolution; the segmenter sees it as it is.
            layout: what it should show; void pixels are not counted.
        """
        labels = label_images(self.segmenter, to_tensor(picture)[None], layout.size).index[0].numpy()  # [H,W]
        seen = self._table[labels]
        count = self.classes.num_classes
        counts = class_counts(confusion_matrix(self.classes.index_of_id[layout.labels], seen, count))
        scores = segmentation_scores(counts)
        mean = float(scores.mean_iou)
        return PictureScore(
            mean_iou=mean if np.isfinite(mean) else None,
            class_iou={self.classes.classes[k].name: float(scores.iou[k]) for k in np.flatnonzero(counts[TRUTH])},
            seen=self._ids[seen],
        )


def open_judge(
    segmenter: str | Path, mapping: str | None, fingerprint: str, classes: ClassSet, device: str
) -> FaithfulnessJudge:
    """Load a judge, as a worker process does.

    Args:
        segmenter: as in :func:`~semsynth.evaluation.segmenters.loading.open_segmenter`.
        mapping: what its outputs mean, see there.
        fingerprint: which one it has to be.
        classes: of the label maps.
        device: where it runs.

    Raises:
        SemsynthError: it cannot be loaded, it is another one by now, or it does not know all classes.
    """
    found = open_segmenter(segmenter, mapping, device)
    if found.fingerprint != fingerprint:
        raise SemsynthError(f"the segmenter {segmenter} has changed since this job began: choose another `out`")
    return FaithfulnessJudge(found, classes)

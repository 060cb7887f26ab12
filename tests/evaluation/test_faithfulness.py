"""The faithfulness of one picture: by hand, and as an evaluation finds it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flags import CLASSES, ColorSegmenter, draw, evaluation_of, save_network

from semsynth.classes import VOID, builtin
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError
from semsynth.evaluation.faithfulness import FaithfulnessJudge, open_judge
from semsynth.evaluation.metrics.confusion import segmentation_scores
from semsynth.evaluation.segmenters.loading import open_segmenter
from semsynth.layout import Layout


def test_scores_by_hand() -> None:
    red, green, blue, _ = CLASSES.ids
    labels = np.full((4, 8), red, np.uint16)
    labels[:, 4:] = green
    labels[0] = VOID
    layout = Layout(labels, CLASSES)
    judge = FaithfulnessJudge(ColorSegmenter(), CLASSES)
    picture = layout.colors()
    exact = judge(picture, layout)
    assert (exact.mean_iou, exact.class_iou) == (1.0, {"red": 1.0, "green": 1.0})
    picture[:, 4:6] = CLASSES.palette[2]  # half of the green pixels are blue, and one row is void: 6 of 12 are right
    found = judge(picture, layout)
    assert found.class_iou == {"red": 1.0, "green": 0.5}
    assert found.mean_iou == 0.75
    assert (found.seen[1:, 4:6] == blue).all()
    assert (found.seen[1:, :4] == red).all()
    nothing = judge(picture, Layout(np.full((4, 8), VOID, np.uint16), CLASSES))
    assert (nothing.mean_iou, nothing.class_iou) == (None, {})


def test_pictures_of_another_size_are_compared_at_that_of_the_label_map() -> None:
    layout, _ = draw(1)
    small = layout.resized((16, 16))
    assert FaithfulnessJudge(ColorSegmenter(), CLASSES)(small.colors(), layout).seen.shape == (32, 32)


def test_the_same_score_as_in_an_evaluation(flags: Path) -> None:
    data, judge = DatasetFolder(flags, "val"), FaithfulnessJudge(ColorSegmenter(), CLASSES)
    for index in range(3):
        sample = data[index]
        assert sample.image is not None
        counts = evaluation_of(flags).instruments.measure([sample])["counts"][0, 0]
        expected = segmentation_scores(np.asarray(counts))
        found = judge(sample.image, sample.layout)
        assert found.mean_iou == float(expected.mean_iou)
        assert found.class_iou == {
            item.name: float(value)
            for item, value in zip(CLASSES.classes, expected.iou, strict=True)
            if (sample.layout.labels == item.id).any()
        }


def test_who_can_judge(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="does not know 12 of the 12 classes of 'cmp_facades'"):
        FaithfulnessJudge(ColorSegmenter(), builtin("cmp_facades"))
    folder = save_network(tmp_path / "network", [item.name for item in builtin("cityscapes_19").classes])
    segmenter = open_segmenter(folder, None, "cpu")
    found = open_judge(folder, None, segmenter.fingerprint, builtin("cityscapes_19"), "cpu")
    assert found.segmenter.fingerprint == segmenter.fingerprint
    with pytest.raises(SemsynthError, match="has changed since this job began"):
        open_judge(folder, None, "another", builtin("cityscapes_19"), "cpu")

"""ESPNet as a segmenter: what its outputs mean, what goes in, and how well it does on real photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from semsynth.classes import builtin
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError
from semsynth.evaluation.choices import find_segmenter
from semsynth.evaluation.metrics.confusion import class_counts, confusion_matrix, segmentation_scores
from semsynth.evaluation.segmenters.espnet import PUBLISHED
from semsynth.evaluation.segmenters.labelling import label_images
from semsynth.evaluation.segmenters.loading import open_segmenter
from semsynth.evaluation.truth import true_indices
from semsynth.images import to_tensor
from semsynth.models.espnet import ESPNet


def saved(path: Path, classes: int = 12) -> Path:
    torch.manual_seed(0)
    state = ESPNet(classes, with_picture=True).state_dict()
    save_file({name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}, path)
    return path


def test_outputs_are_the_classes_without_the_last(tmp_path: Path) -> None:
    segmenter = open_segmenter(saved(tmp_path / "a.safetensors"), device="cpu")
    assert segmenter.classes.name == "camvid"
    assert segmenter.trained_on == "CamVid"
    assert segmenter.logits(torch.zeros(2, 3, 24, 40)).shape == (2, 11, 24, 40)
    assert segmenter.logits(torch.zeros(1, 3, 21, 43)).shape == (1, 11, 24, 40)  # the nearest multiples of 8


def test_input_by_hand() -> None:
    convention = PUBLISHED[20].convention
    image = torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1)  # 255, 127.5 and 0 of red, green and blue
    found = convention.convert(image).flatten().tolist()
    blue, green, red = (0 - 72.39239876) / 45.3192, (127.5 - 82.90891754) / 46.1529, (255 - 73.15835921) / 44.9148
    assert found == pytest.approx([blue / 255, green / 255, red / 255])


def test_an_evaluation_takes_the_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.safetensors")
    found = find_segmenter(str(path), None, builtin("camvid"), "cpu")
    assert found.name == "a.safetensors"
    assert len(found.fingerprint) == 64


@pytest.mark.parametrize(
    ("content", "mapping", "message"),
    [
        ({"net.weight": torch.zeros(1)}, None, "holds no segmenter that can be read from one file"),
        (None, None, "with 5 outputs; the published ones have 20 .Cityscapes. or 12 .CamVid."),
        ({"net.weight": torch.zeros(1)}, "ade20k", "leave the mapping ade20k out"),
    ],
)
def test_other_files_are_one_line(
    tmp_path: Path, content: dict[str, torch.Tensor] | None, mapping: str | None, message: str
) -> None:
    path = tmp_path / "a.safetensors"
    saved(path, 5) if content is None else save_file(content, path)
    with pytest.raises(SemsynthError, match=message):
        open_segmenter(path, mapping, "cpu")


def test_real_photos_of_camvid(shared: Path) -> None:
    """93 % of the pixels of every fifth photo of val are right; of three of them nine in ten are."""
    segmenter = open_segmenter(shared / "weights" / "espnet_p2q8_camvid.safetensors", device="cpu")
    val = DatasetFolder(shared / "data" / "camvid", "val")
    matrix = np.zeros((11, 12), np.int64)
    for index in (0, 50, 100):
        sample = val[index]
        labels = label_images(segmenter, to_tensor(sample.image)[None]).index[0].numpy()
        matrix += confusion_matrix(true_indices(sample.condition, None, segmenter.classes), labels, 11)
    scores = segmentation_scores(class_counts(matrix))
    assert scores.pixel_accuracy > 0.9
    assert scores.mean_iou > 0.6

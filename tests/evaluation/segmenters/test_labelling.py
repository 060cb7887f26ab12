from __future__ import annotations

import pytest
import torch
from flags import ColorSegmenter
from torch import nn

from semsynth.evaluation.segmenters import labelling
from semsynth.evaluation.segmenters.labelling import label_images


def test_labels_and_confidence_are_those_of_a_softmax_of_upsampled_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = torch.randn(2, 5, 6, 7)

    class Fixed(ColorSegmenter):
        def logits(self, images: torch.Tensor) -> torch.Tensor:
            return scores

    expected = nn.functional.interpolate(scores, size=(13, 15), mode="bilinear").softmax(1).max(1)
    for limit in (2**27, 2 * 13 * 15):  # at once, and two classes at a time
        monkeypatch.setattr(labelling, "_MAX_VALUES", limit)
        found = label_images(Fixed(), torch.zeros(2, 3, 13, 15))
        assert torch.equal(found.index, expected.indices)
        assert torch.allclose(found.confidence, expected.values, atol=1e-6)

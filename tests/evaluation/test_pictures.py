"""Pictures brought to a protocol's sizes."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from semsynth.evaluation.pictures import resampled
from semsynth.evaluation.protocols.definition import Resampling
from semsynth.images import to_tensor, to_uint8


def test_resampling_is_pillows_or_torchs() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    small = Image.fromarray(picture).resize((7, 5), Image.Resampling.BICUBIC)
    found = resampled(picture, (5, 7), Resampling())
    assert np.array_equal(to_uint8(found[None])[0], np.asarray(small))
    plain = Resampling(filter="bilinear", antialias=False, quantised=False)
    expected = torch.nn.functional.interpolate(to_tensor(picture)[None], (5, 7), mode="bilinear")[0]
    assert torch.equal(resampled(picture, (5, 7), plain), expected)
    levels = (resampled(picture, (5, 7), plain.model_copy(update={"quantised": True})) + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    assert torch.equal(resampled(picture, None, plain), to_tensor(picture))

from __future__ import annotations

import numpy as np
from flags import CLASSES, draw

from semsynth.evaluation.segmenters.augmentation import SegmenterAugmentation


def test_augmentation_keeps_photo_and_layout_together() -> None:
    import random

    from semsynth.data.sample import Sample

    layout, _ = draw(1)
    image = np.repeat(layout.classes.index_of_id[layout.labels][..., None], 3, 2).astype(np.uint8) * 40
    settings = SegmenterAugmentation(crop_size=32, color=0)
    for seed in range(8):
        view = settings.apply(Sample("a", layout, image), random.Random(seed))
        assert view.size == (32, 32)
        index = CLASSES.index_of_id[view.layout.labels]
        inside = (np.abs(view.image[..., 0].astype(int) - 40 * index) < 15).mean()
        assert inside > 0.75  # bicubic borders differ, nothing else

from __future__ import annotations

from flags import ColorSegmenter, draw

from semsynth.classes import VOID
from semsynth.evaluation.segmenters.photos import label_photo


def test_a_photo_is_labelled_at_its_size_and_unsure_pixels_are_void() -> None:
    layout, photo = draw(4)
    found = label_photo(ColorSegmenter(), photo)
    known = layout.labels != VOID
    assert (found.labels == layout.labels)[known].mean() > 0.9
    assert not (found.labels == VOID).any()
    unsure = label_photo(ColorSegmenter(), photo, confidence=0.95)
    assert 0 < (unsure.labels == VOID).mean() < 1
    kept = unsure.labels != VOID
    assert (unsure.labels[kept] == found.labels[kept]).all()
    assert label_photo(ColorSegmenter(), photo.repeat(3, 0), long_side=32).size == (96, 32)

"""A folder of photographs without label maps, as SPADE's authors made Flickr Landscapes (section 4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.data.importers.pairs import Listing, Pair
from semsynth.data.splitting import divided
from semsynth.images import decode_image
from semsynth.layout import Layout

LabelPhoto = Callable[[NDArray[np.uint8]], Layout]
"""Makes the label map of a photograph, [H,W,3] uint8."""


def list_unlabelled(
    source: Path, classes: ClassSet, label_photo: LabelPhoto, *, val_share: float | None = None
) -> Listing:
    """List photographs whose label maps are made while they are imported.

    Args:
        source: as in :func:`semsynth.data.splitting.divided`.
        classes: of the label maps that ``label_photo`` makes.
        label_photo: usually a segmenter; it is called for one photograph at a time.
        val_share: as in :func:`semsynth.data.splitting.divided`.

    Raises:
        SemsynthError: no photographs.
    """
    one_at_a_time = Lock()

    def label(path: Path) -> Layout:
        photo = decode_image(path)
        with one_at_a_time:
            return label_photo(photo)

    photos, by_name = divided(source, val_share)
    pairs = tuple(Pair(photo.split, photo.name, photo.path, partial(label, photo.path)) for photo in photos)
    return Listing(pairs, classes, divided_by_name=by_name)

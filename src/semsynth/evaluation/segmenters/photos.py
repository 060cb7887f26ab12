"""Label maps for photographs that have none: files in, files out, a few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from semsynth.classes import VOID
from semsynth.data.folder import IMAGES, LABELS, save_classes
from semsynth.data.importers.edges import divided
from semsynth.data.importers.pairs import Place, first_of_splits, link, once
from semsynth.data.progress import Progress, silent
from semsynth.evaluation.pictures import resampled
from semsynth.evaluation.protocols.definition import Resampling
from semsynth.evaluation.reading import read_ahead
from semsynth.evaluation.segmenters.base import Segmenter
from semsynth.evaluation.segmenters.labelling import label_images
from semsynth.images import decode_image
from semsynth.layout import Layout
from semsynth.layout.label_files import write_layout

Photo = NDArray[np.uint8]
"""[H,W,3]."""


def label_photo(segmenter: Segmenter, photo: Photo, confidence: float = 0.0, long_side: int | None = None) -> Layout:
    """Label one photograph.

    Args:
        segmenter: who labels.
        photo: [H,W,3] uint8.
        confidence: pixels whose best class is less probable than this become void; 0 keeps all.
        long_side: the segmenter sees larger photos scaled down to this; the map has the photo's size all the same.
            None: as they are.
    """
    height, width = photo.shape[:2]
    scale = min(1.0, (long_side or max(height, width)) / max(height, width))
    seen = max(1, round(height * scale)), max(1, round(width * scale))
    image = resampled(photo, seen, Resampling(filter="bicubic", antialias=True, quantised=True))
    labels = label_images(segmenter, image[None], (height, width))
    ids = segmenter.classes.ids[labels.index[0].numpy()]
    sure = (labels.confidence[0] >= confidence).numpy()
    return Layout(np.where(sure, ids, np.uint16(VOID)), segmenter.classes)


def label_photos(
    segmenter: Segmenter,
    files: Mapping[Path, Path],
    confidence: float = 0.0,
    long_side: int | None = None,
    workers: int = 0,
    progress: Progress = silent,
) -> int:
    """Label photographs into PNG files; maps that are there already stay, so that this goes on after an interruption.

    Args:
        segmenter: who labels.
        files: photo -> label map to write.
        confidence: as in :func:`label_photo`.
        long_side: as in :func:`label_photo`.
        workers: threads that read photos.
        progress: called once per photo.

    Returns:
        Number of maps that were written.

    Raises:
        SemsynthError: a damaged photo, or a map that cannot be written.
    """
    missing = [(photo, target) for photo, target in files.items() if not target.exists()]
    done = len(files) - len(missing)
    progress(done, len(files))
    photos = read_ahead(decode_image, [photo for photo, _ in missing], workers)
    for (_, target), photo in zip(missing, photos, strict=True):
        with torch.inference_mode():
            write_layout(target, label_photo(segmenter, photo, confidence, long_side))
        done += 1
        progress(done, len(files))
    return len(missing)


def import_unlabelled(
    source: Path,
    out: Path,
    segmenter: Segmenter,
    *,
    confidence: float = 0.0,
    val_share: float | None = None,
    place: Place = link,
    limit: int | None = None,
    progress: Progress = silent,
) -> dict[str, int]:
    """A dataset folder of photographs without label maps, as SPADE's authors made Flickr Landscapes (section 4).

    What is there already stays: started again, it goes on where it was interrupted.

    Args:
        source: the photographs, or sub-folders ``train``, ``val`` and ``test`` of them.
        out: the dataset folder to make or to go on with.
        segmenter: makes the label maps, at the photographs' size.
        confidence: less probable pixels become void.
        val_share: how many of an undivided source go to ``val``, about; None: a tenth.
        place: :func:`link` or :func:`copy`.
        limit: at most so many photographs of every split, the first ones; None: all.
        progress: called once per photograph.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: no photographs, a damaged one, or an ``out`` of other classes.
    """
    photos = first_of_splits(divided(source, val_share), limit)
    save_classes(out, segmenter.classes)
    for photo in photos:
        once(photo.path, out / photo.split / IMAGES / (photo.name + photo.path.suffix.lower()), place)
    files = {photo.path: out / photo.split / LABELS / f"{photo.name}.png" for photo in photos}
    label_photos(segmenter, files, confidence, workers=1, progress=progress)
    return dict(Counter(photo.split for photo in photos))

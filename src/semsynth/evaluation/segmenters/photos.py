"""Label maps for photographs that have none: files in, files out, a few at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from semsynth.classes import VOID
from semsynth.data.listing import list_pictures
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError
from semsynth.evaluation.pictures import resampled
from semsynth.evaluation.protocols.definition import Resampling
from semsynth.evaluation.reading import read_ahead
from semsynth.evaluation.segmenters.base import Segmenter
from semsynth.evaluation.segmenters.labelling import label_images
from semsynth.images import decode_image
from semsynth.layout import Layout

Photo = NDArray[np.uint8]
"""[H,W,3]."""


def list_photos(photos: Sequence[Path], out: Path) -> dict[Path, Path]:
    """Photo -> label map to write.

    Args:
        photos: photos, and folders of them.
        out: the folder for the label maps.

    Raises:
        SemsynthError: a photo that is not there, or two files that would become one.
    """
    files: dict[Path, Path] = {}
    owners: dict[Path, Path] = {}
    for given in photos:
        if not given.exists():
            raise SemsynthError(f"there is no photo {given}: check the path")
        for photo in list_pictures(given).values() if given.is_dir() else [given]:
            target = out / f"{photo.stem}.png"
            other = owners.setdefault(target, photo)
            if other != photo:
                raise SemsynthError(f"{other} and {photo} would both become {target}: run them into two folders")
            if target.resolve() == photo.resolve():
                raise SemsynthError(f"{photo} would be replaced by its label map: choose another `out`")
            files[photo] = target
    return files


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
    with torch.inference_mode():
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
        label_photo(segmenter, photo, confidence, long_side).save(target)
        done += 1
        progress(done, len(files))
    return len(missing)

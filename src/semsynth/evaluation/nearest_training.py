"""Memorisation: pictures and held-out photos, and the training photos that each is most like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from semsynth.data.progress import Progress, silent
from semsynth.data.source import LabelledSamples
from semsynth.evaluation.measuring import CHUNK, Instruments
from semsynth.evaluation.metrics.bootstrap import bootstrap_sums, mean_interval, percentile_interval
from semsynth.evaluation.metrics.memorisation import distance_ratio, nearest_photos, shares_nearer
from semsynth.evaluation.reading import read_ahead
from semsynth.evaluation.record import MemorisationResult, NearestPhoto, Score
from semsynth.evaluation.scoring import FeatureFiles, Features

SHOWN = 8
"""Pictures that a report names."""


def photo_vectors(
    data: LabelledSamples, instruments: Instruments, workers: int = 0, progress: Progress = silent
) -> Features:
    """Features [n,D] of all photos of a split, prepared as those that are evaluated are.

    Args:
        data: the split; all its samples have photos.
        instruments: with feature network and sizes.
        workers: threads that read files.
        progress: called with photos done.
    """
    chunks = [range(start, min(start + CHUNK, len(data))) for start in range(0, len(data), CHUNK)]
    found: list[Features] = []
    progress(0, len(data))
    for samples in read_ahead(lambda chunk: [data[index] for index in chunk], chunks, workers):
        found.append(instruments.vectors(instruments.photos.pictures(samples, 0)))
        progress(sum(map(len, found)), len(data))
    return np.concatenate(found)


def score_memorisation(
    files: FeatureFiles, training: Features, names: Sequence[str], training_names: Sequence[str]
) -> MemorisationResult:
    """Compare how near pictures and held-out photos come to the training photos.

    Args:
        files: features of the pictures and of the photos of the same layouts, which were held out.
        training: [n,D], features of the training photos.
        names: of the evaluated images.
        training_names: of the training photos.
    """
    photos = training if files.scales is None else training * files.scales
    pictures, held_out = nearest_photos(files.synthetic, photos), nearest_photos(files.real, photos)
    shares = shares_nearer(pictures.distance, held_out.distance)
    sums = bootstrap_sums([np.stack([pictures.distance, held_out.distance], 1)])  # [R,2]
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = percentile_interval(sums[:, 0] / sums[:, 1])
    ratio = distance_ratio(pictures.distance, held_out.distance)
    unit = float(held_out.distance.mean())
    value, interval = mean_interval(shares)
    nearest = np.argsort(pictures.distance, kind="stable")[:SHOWN]
    return MemorisationResult(
        nearer=Score(value=value, interval=interval),
        distance=Score(value=ratio, interval=(low, high)) if np.isfinite(ratio) else Score(value=None),
        num_photos=len(training),
        nearest=tuple(
            NearestPhoto(
                name=names[index],
                photo=training_names[pictures.index[index]],
                distance=float(pictures.distance[index]) / unit if unit else 0.0,
            )
            for index in nearest
        ),
    )

"""Memorisation: pictures and held-out photos, and the training photos that each is most like."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from semsynth.data.progress import Progress, silent
from semsynth.evaluation.measuring import CHUNK, Instruments
from semsynth.evaluation.metrics.bootstrap import bootstrap_sums, mean_interval, percentile_interval
from semsynth.evaluation.metrics.memorisation import distance_ratio, nearest_photos, shares_nearer
from semsynth.evaluation.picture_sets import NamedPictures
from semsynth.evaluation.reading import read_ahead
from semsynth.evaluation.record import MemorisationResult, NearestPhoto, Score
from semsynth.evaluation.scoring import FeatureFiles, Features

SHOWN = 8
"""Pictures that a report names."""


def picture_vectors(
    pictures: NamedPictures, instruments: Instruments, workers: int = 0, progress: Progress = silent
) -> Features:
    """Features [n,D] of all pictures of a set, prepared as those that are evaluated are.

    Args:
        pictures: the set.
        instruments: with feature network and sizes.
        workers: threads that read files.
        progress: called with pictures done.
    """
    total = len(pictures)
    chunks = [range(start, min(start + CHUNK, total)) for start in range(0, total, CHUNK)]
    found: list[Features] = []
    progress(0, total)
    for read in read_ahead(lambda chunk: [pictures[index] for index in chunk], chunks, workers):
        found.append(instruments.vectors(read))
        progress(sum(map(len, found)), total)
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
    nearer, distance = memorisation_scores(pictures.distance, held_out.distance, paired=True)
    unit = float(held_out.distance.mean())
    nearest = np.argsort(pictures.distance, kind="stable")[:SHOWN]
    return MemorisationResult(
        nearer=nearer,
        distance=distance,
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


def memorisation_scores(
    pictures: NDArray[np.float64], held_out: NDArray[np.float64], *, paired: bool
) -> tuple[Score, Score]:
    """How often pictures are nearer than held-out photos, and the ratio of the mean distances.

    Args:
        pictures: [n], each picture's distance to its nearest training photo.
        held_out: [m], the same of held-out photos.
        paired: whether the two are of the same layouts (n = m), which are then drawn together.
    """
    value, interval = mean_interval(shares_nearer(pictures, held_out))
    if paired:
        sums = bootstrap_sums([np.stack([pictures, held_out], 1)])  # [R,2]
        above, below = sums[:, 0], sums[:, 1]
    else:
        above, below = (_mean_replicates(values, seed) for seed, values in enumerate((pictures, held_out)))
    ratio = distance_ratio(pictures, held_out)
    with np.errstate(invalid="ignore", divide="ignore"):
        limits = percentile_interval(above / below)
    distance = Score(value=ratio, interval=limits) if np.isfinite(ratio) else Score(value=None)
    return Score(value=value, interval=interval), distance


def _mean_replicates(values: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """[R]: means of the values in bootstrap replicates."""
    sums = bootstrap_sums([np.stack([values, np.ones_like(values)], 1)], seed=seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: NDArray[np.float64] = sums[:, 0] / sums[:, 1]
    return means

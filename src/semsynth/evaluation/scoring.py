"""From measurements of single images to scores; memory does not grow with the number of images."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.evaluation.feature_sets import equalise, layer_scales
from semsynth.evaluation.measuring import Measurements
from semsynth.evaluation.metrics.bootstrap import (
    PoissonBootstrap,
    bootstrap_sums,
    mean_interval,
    normal_interval,
    percentile_interval,
)
from semsynth.evaluation.metrics.confusion import MeanOver, segmentation_scores
from semsynth.evaluation.metrics.detectability import FOLDS, detectability
from semsynth.evaluation.metrics.kernel import kernel_distance
from semsynth.evaluation.metrics.moments import (
    FEW_IMAGES,
    Moments,
    frechet_distance,
    frechet_distance_of_vectors,
    streamed_moments,
)
from semsynth.evaluation.metrics.neighbours import NEIGHBOURS, neighbourhoods
from semsynth.evaluation.record import DistanceResult, ImageResult, Score, SegmentationResult, StyleResult
from semsynth.files import make_folder

EXTREMES = 4
"""Worst and best images that reports show."""

MOST_PROBED = 2000
"""Images of each kind that the probe sees, evenly chosen: memory does not grow beyond them."""

Features = NDArray[np.float32]
"""[n,D]."""
Chunks = Callable[[], Iterable[Measurements]]
"""Reads all measurements once more."""


def score_segmentation(
    counts: Callable[[], Iterator[NDArray[np.int64]]], classes: Sequence[str], mean_over: MeanOver
) -> SegmentationResult:
    """Scores of the counts [n,3,K] of all images, read twice."""
    total = sum_of(counts())
    sums = bootstrap_sums(counts())
    value, spread = segmentation_scores(total, mean_over), segmentation_scores(sums, mean_over)
    return SegmentationResult(
        pixel_accuracy=_score(float(value.pixel_accuracy), percentile_interval(spread.pixel_accuracy)),
        mean_accuracy=_score(float(value.mean_accuracy), percentile_interval(spread.mean_accuracy)),
        mean_iou=_score(float(value.mean_iou), percentile_interval(spread.mean_iou)),
        class_iou={
            name: _score(float(value.iou[k]), percentile_interval(spread.iou[:, k])) for k, name in enumerate(classes)
        },
    )


def sum_of(parts: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Sum over images: parts [n,...] -> [...]."""
    total: NDArray[np.int64] | None = None
    for part in parts:
        total = part.sum(0) if total is None else total + part.sum(0)
    assert total is not None
    return total


def score_distances(first: Features, second: Features, *, paired: bool, replicates: int) -> DistanceResult:
    """Distances of the ``first`` set (synthesised) from the ``second`` (real); both may be memory-mapped.

    ``paired`` sets have one row per layout each; of others the probe takes rows of one number for a pair.
    """
    moments = streamed_moments(first), streamed_moments(second)
    value = frechet_distance(*moments)
    draws = [_bootstrap_frechet(first, second, paired, number) for number in range(replicates)]
    kernel, kernel_interval = kernel_distance(first, second, paired=paired)
    low, high = normal_interval(value, np.array(draws))
    found = DistanceResult(
        frechet_distance=_score(value, (max(0.0, low), high)),
        kernel_distance=_score(kernel, kernel_interval),
    )
    few = min(len(first), len(second))
    if few >= FOLDS:
        rows = np.unique(np.linspace(0, few - 1, min(few, MOST_PROBED)).round().astype(int))
        told = detectability(second[rows], first[rows], rows, rows)
        found = found.model_copy(update={"detectability": _score(*mean_interval(told))})
    if few <= NEIGHBOURS:
        return found
    near = neighbourhoods(second, first)
    return found.model_copy(
        update={
            name: _score(*mean_interval(getattr(near, name))) for name in ("precision", "recall", "density", "coverage")
        }
    )


def _bootstrap_frechet(first: Features, second: Features, paired: bool, number: int) -> float:
    # Two streams: pairs of one layout are drawn together, halves of the photos are not.
    draws = PoissonBootstrap(1, 2 * number), PoissonBootstrap(1, 2 * number + (not paired))
    if max(len(first), len(second)) <= first.shape[1]:
        few = draws[0].weights(len(first))[0], draws[1].weights(len(second))[0]
        return frechet_distance_of_vectors(first, second, few)
    moments = []
    for features, draw in zip((first, second), draws, strict=True):
        total: Moments | None = None
        for start in range(0, len(features), 1024):
            block = features[start : start + 1024]
            part = Moments.of(block, draw.weights(len(block))[0])
            total = part if total is None else total.merged(part)
        assert total is not None
        moments.append(total)
    return frechet_distance(*moments)


def score_styles(chunks: Chunks, mean_over: MeanOver, *, labelled: bool = True) -> StyleResult:
    """Diversity, and the mean IoU of every sample number where a segmenter ``labelled`` the pictures."""
    spread, photos = (
        np.concatenate([part[key] for part in chunks()]).astype(np.float64) for key in ("diversity", "photo_distances")
    )
    means: Sequence[float] = ()
    if labelled:
        totals = sum_of(np.asarray(part["counts"], np.int64) for part in chunks())  # [S,3,K]
        means = segmentation_scores(totals, mean_over).mean_iou.tolist()
    return StyleResult(
        diversity=_score(*mean_interval(spread)),
        photos=_score(*mean_interval(photos)) if len(photos) else Score(value=None),
        mean_iou=tuple(means),
    )


def extremes(
    names: Sequence[str], counts: Iterable[NDArray[np.int64]]
) -> tuple[tuple[ImageResult, ...], tuple[ImageResult, ...]]:
    """The worst and the best images by mean IoU of the classes that they hold."""
    numbered = (one for part in counts for one in part)
    scored = (_image(name, one) for name, one in zip(names, numbered, strict=True))
    known = [one for one in scored if np.isfinite(one.mean_iou)]
    few = min(EXTREMES, max(1, len(known) // 2))
    worst = heapq.nsmallest(few, known, key=lambda one: one.mean_iou)
    return tuple(worst), tuple(heapq.nlargest(few, known, key=lambda one: one.mean_iou))


def spread(names: Sequence[str]) -> tuple[str, ...]:
    """As many images as :func:`extremes` shows at most, evenly chosen."""
    few = min(2 * EXTREMES, len(names))
    return tuple(names[len(names) * number // few] for number in range(few))


def _image(name: str, counts: NDArray[np.int64]) -> ImageResult:
    scores = segmentation_scores(counts)
    return ImageResult(name=name, mean_iou=float(scores.mean_iou), pixel_accuracy=float(scores.pixel_accuracy))


@dataclass(frozen=True, eq=False)
class FeatureFiles:
    """All images' features as memory-mapped files."""

    synthetic: Features
    real: Features
    scales: Features | None = None
    """[D], what the entries were multiplied by."""

    @classmethod
    def gather(cls, chunks: Chunks, num_images: int, folder: Path, layers: Sequence[int] | None = None) -> FeatureFiles:
        """Join the chunks' features in ``folder``.

        Args:
            chunks: of all images.
            num_images: their number.
            folder: of the files.
            layers: entries per layer, where these are to be brought to mean square 1 in the real photos.
        """
        files: dict[str, Features] = {}
        for key in ("features", "real_features"):
            start = 0
            for part in chunks():
                values = np.asarray(part[key], np.float32)
                if key not in files:
                    path = make_folder(folder) / f"{key}.npy"
                    shape = num_images, values.shape[1]
                    files[key] = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
                files[key][start : start + len(values)] = values
                start += len(values)
        synthetic, real = files["features"], files["real_features"]
        if layers is None:
            return cls(synthetic, real)
        scales = layer_scales(real, layers)
        for features in (synthetic, real):
            equalise(features, scales)
        return cls(synthetic, real, scales)


def small_sample_warnings(num_images: int, features: str | None) -> list[str]:
    """What must be said about scores of few images."""
    if features is None or num_images >= FEW_IMAGES:
        return []
    distance = "FID" if features == "inception" else "the Fréchet distance"
    return [
        f"{num_images} images are too few for {distance}, which wants {FEW_IMAGES:,} or more: it depends on their "
        "number as much as on their quality; the kernel distance has no such bias"
    ]


def segmentation_warnings(found: SegmentationResult | None, oracle: SegmentationResult | None) -> list[str]:
    """What must be said where the segmenter, not the pictures, limits the score."""
    made, real = (None if one is None else one.mean_iou.value for one in (found, oracle))
    if made is None or real is None or made <= real:
        return []
    return [
        f"the pictures' mean IoU ({made:.3f}) is above that of the real photos ({real:.3f}): they are easier to label "
        "than photographs, which says nothing about how real they look"
    ]


def _score(value: float, interval: tuple[float, float]) -> Score:
    if not np.isfinite(value):
        return Score(value=None)
    return Score(value=value, interval=interval if np.isfinite(interval).all() else None)

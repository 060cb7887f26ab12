"""Whether synthesised pictures lie nearer to training photographs than photographs that were held out do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 512
"""Rows of the distance matrix that are held at a time."""


@dataclass(frozen=True, eq=False)
class NearestPhotos:
    """The nearest training photograph of every picture.

    Attributes:
        index: [n], its number.
        distance: [n], Euclidean distance of the features.
    """

    index: NDArray[np.int64]
    distance: NDArray[np.float64]


def nearest_photos(features: NDArray[np.floating], training: NDArray[np.floating]) -> NearestPhotos:
    """Find the nearest of the ``training`` features [m,D] to each of ``features`` [n,D]."""
    index, distance = np.empty(len(features), np.int64), np.empty(len(features))
    photos = training.astype(np.float64)
    squares = (photos**2).sum(1)
    for start in range(0, len(features), BLOCK):
        rows = features[start : start + BLOCK].astype(np.float64)
        nearest = (squares - 2 * rows @ photos.T).argmin(1)
        index[start : start + BLOCK] = nearest
        distance[start : start + BLOCK] = np.linalg.norm(rows - photos[nearest], axis=1)  # exact where they are equal
    return NearestPhotos(index, distance)


def shares_nearer(pictures: NDArray[np.float64], held_out: NDArray[np.float64]) -> NDArray[np.float64]:
    """How often a picture is nearer to the training photographs than a held-out photograph is.

    Args:
        pictures: [n], each picture's distance to its nearest training photograph.
        held_out: [m], the same of photographs that were not trained on.

    Returns:
        [n], for each picture the share of held-out photographs that are farther away (equal ones count half). Their
        mean is 0.5 where pictures come as near as other photographs do; towards 1 the model repeats its photographs.
    """
    ascending = np.sort(held_out)
    below = np.searchsorted(ascending, pictures, "left")
    not_above = np.searchsorted(ascending, pictures, "right")
    shares: NDArray[np.float64] = 1 - (below + not_above) / (2 * len(held_out))
    return shares


def distance_ratio(pictures: NDArray[np.float64], held_out: NDArray[np.float64]) -> float:
    """Mean distance of pictures over that of held-out photographs: below 1 they come nearer than these; NaN for 0."""
    reference = float(held_out.mean())
    return float(pictures.mean()) / reference if reference else float("nan")

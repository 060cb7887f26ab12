"""What the feature encoder finds in the objects of photographs, and clusters of it (pix2pixHD, section 3.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semsynth.classes import VOID
from semsynth.layout_ops.objects import ObjectMap
from semsynth.models.instance_encoder import InstanceEncoder

MODES = 10
"""K of the paper's k-means."""
LARGE = 0.5
"""Objects of at most this share (see :class:`ObjectVectors`) do not take part in clustering (official code)."""


@dataclass(frozen=True, eq=False)
class ObjectVectors:
    """The feature vectors of S objects."""

    vectors: NDArray[np.float64]
    """[S,F] in [-1,1]."""
    class_ids: NDArray[np.int64]
    """[S]."""
    shares: NDArray[np.float64]
    """[S]: pixels over ``H * W // 32``, the official code's measure of size."""

    @classmethod
    def joined(cls, parts: Iterable[ObjectVectors]) -> ObjectVectors:
        """Those of several photographs."""
        columns = zip(*((part.vectors, part.class_ids, part.shares) for part in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))


@torch.no_grad()
def encode_objects(encoder: InstanceEncoder, image: Tensor, objects: ObjectMap, labels: Tensor) -> ObjectVectors:
    """The vectors of a photograph's objects, void left out.

    Args:
        encoder: in evaluation mode, on the device of ``image``.
        image: [1,3,H,W] in [-1,1].
        objects: of the photograph.
        labels: [1,H,W] class ids; an object on several classes counts as one of that which most of it is.
    """
    vectors = encoder.vectors(image, objects).double().cpu().numpy()
    class_ids = object_classes(objects, labels).cpu().numpy()
    shares = objects.pixels.double().cpu().numpy() / (labels.numel() // 32)
    known = class_ids != VOID
    return ObjectVectors(vectors[known], class_ids[known], shares[known])


def object_classes(objects: ObjectMap, labels: Tensor) -> Tensor:
    """[S] int64: the class id that most of each object's pixels have; ``labels`` are [N,H,W] ids."""
    pairs, counts = torch.unique(objects.places.index.long() << 16 | labels.flatten().long(), return_counts=True)
    rank = torch.empty_like(counts)  # of each pair by its number of pixels
    rank[torch.argsort(counts, stable=True)] = torch.arange(len(counts), device=counts.device)
    best = torch.zeros(len(objects), dtype=torch.int64, device=counts.device)
    best.scatter_reduce_(0, pairs >> 16, rank, "amax", include_self=False)
    by_rank: Tensor = pairs[torch.argsort(rank)]
    return by_rank[best] & 0xFFFF


def cluster(found: ObjectVectors, modes: int = MODES) -> dict[int, NDArray[np.float64]]:
    """Cluster the vectors of every class: class id -> centres [k,F], k <= ``modes``, that of the largest cluster first.

    A class whose objects are all small gets one centre, the mean of them (officially it has none, and sampling reads
    uninitialised memory).
    """
    centres = {}
    for class_id in np.unique(found.class_ids).tolist():
        mine = found.class_ids == class_id
        large = found.vectors[mine & (found.shares > LARGE)]
        centres[class_id] = _k_means(large, modes) if len(large) else found.vectors[mine].mean(0, keepdims=True)
    return centres


def _k_means(vectors: NDArray[np.float64], modes: int) -> NDArray[np.float64]:
    from sklearn.cluster import KMeans

    count = min(modes, len(np.unique(vectors, axis=0)))
    fitted = KMeans(count, random_state=0).fit(vectors)
    largest_first = np.argsort(-np.bincount(fitted.labels_, minlength=count), kind="stable")
    return np.asarray(fitted.cluster_centers_[largest_first], np.float64)

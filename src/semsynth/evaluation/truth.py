"""Label maps and predictions in a protocol's classes and at its sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from semsynth.classes import ClassSet
from semsynth.data.sample import Sample
from semsynth.errors import SemsynthError
from semsynth.evaluation.pictures import files_digest, named_files, resampled_tensor
from semsynth.evaluation.protocols.definition import Protocol as Definition
from semsynth.evaluation.segmenters.base import Segmenter
from semsynth.evaluation.segmenters.labelling import label_images
from semsynth.layout import Layout, Size, pixels

Indices = NDArray[np.int64]
"""[H,W]: evaluated classes 0..K-1; K is void in the truth, "none of them" in predictions."""


def index_table(source: ClassSet, target: ClassSet) -> NDArray[np.int64]:
    """[S+1]: class index of ``source`` (void last) -> index of ``target`` by name; its number of classes for others."""
    index = {item.name: i for i, item in enumerate(target.classes)}
    others = target.num_classes
    return np.array([index.get(item.name, others) for item in source.classes] + [others])


def class_table(segmenter: Segmenter, evaluated: ClassSet) -> NDArray[np.int64]:
    """[S+1]: a segmenter's class index -> index of ``evaluated``, matched by name; its number of classes for others.

    Raises:
        SemsynthError: the segmenter does not know all of the evaluated classes.
    """
    known = {item.name for item in segmenter.classes.classes}
    unknown = [item.name for item in evaluated.classes if item.name not in known]
    if unknown:
        shown = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
        raise SemsynthError(
            f"the segmenter {segmenter.name} does not know {len(unknown)} of the {evaluated.num_classes} "
            f"classes of '{evaluated.name}': {shown}; choose one trained on them, or give a `mapping` with their "
            "names"
        )
    return index_table(segmenter.classes, evaluated)


def true_indices(layout: Layout, size: Size | None, evaluated: ClassSet) -> Indices:
    """The truth at ``size`` (None: its own); nearest."""
    resized = layout.resized(size or layout.size)
    found: Indices = index_table(layout.classes, evaluated)[layout.classes.index_of_id[resized.labels]]
    return found


class Predictor(Protocol):
    """Predicts the evaluated classes of pictures."""

    def predict(self, samples: Sequence[Sample], images: Tensor, sizes: Sequence[Size]) -> list[Indices]:
        """Pictures [N,3,H,W] in [-1,1] of ``samples`` -> N predictions of ``sizes``."""
        ...


class SegmenterPredictor:
    """Predictions of a segmenter, as a protocol has it look at pictures."""

    def __init__(self, segmenter: Segmenter, protocol: Definition, evaluated: ClassSet) -> None:
        """Match the segmenter's classes with the evaluated ones, by name.

        Raises:
            SemsynthError: it does not know all of them.
        """
        self.segmenter, self.protocol = segmenter, protocol
        self._table = class_table(segmenter, evaluated)

    def predict(self, samples: Sequence[Sample], images: Tensor, sizes: Sequence[Size]) -> list[Indices]:
        """Label the pictures; all sizes are equal."""
        how = self.protocol.segmenter_resampling
        seen = resampled_tensor(images, self.protocol.segmenter_size, how)
        labels = label_images(self.segmenter, seen, sizes[0]).index.numpy()
        return list(self._table[labels])


class FilePredictor:
    """Predictions of a segmenter that ran elsewhere: label maps in the evaluated classes, named like the images."""

    def __init__(self, folder: Path, names: Sequence[str], split: Sequence[str], evaluated: ClassSet) -> None:
        """List the folder as :func:`named_files` does.

        Raises:
            SemsynthError: missing or extra files.
        """
        self._paths = named_files(folder, names, split)
        self._evaluated = evaluated
        self.fingerprint = files_digest(list(self._paths.values()))

    def predict(self, samples: Sequence[Sample], images: Tensor, sizes: Sequence[Size]) -> list[Indices]:
        """Read them.

        Raises:
            SemsynthError: ids of another class set, or another size than the protocol's.
        """
        found: list[Indices] = []
        for sample, size in zip(samples, sizes, strict=True):
            path = self._paths[sample.name]
            layout = Layout.open(path, self._evaluated)
            if layout.size != size:
                raise SemsynthError(f"{path} is {pixels(layout.size)}: the protocol compares at {pixels(size)}")
            found.append(self._evaluated.index_of_id[layout.labels].astype(np.int64))
        return found

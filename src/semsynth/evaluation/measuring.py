"""What is measured of every image, chunk by chunk: all that scores are made of later, kept in files."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.data.progress import Progress, silent
from semsynth.data.sample import Sample
from semsynth.data.source import LabelledSamples
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.evaluation.feature_sets import BackboneFeatures
from semsynth.evaluation.features import FeatureNetwork
from semsynth.evaluation.metrics.confusion import class_counts, confusion_matrix
from semsynth.evaluation.metrics.perceptual import mean_pairwise_distance, perceptual_distances
from semsynth.evaluation.pictures import Picture, PictureSource, RealPhotos, stack
from semsynth.evaluation.protocols.definition import Protocol, ResolvedProtocol
from semsynth.evaluation.reading import read_ahead
from semsynth.evaluation.truth import Predictor, true_indices
from semsynth.files import explained, write_atomically, write_json
from semsynth.layout import Size

CHUNK = 8
"""Images per file of measurements: what an interruption can lose."""

Measurements = dict[str, NDArray[np.generic]]
"""Of n images: ``counts`` [n,S,3,K], ``oracle_counts`` [n,3,K], ``matrix`` and ``oracle_matrix`` [K,K+1] (summed),
``features`` and ``real_features`` [n,D], ``diversity`` [n], ``photo_distances`` [n-1]; some may be absent."""


@dataclass(frozen=True, eq=False)
class Instruments:
    """What measures."""

    protocol: Protocol
    evaluated: ClassSet
    source: PictureSource
    samples: int
    """Pictures per layout."""
    predictor: Predictor | None
    """Predicts pictures; None where nobody labels them."""
    oracle: Predictor | None
    """Predicts real photos; None where nobody does."""
    features: FeatureNetwork | None
    diversity: FeatureNetwork | None
    batch_size: int = 4
    """Pictures that go through segmenter and feature networks together; no score depends on it."""
    photos: RealPhotos = field(default_factory=RealPhotos)

    @property
    def picture_size(self) -> Size | None:
        """(height, width) of prepared pictures."""
        return self.protocol.picture_size or self.protocol.synthesis_size

    def measure(self, samples: Sequence[Sample]) -> Measurements:
        """Measure one chunk."""
        made = [self.source.pictures(samples, number) for number in range(self.samples)]
        found: Measurements = {}
        if self.predictor is not None:
            judged = [self._judge(samples, pictures, self.predictor) for pictures in made]
            found["counts"] = np.stack([class_counts(matrices) for matrices in judged], 1)  # [n,S,3,K]
            found["matrix"] = judged[0].sum(0)
        photos = self.photos.pictures(samples, 0)
        if self.oracle is not None:
            matrices = self._judge(samples, photos, self.oracle)
            found |= {"oracle_counts": class_counts(matrices), "oracle_matrix": matrices.sum(0)}
        if self.features is not None:
            for key, pictures in (("features", made[0]), ("real_features", photos)):
                found[key] = self.vectors(pictures)
        if self.diversity is not None and self.samples > 1:
            found["diversity"] = np.array([self._spread([of[i] for of in made]) for i in range(len(samples))])
            found["photo_distances"] = self._neighbour_distances(photos)
        return found

    def vectors(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """[n,D], the features of pictures of any size."""
        assert self.features is not None
        return np.concatenate([self.features.vectors(part).numpy() for part in self._batches(pictures)])

    def _batches(self, pictures: Sequence[Picture]) -> Iterator[torch.Tensor]:
        for start in range(0, len(pictures), self.batch_size):
            part = pictures[start : start + self.batch_size]
            yield from stack(part, self.picture_size, self.protocol.picture_resampling)

    def _judge(self, samples: Sequence[Sample], pictures: Sequence[Picture], by: Predictor) -> NDArray[np.int64]:
        """[n,K,K+1]: a confusion matrix per image."""
        matrices: list[NDArray[np.int64]] = []
        for batch in self._batches(pictures):
            part = samples[len(matrices) : len(matrices) + len(batch)]
            size = self.protocol.label_size or (batch.shape[2], batch.shape[3])
            for sample, predicted in zip(part, by.predict(part, batch, [size] * len(part)), strict=True):
                truth = true_indices(sample.layout, size, self.evaluated)
                matrices.append(confusion_matrix(truth, predicted, self.evaluated.num_classes))
        return np.stack(matrices)

    def _spread(self, pictures: Sequence[Picture]) -> float:
        assert self.diversity is not None
        (batch,) = stack(pictures, self.picture_size, self.protocol.picture_resampling)
        return mean_pairwise_distance(self.diversity.maps(batch), _channel_weights(self.diversity))

    def _neighbour_distances(self, photos: Sequence[Picture]) -> NDArray[np.float64]:
        """Distances between photos of different layouts, where they have one size: what diversity is measured by."""
        assert self.diversity is not None
        distances: list[float] = []
        for batch in stack(photos, self.picture_size, self.protocol.picture_resampling):
            maps = self.diversity.maps(batch)
            if len(batch) > 1:
                neighbours = [m[:-1] for m in maps], [m[1:] for m in maps]
                distances += perceptual_distances(*neighbours, _channel_weights(self.diversity)).tolist()
        return np.array(distances)


def _channel_weights(network: FeatureNetwork) -> Sequence[torch.Tensor] | None:
    return network.channel_weights if isinstance(network, BackboneFeatures) else None


class WorkFolder:
    """Measurements on disk, so that an interrupted evaluation goes on where it was."""

    def __init__(self, root: Path, resolved: ResolvedProtocol, subject: str) -> None:
        """Open or begin.

        Args:
            root: the folder.
            resolved: what is measured.
            subject: fingerprint of the pictures' source.

        Raises:
            SemsynthError: it holds measurements of something else.
        """
        self.root = root
        record = {"subject": subject, **resolved.model_dump(mode="json")}
        path = root / "measured.json"
        same = path.exists() and read_json(path) == record
        if not same and any(root.glob("chunk_*.npz")):
            raise SemsynthError(
                f"{root.parent} holds an evaluation of other pictures or by another protocol: choose another `out`, or "
                f"remove {root}"
            )
        if not same:
            write_json(path, record)

    def measure(
        self,
        data: LabelledSamples,
        indices: Sequence[int],
        measure: Callable[[Sequence[Sample]], Measurements],
        workers: int = 0,
        progress: Progress = silent,
    ) -> None:
        """Measure what is missing.

        Args:
            data: the dataset's split.
            indices: the evaluated samples, in order.
            measure: of one chunk, all of which have photos.
            workers: threads that read files.
            progress: called with images done.
        """
        chunks = [indices[start : start + CHUNK] for start in range(0, len(indices), CHUNK)]
        missing = [number for number in range(len(chunks)) if not self._path(number).exists()]
        done = len(indices) - sum(len(chunks[number]) for number in missing)
        progress(done, len(indices))
        read = read_ahead(lambda number: [data[i] for i in chunks[number]], missing, workers)
        for number, samples in zip(missing, read, strict=True):
            self._write(number, measure(samples))
            done += len(samples)
            progress(done, len(indices))

    def __iter__(self) -> Iterator[Measurements]:
        """The chunks in order.

        Raises:
            SemsynthError: a damaged file.
        """
        for path in sorted(self.root.glob("chunk_*.npz")):
            try:
                with explained(path, "cannot read"), np.load(path, allow_pickle=False) as stored:
                    found = {key: stored[key] for key in stored.files}
            except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
                raise SemsynthError(f"{path} is damaged: remove it and evaluate again") from error
            yield found

    def _path(self, number: int) -> Path:
        return self.root / f"chunk_{number:06d}.npz"

    def _write(self, number: int, measurements: Measurements) -> None:
        def write(partial: Path) -> None:
            with partial.open("wb") as file:
                np.savez(file, allow_pickle=False, **measurements)

        write_atomically(self._path(number), write)

"""One evaluation from beginning to end: measure what is missing, then score everything that was measured."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from semsynth.data.progress import Progress, silent
from semsynth.data.source import LabelledSamples
from semsynth.evaluation.feature_sets import BackboneFeatures
from semsynth.evaluation.measuring import Instruments, Measurements, WorkFolder
from semsynth.evaluation.nearest_training import picture_vectors, score_memorisation
from semsynth.evaluation.picture_sets import SamplePhotos
from semsynth.evaluation.pictures import Picture, stack
from semsynth.evaluation.protocols.definition import ResolvedProtocol
from semsynth.evaluation.record import (
    DistanceResult,
    MemorisationResult,
    ReportRecord,
    SegmentationResult,
    StyleResult,
    Subject,
    UsefulnessResult,
)
from semsynth.evaluation.scoring import (
    FeatureFiles,
    extremes,
    score_distances,
    score_segmentation,
    score_styles,
    segmentation_warnings,
    small_sample_warnings,
    spread,
)
from semsynth.evaluation.truth import true_indices
from semsynth.images import to_uint8
from semsynth.version import __version__

WORK = "work"
"""Sub-folder of measurements."""


@dataclass(frozen=True, eq=False)
class TrainingPhotos:
    """Photos that the model has seen."""

    data: LabelledSamples
    progress: Progress = silent
    """Called with photos done."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What is evaluated and how."""

    data: LabelledSamples
    indices: Sequence[int]
    """The evaluated samples."""
    instruments: Instruments
    resolved: ResolvedProtocol
    subject: Subject
    segmenter_data: str = ""
    """What the segmenter was trained on."""
    device: str = "cpu"
    warnings: Sequence[str] = ()
    """What is to be said about the scores, whatever they are."""

    def run(
        self,
        out: Path,
        workers: int = 0,
        progress: Progress = silent,
        usefulness: UsefulnessResult | None = None,
        training: TrainingPhotos | None = None,
    ) -> ReportRecord:
        """Measure and score; what an earlier, interrupted run measured is taken over.

        Args:
            out: folder of the report; measurements go to its sub-folder ``work``.
            workers: threads that read files.
            progress: called with images done.
            usefulness: what was found by training on synthesised photos, where that was asked for.
            training: photos that pictures are compared with one by one, where that was asked for.

        Raises:
            SemsynthError: damaged or unfitting files, or an ``out`` of another evaluation.
        """
        start = time.monotonic()
        work = WorkFolder(out / WORK, self.resolved, self.subject.fingerprint)
        work.measure(self.data, self.indices, self.instruments.measure, workers, progress)
        files = self._feature_files(work)
        distances, halves = self._distances(files)
        instruments, names = self.instruments, [self.data.names[i] for i in self.indices]
        segmentation = self._segmentation(work, "counts") if instruments.predictor else None
        oracle = self._segmentation(work, "oracle_counts") if instruments.oracle else None
        worst, best = extremes(names, _first_samples(work)) if instruments.predictor else ((), ())
        return ReportRecord(
            protocol=self.resolved,
            subject=self.subject,
            segmentation=segmentation,
            oracle=oracle,
            segmenter_data=self.segmenter_data,
            distances=distances,
            real_halves=halves,
            memorisation=self._memorisation(files, training, workers),
            styles=self._styles(work),
            usefulness=usefulness,
            worst=worst,
            best=best,
            examples=() if instruments.predictor else spread(names),
            warnings=(
                *self.warnings,
                *small_sample_warnings(len(self.indices), self.resolved.features),
                *segmentation_warnings(segmentation, oracle),
            ),
            versions=versions(),
            colors={item.name: item.color for item in self.instruments.evaluated.classes},
            device=self.device,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - start, 1),
        )

    def _segmentation(self, work: WorkFolder, key: str) -> SegmentationResult:
        def counts() -> Iterator[NDArray[np.int64]]:
            return _first_samples(work) if key == "counts" else (np.asarray(part[key], np.int64) for part in work)

        return score_segmentation(counts, self.resolved.classes, self.resolved.protocol.mean_over)

    def _styles(self, work: WorkFolder) -> StyleResult | None:
        if self.resolved.samples < 2 or self.instruments.diversity is None:
            return None
        labelled = self.instruments.predictor is not None
        return score_styles(lambda: work, self.resolved.protocol.mean_over, labelled=labelled)

    def _feature_files(self, work: WorkFolder) -> FeatureFiles | None:
        features = self.instruments.features
        if features is None or len(self.indices) < 2:
            return None
        layers = features.layers if isinstance(features, BackboneFeatures) else None
        return FeatureFiles.gather(lambda: work, len(self.indices), work.root, layers)

    def _memorisation(
        self, files: FeatureFiles | None, training: TrainingPhotos | None, workers: int
    ) -> MemorisationResult | None:
        if files is None or training is None:
            return None
        vectors = picture_vectors(SamplePhotos(training.data), self.instruments, workers, training.progress)
        names = [self.data.names[index] for index in self.indices]
        return score_memorisation(files, vectors, names, training.data.names)

    def _distances(self, files: FeatureFiles | None) -> tuple[DistanceResult | None, DistanceResult | None]:
        if files is None:
            return None, None
        replicates = self.resolved.protocol.distance_replicates
        between = score_distances(files.synthetic, files.real, paired=True, replicates=replicates)
        if len(self.indices) < 4:
            return between, None
        halves = files.real[1::2], files.real[::2]
        return between, score_distances(*halves, paired=False, replicates=replicates)

    def illustrate(self, names: Iterable[str]) -> Iterator[Illustration]:
        """Pictures of single images, for reports; made anew, which gives the same."""
        number = {name: index for index, name in enumerate(self.data.names)}
        for name in names:
            yield self._illustration(number[name])

    def _illustration(self, index: int) -> Illustration:
        sample, instruments = self.data[index], self.instruments
        evaluated, protocol = instruments.evaluated, self.resolved.protocol
        made = instruments.source.pictures([sample], 0)
        size, how = instruments.picture_size, protocol.picture_resampling
        (batch,), (photo,) = stack(made, size, how), stack([sample.rgb], size, how)
        labels = protocol.label_size or (batch.shape[2], batch.shape[3])
        truth = true_indices(sample.layout, labels, evaluated)
        predicted = wrong = None
        if instruments.predictor is not None:
            (seen,) = instruments.predictor.predict([sample], batch, [labels])
            predicted, wrong = evaluated.palette[seen], np.full((*truth.shape, 3), 255, np.uint8)
            wrong[truth != seen] = (200, 30, 30)
            wrong[truth == evaluated.num_classes] = (150, 150, 150)
        return Illustration(
            name=sample.name,
            layout=evaluated.palette[truth],
            photo=_pixels(photo),
            synthesis=_pixels(batch),
            predicted=predicted,
            errors=wrong,
        )


@dataclass(frozen=True, eq=False)
class Illustration:
    """One image, [H,W,3] uint8 each."""

    name: str
    layout: Picture
    """The truth in the classes' colours."""
    photo: Picture
    """The real one."""
    synthesis: Picture
    """What was evaluated."""
    predicted: Picture | None
    """What the segmenter sees in it; None without one."""
    errors: Picture | None
    """White where that is right, red where wrong, grey where nothing is counted; None without a segmenter."""


def versions() -> dict[str, str]:
    """Of the packages that scores depend on."""
    packages = ("torch", "numpy", "scipy", "pillow", "torchmetrics", "transformers")
    found = {"semsynth": __version__, "python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in packages}


def _first_samples(work: Iterable[Measurements]) -> Iterator[NDArray[np.int64]]:
    """The counts [n,3,K] of each chunk's sample 0."""
    return (np.asarray(part["counts"], np.int64)[:, 0] for part in work)


def _pixels(batch: Tensor) -> Picture:
    """[1,3,H,W] in [-1,1] -> [H,W,3] uint8."""
    picture: Picture = to_uint8(batch)[0]
    return picture

"""``semsynth.evaluate``: from names and folders to a report."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from semsynth.checkpoint import BUNDLED, CONFIG, find_model, is_model_folder
from semsynth.classes import ClassSet
from semsynth.data.listing import is_picture
from semsynth.data.progress import Stages, silent_stages
from semsynth.data.source import LabelledSamples
from semsynth.errors import SemsynthError
from semsynth.evaluation.choices import (
    NO_FEATURES,
    evaluated_classes,
    evaluated_indices,
    find_features,
    find_judge,
    has_instances,
    open_split,
)
from semsynth.evaluation.feature_sets import BackboneFeatures
from semsynth.evaluation.features import FeatureNetwork
from semsynth.evaluation.independence import independence_warnings
from semsynth.evaluation.judges import Judges, assemble
from semsynth.evaluation.pictures import FolderPictures, ModelPictures, PictureSource
from semsynth.evaluation.protocols.definition import Protocol
from semsynth.evaluation.protocols.shipped import find_protocol
from semsynth.evaluation.record import ReportRecord, UsefulnessResult
from semsynth.evaluation.reports.rendering import kinds, picture_file
from semsynth.evaluation.reports.report import Report
from semsynth.evaluation.run import Evaluation, TrainingPhotos
from semsynth.evaluation.segmenters.base import Segmenter
from semsynth.evaluation.segmenters.hugging_face import HuggingFaceSegmenter
from semsynth.evaluation.usefulness import measure_usefulness
from semsynth.files import sha256
from semsynth.images import encode_png
from semsynth.synthesizer import Precision, load

TRAIN = "train"
"""The split that models are trained on."""
PROTOCOL = "semsynth-2026"
"""The recommended one."""


def evaluate(
    model_or_images: str | Path | PictureSource,
    data: str | Path,
    protocol: str | Protocol = PROTOCOL,
    *,
    out: str | Path | None = None,
    split: str = "val",
    segmenter: str | Path | Segmenter | None = None,
    mapping: str | None = None,
    predictions: str | Path | None = None,
    oracle_predictions: str | Path | None = None,
    features: str | None = None,
    feature_weights: str | Path | None = None,
    limit: int | None = None,
    samples: int = 1,
    nearest_training: bool = False,
    allow_trained_features: bool = False,
    train_on_synthetic: int | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    batch_size: int = 4,
    workers: int = 1,
    progress: Stages = silent_stages,
) -> Report:
    """Score a model's photos, or a folder of pictures, beside the real photos.

    Args:
        model_or_images: a bundled model's name, a model or run folder, or a Hugging Face id; or a folder of pictures
            that were made elsewhere, named like the photos and of the protocol's size or that of their label map.
        data: dataset folder with photos, or shards of one.
        protocol: ``semsynth-2026``, which ``semsynth-2026-512x256`` is at another size (WIDTHxHEIGHT), or a paper's:
            ``spade-2019``, ``oasis-2021``, ``pix2pixhd-2018``.
        out: folder in which measurements are kept and the report is written: the same call resumes an evaluation that
            was interrupted. None: nothing stays on the disk.
        split: dataset split; papers use ``val``.
        segmenter: labels pictures and photos: a folder, a Hugging Face id, a bundled one's class set, or an object with
            the members of :class:`~semsynth.evaluation.segmenters.base.Segmenter`; or ``none``, and distances alone
            are measured, by ``features``. None: the one that ships for the class set.
        mapping: what the segmenter's outputs mean: a mapping file, or the name of a built-in mapping.
        predictions: folder of label maps that the protocol's own segmenter predicted on the pictures, instead of a
            segmenter.
        oracle_predictions: folder of those that it predicted on the real photos.
        features: ``inception``, ``segmenter``, ``random``, ``vgg19``, ``vgg16``, ``efficientnet_lite0``,
            ``mobilenet_v1``, ``stlpips_alex`` (which then measures diversity, too), a file of weights of one of the
            last four, or ``none``. None: the protocol's.
        feature_weights: file of the weights of ``features``.
        limit: evaluate the first ``limit`` images only; such scores compare only with each other.
        samples: pictures per layout; from 2 on diversity is measured.
        nearest_training: also compare how near pictures and photos come to those of the split ``train``.
        allow_trained_features: score also with features of a network that took part in training the model.
        train_on_synthetic: optimiser steps of two segmenters, trained on synthesised and on real photos and scored on
            real ones. None: none are trained.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: arithmetic of the synthesis: ``auto``, ``float32`` or ``bfloat16``.
        batch_size: pictures that go through networks together; no score depends on it.
        workers: threads that read files.
        progress: called with the name of each part, returns what is called with (done, total) during it.

    Raises:
        SemsynthError: no such model, data, protocol or segmenter, classes or files that do not fit, features of a
            network that trained the model, or an ``out`` that holds another evaluation.
    """
    asked = _Question.of(data, split, protocol, limit)
    source = asked.source(model_or_images, device, precision, batch_size, samples)
    if isinstance(source, FolderPictures) and (samples > 1 or train_on_synthetic is not None):
        raise SemsynthError(f"{source.folder} has one picture per layout: leave out `samples` and `train_on_synthetic`")
    if predictions is not None:
        judges = asked.judges_from_files(predictions, oracle_predictions, features, feature_weights, samples, device)
    else:
        labeller = find_judge(segmenter, mapping, asked.classes, device)
        judges = asked.judges(labeller, features, feature_weights, samples, device)
    notes = _independence(source, judges, samples, allow_trained_features)
    training = asked.training_photos(judges, progress) if nearest_training else None
    evaluation = assemble(
        asked.data, asked.protocol, asked.indices, asked.classes, source, judges, samples, batch_size, notes
    )
    with _folder(out) as folder:
        useful = None
        if train_on_synthetic is not None:
            useful = _usefulness(evaluation, folder, train_on_synthetic, device, workers, progress)
        record = evaluation.run(folder, workers, progress("evaluating"), useful, training)
        report = Report(record, _pictures(evaluation, record))
        if out is not None:
            report.save(folder)
    return report


@dataclass(frozen=True, eq=False)
class _Question:
    """What is measured, whoever is measured and whoever judges."""

    data: LabelledSamples
    protocol: Protocol
    indices: Sequence[int]
    """The evaluated samples."""
    classes: ClassSet
    """Those that predictions and truth are compared in."""

    @classmethod
    def of(cls, data: str | Path, split: str, protocol: str | Protocol, limit: int | None) -> _Question:
        opened = open_split(data, split)
        found = find_protocol(protocol, opened.classes) if isinstance(protocol, str) else protocol
        chosen = found.model_copy(update={"split": split})
        return cls(opened, chosen, evaluated_indices(opened, chosen, limit), evaluated_classes(chosen, opened))

    @property
    def names(self) -> list[str]:
        """Of the evaluated samples."""
        return [self.data.names[index] for index in self.indices]

    def source(
        self, given: str | Path | PictureSource, device: str, precision: Precision, batch_size: int, samples: int
    ) -> PictureSource:
        """The pictures that ``given`` stands for."""
        if not isinstance(given, str | Path):
            return given
        folder = Path(given)
        if folder.is_dir() and not any(map(is_model_folder, (BUNDLED / given, folder, folder / "model"))):
            if not any(is_picture(path.name) for path in folder.iterdir()):
                raise SemsynthError(f"{folder} holds neither a model nor pictures: give one of them")
            size = self.protocol.picture_size or self.protocol.synthesis_size
            return FolderPictures(folder, self.names, self.data.names, size)
        return self._model(str(given), device, precision, batch_size, samples)

    def _model(self, name: str, device: str, precision: Precision, batch_size: int, samples: int) -> ModelPictures:
        folder = find_model(name)
        synthesizer = load(folder, device, precision)
        synthesizer.conditions.check_classes(self.data.classes, str(self.data.root))
        if samples > 1:
            synthesizer.check_count(samples)
        if synthesizer.needs_instances and not has_instances(self.data):
            raise SemsynthError(
                f"this model reads instance boundaries, and {self.data.root}/{self.data.split} has no instances/: "
                f"'semsynth data components {self.data.root}' makes them"
            )
        fingerprint = f"{sha256(folder / CONFIG)} {str(synthesizer.dtype).removeprefix('torch.')}"
        size, seed = self.protocol.synthesis_size, self.protocol.style_seed
        return ModelPictures(synthesizer, name, fingerprint, size, seed, batch_size)

    def judges(
        self, segmenter: Segmenter | None, features: str | None, weights: str | Path | None, samples: int, device: str
    ) -> Judges:
        """One segmenter or none, and the feature networks that go with it."""
        networks = self._networks(features, weights, samples, segmenter, device)
        return Judges.from_networks(segmenter, self.protocol, self.classes, *networks)

    def judges_from_files(
        self,
        predictions: str | Path,
        oracle: str | Path | None,
        features: str | None,
        weights: str | Path | None,
        samples: int,
        device: str,
    ) -> Judges:
        """Files of predictions, and feature networks that need no segmenter."""
        folders = Path(predictions), None if oracle is None else Path(oracle)
        networks = self._networks(features, weights, samples, None, device)
        return Judges.from_files(folders, self.names, self.data.names, self.classes, *networks)

    def training_photos(self, judges: Judges, progress: Stages) -> TrainingPhotos:
        """The split ``train``, whose photos pictures are compared with."""
        if judges.features is None:
            raise SemsynthError("`nearest_training` needs features: choose some with `features`")
        if self.protocol.split == TRAIN:
            raise SemsynthError(
                f"`nearest_training` compares photos of {self.data.root}/{TRAIN} with others: evaluate another split"
            )
        return TrainingPhotos(open_split(self.data.root, TRAIN), progress("comparing with training photos"))

    def _networks(
        self, features: str | None, weights: str | Path | None, samples: int, segmenter: Segmenter | None, device: str
    ) -> tuple[FeatureNetwork | None, FeatureNetwork | None]:
        """For distances between sets, and for diversity."""
        wanted, file = features or self.protocol.features or NO_FEATURES, None if weights is None else Path(weights)
        between = find_features(wanted, segmenter, file, device)
        if samples == 1:
            return between, None
        if isinstance(between, BackboneFeatures) and between.channel_weights is not None:
            return between, between  # LPIPS itself
        has_features = isinstance(segmenter, HuggingFaceSegmenter)
        name = self.protocol.diversity_features if has_features else "random"
        return between, find_features(name, segmenter, None, device)


def _independence(source: PictureSource, judges: Judges, samples: int, insist: bool) -> list[str]:
    """What must be said about networks that may have trained the model; pictures made elsewhere have no card."""
    if not isinstance(source, ModelPictures):
        return []
    networks = judges.features, judges.diversity if samples > 1 else None
    return independence_warnings(source.synthesizer.card, source.name, networks, insist)


def _usefulness(
    evaluation: Evaluation, folder: Path, steps: int, device: str, workers: int, progress: Stages
) -> UsefulnessResult:
    return measure_usefulness(
        evaluation.instruments.source,
        open_split(evaluation.data.root, TRAIN),
        evaluation.data,
        evaluation.resolved.protocol,
        evaluation.instruments.evaluated,
        folder / "usefulness",
        steps=steps,
        device=device,
        workers=workers,
        progress=progress,
    )


def _pictures(evaluation: Evaluation, record: ReportRecord) -> dict[str, bytes]:
    """The report's files of the images that it shows."""
    return {
        picture_file(one.name, kind): encode_png(getattr(one, kind))
        for one in evaluation.illustrate(record.shown)
        for kind in kinds(record)
    }


@contextmanager
def _folder(out: str | Path | None) -> Iterator[Path]:
    """The folder of measurements; a temporary one where nothing is to stay."""
    if out is not None:
        yield Path(out)
        return
    with tempfile.TemporaryDirectory(prefix="semsynth-") as folder:
        yield Path(folder)

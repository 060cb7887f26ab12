"""Train on synthesised photos, test on real ones: what the pictures are worth as training data.

The papers' first use of synthesis: photos with labels that nobody had to draw. Two equal segmenters are trained from
scratch, one on photos synthesised from the training layouts, one on the real photos of these; both are scored on the
real photos of another split.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.data.folder import IMAGES, LABELS, save_classes
from semsynth.data.progress import Progress, Stages, silent, silent_stages
from semsynth.data.source import LabelledSamples, absolute
from semsynth.evaluation.measuring import CHUNK
from semsynth.evaluation.metrics.confusion import class_counts, confusion_matrix
from semsynth.evaluation.pictures import PictureSource, resampled
from semsynth.evaluation.protocols.definition import Protocol
from semsynth.evaluation.record import SegmentationResult, UsefulnessResult
from semsynth.evaluation.scoring import score_segmentation
from semsynth.evaluation.segmenters.augmentation import SegmenterAugmentation
from semsynth.evaluation.segmenters.folder import SegmenterFolder, SegmenterRecord, continue_training
from semsynth.evaluation.segmenters.hugging_face import load_segmenter
from semsynth.evaluation.segmenters.training import SegmenterSettings
from semsynth.evaluation.truth import SegmenterPredictor, true_indices
from semsynth.images import save_png, to_uint8


def measure_usefulness(
    source: PictureSource,
    train: LabelledSamples,
    test: LabelledSamples,
    protocol: Protocol,
    evaluated: ClassSet,
    out: Path,
    *,
    steps: int,
    device: str = "auto",
    workers: int = 0,
    progress: Stages = silent_stages,
) -> UsefulnessResult:
    """Synthesise the training split, train twice, score twice; goes on where it was interrupted.

    Args:
        source: makes the photos.
        train: the layouts and photos to train on.
        test: the photos to score on, whose labels also choose both segmenters' checkpoints.
        protocol: gives sizes and the rule of means.
        evaluated: classes that are compared.
        out: a folder for the synthesised dataset and both segmenters.
        steps: of each training.
        device: where they run.
        workers: threads that read files.
        progress: called with the name of each part.

    Raises:
        SemsynthError: a file cannot be read or written.
    """
    synthetic = out / "synthetic"
    write_synthetic(source, train, synthetic, protocol, progress("synthesising the training split"))
    results = {}
    for name, root in (("synthetic", synthetic), ("real", train.root)):
        settings = _settings(protocol, steps)
        folder = SegmenterFolder(out / f"segmenter_{name}")
        record = SegmenterRecord(
            data=absolute(str(root)),
            validation=absolute(str(test.root)),
            validation_split=test.split,
            settings=settings,
        )
        continue_training(folder, record, device, workers, progress=progress(f"training on {name} photos"))
        predictor = SegmenterPredictor(load_segmenter(folder.root, device=device), protocol, evaluated)
        results[name] = _scores(predictor, test, protocol, evaluated)
    return UsefulnessResult(steps=steps, synthetic=results["synthetic"], real=results["real"])


def write_synthetic(
    source: PictureSource,
    train: LabelledSamples,
    root: Path,
    protocol: Protocol,
    progress: Progress = silent,
) -> None:
    """The split ``train`` of a dataset folder, with synthesised photos; those that are there already stay."""
    save_classes(root, train.classes)
    size = protocol.picture_size or protocol.synthesis_size
    for start in range(0, len(train), CHUNK):
        numbers = range(start, min(start + CHUNK, len(train)))
        missing = [i for i in numbers if not (root / "train" / IMAGES / f"{train.names[i]}.png").exists()]
        samples = [train[i] for i in missing]
        for sample, picture in zip(samples, source.pictures(samples, 0), strict=True):
            image = to_uint8(resampled(picture, size, protocol.picture_resampling)[None])[0]
            height, width = image.shape[:2]
            sample.layout.resized((height, width)).save(root / "train" / LABELS / f"{sample.name}.png")
            save_png(root / "train" / IMAGES / f"{sample.name}.png", image)
        progress(numbers[-1] + 1, len(train))


def _settings(protocol: Protocol, steps: int) -> SegmenterSettings:
    height, width = protocol.picture_size or protocol.synthesis_size or (256, 256)
    return SegmenterSettings(
        steps=steps,
        warmup=min(200, steps // 10),
        validate_every=max(1, steps // 8),
        augmentation=SegmenterAugmentation(crop_size=width, aspect_ratio=width / height),
    )


def _scores(
    predictor: SegmenterPredictor, test: LabelledSamples, protocol: Protocol, evaluated: ClassSet
) -> SegmentationResult:
    found: list[NDArray[np.int64]] = []
    for index in range(len(test)):
        sample = test[index]
        size = protocol.picture_size or protocol.synthesis_size
        image = resampled(sample.rgb, size, protocol.picture_resampling)[None]
        labels = protocol.label_size or (image.shape[2], image.shape[3])
        (predicted,) = predictor.predict([sample], image, [labels])
        truth = true_indices(sample.layout, labels, evaluated)
        found.append(class_counts(confusion_matrix(truth, predicted, evaluated.num_classes))[None])

    def counts() -> Iterator[NDArray[np.int64]]:
        return iter(found)

    return score_segmentation(counts, [item.name for item in evaluated.classes], protocol.mean_over)

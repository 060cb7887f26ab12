"""What an evaluation is made of: images, classes, segmenter and features, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import torch

from semsynth.classes import NO_CLASSES, ClassSet, builtin
from semsynth.data.folder import IMAGES, LABELS, DatasetFolder
from semsynth.data.listing import list_pictures
from semsynth.data.sample import IMAGE, INSTANCE, LABEL
from semsynth.data.shards.reading import ShardSplit
from semsynth.data.source import LabelledSamples, open_source
from semsynth.errors import SemsynthError
from semsynth.evaluation.feature_sets import BackboneFeatures
from semsynth.evaluation.features import (
    FeatureNetwork,
    Inception,
    SegmenterFeatures,
    VGGFeatures,
    random_features,
)
from semsynth.evaluation.pictures import bytes_digest, files_digest
from semsynth.evaluation.protocols.definition import FeatureName, Protocol, ResolvedProtocol, names_digest, standin
from semsynth.evaluation.segmenters.base import Segmenter
from semsynth.evaluation.segmenters.hugging_face import HuggingFaceSegmenter, bundled_segmenter_for, bundled_segmenters
from semsynth.evaluation.segmenters.loading import open_segmenter
from semsynth.models.backbones import BackboneName
from semsynth.synthesizer import choose_device

NO_FEATURES = "none"
"""Stands for a feature network where no distance between sets is wanted."""
NO_SEGMENTER = "none"
"""Stands for a segmenter where nobody labels pictures."""


def open_split(location: Path | str, split: str) -> LabelledSamples:
    """A split, of a dataset folder or of shards, with photos, and with instances where there are any.

    Raises:
        SemsynthError: no such split, an empty one, one without photos, or pictures as conditions.
    """
    source = open_source(location)
    if source.classes == NO_CLASSES:
        raise SemsynthError(
            f"{location} holds pictures as conditions: scores compare with label maps, which it has not"
        )
    kinds = source.kinds(split)
    if split in source.splits and IMAGE not in kinds:
        raise SemsynthError(f"{location}/{split} has no {IMAGES}/: scores need the real photos beside the layouts")
    samples = source.open(split, instances=INSTANCE in kinds)
    assert isinstance(samples, DatasetFolder | ShardSplit)  # others have no classes
    return samples


def has_instances(data: LabelledSamples) -> bool:
    """Whether the split has instance maps."""
    return INSTANCE in open_source(data.root).kinds(data.split)


def evaluated_indices(data: LabelledSamples, protocol: Protocol, limit: int | None = None) -> list[int]:
    """Numbers of the evaluated samples, in order.

    Raises:
        SemsynthError: the split has not the protocol's number of images, and no limit was asked for.
    """
    if limit is None and protocol.num_images not in (None, len(data)):
        raise SemsynthError(
            f"protocol {protocol.name} is over {protocol.num_images} images, {data.root}/{data.split} has {len(data)}: "
            f"take the whole split, or `limit={len(data)}` for numbers that compare with nobody's"
        )
    return list(range(len(data)))[:limit]


def evaluated_classes(protocol: Protocol, data: LabelledSamples) -> ClassSet:
    """The classes that predictions and truth are compared in."""
    return data.classes if protocol.evaluated_classes is None else builtin(protocol.evaluated_classes)


def find_segmenter(
    given: str | Path | Segmenter | None, mapping: str | None, evaluated: ClassSet, device: str = "auto"
) -> Segmenter:
    """The segmenter that was asked for, else the one that ships with the package for these classes.

    Args:
        given: a bundled one's class set, a folder, a Hugging Face id, or a segmenter, which is taken as it is.
        mapping: what its outputs mean: a mapping file, or the name of a built-in mapping.
        evaluated: the classes that it must know.
        device: where it runs.

    Raises:
        SemsynthError: there is none, or it cannot be loaded.
    """
    if given is not None and not isinstance(given, str | Path):
        return given
    given = given or bundled_segmenter_for(evaluated)
    if given is None:
        known = ", ".join(bundled_segmenters()) or "no class set"
        raise SemsynthError(
            f"no segmenter ships with the package for '{evaluated.name}' (only for {known}): give a "
            "`segmenter` or its `predictions`, train one (semsynth segmenter train), or measure distances alone with "
            f"`segmenter={NO_SEGMENTER}` and `features`"
        )
    return open_segmenter(given, mapping, device)


def find_judge(
    given: str | Path | Segmenter | None, mapping: str | None, evaluated: ClassSet, device: str = "auto"
) -> Segmenter | None:
    """The segmenter that scores pictures, as :func:`find_segmenter` finds it; None for ``none``.

    Raises:
        SemsynthError: there is none, it cannot be loaded, or ``none`` with a mapping.
    """
    if given != NO_SEGMENTER:
        return find_segmenter(given, mapping, evaluated, device)
    if mapping is not None:
        raise SemsynthError(f"`segmenter={NO_SEGMENTER}` has no outputs: leave `mapping` out")
    return None


def find_features(
    name: str, segmenter: Segmenter | None, weights: Path | None = None, device: torch.device | str = "cpu"
) -> FeatureNetwork | None:
    """The feature network called ``name``; None for ``none``.

    Args:
        name: one of :data:`~semsynth.evaluation.protocols.definition.FeatureName`, ``none``, or a file of the weights
            of EfficientNet-lite0, MobileNet v1, VGG-16 or shift-tolerant LPIPS.
        segmenter: whose encoder ``segmenter`` means.
        weights: file of the network's weights, for others than ``segmenter`` and ``random``.
        device: where it runs; ``auto`` as everywhere.

    Raises:
        SemsynthError: unknown, not installed, or its weights are missing.
    """
    if name == NO_FEATURES:
        return None
    device = choose_device(str(device))
    if name == "random":
        return random_features(device)
    if name == "inception":
        return Inception(weights, device)
    if name == "vgg19":
        if weights is None:
            raise SemsynthError("`features=vgg19` needs the file of its weights: give `feature_weights`")
        return VGGFeatures(weights, device)
    if name == "segmenter":
        if not isinstance(segmenter, HuggingFaceSegmenter):
            raise SemsynthError(
                "`features=segmenter` needs a segmenter: give one, or choose `features` that need none, as "
                "stlpips_alex, inception or random"
            )
        return SegmenterFeatures(segmenter)
    if name in get_args(BackboneName):
        return BackboneFeatures.load(cast(BackboneName, name), weights, device)
    if Path(name).is_file():
        return BackboneFeatures.from_file(Path(name), device)
    known = ", ".join(get_args(FeatureName))
    raise SemsynthError(f"there are no features '{name}': choose {known}, a file of weights, or {NO_FEATURES}")


def resolve(
    protocol: Protocol,
    data: LabelledSamples,
    indices: Sequence[int],
    evaluated: ClassSet,
    samples: int,
    segmenter: Segmenter | None,
    networks: tuple[FeatureNetwork | None, FeatureNetwork | None],
) -> ResolvedProtocol:
    """Write down everything that moves a score.

    Args:
        protocol: as its paper has it.
        data: the split.
        indices: the evaluated samples.
        evaluated: classes that are compared.
        samples: pictures per layout.
        segmenter: who predicts; None: the paper's own, whose predictions came as files.
        networks: features of distances between sets, and of diversity.
    """
    features, diversity = networks
    other_segmenter = protocol.segmenter is not None and segmenter is not None
    other_features = features is not None and features.name != protocol.features
    names = [data.names[i] for i in indices]
    return ResolvedProtocol(
        protocol=standin(protocol) if other_segmenter or other_features else protocol,
        classes=tuple(item.name for item in evaluated.classes),
        files=names_digest(names),
        num_images=len(names),
        samples=samples,
        segmenter=protocol.segmenter if segmenter is None else segmenter.name,
        segmenter_sha256=None if segmenter is None else segmenter.fingerprint,
        features=None if features is None else features.name,
        features_sha256=None if features is None else features.fingerprint,
        diversity_features=None if diversity is None else diversity.name,
        diversity_features_sha256=None if diversity is None else diversity.fingerprint,
        truth=_truth_digest(data, indices),
    )


def _truth_digest(data: LabelledSamples, indices: Sequence[int]) -> str:
    """SHA-256 of photos and label maps, as files: the same for a folder and its shards."""
    if isinstance(data, ShardSplit):
        return bytes_digest(data.stored(index, kind) for kind in (IMAGE, LABEL) for index in indices)
    files = [list_pictures(Path(data.root) / data.split / kind) for kind in (IMAGES, LABELS)]
    return files_digest([found[data.names[index]] for found in files for index in indices])

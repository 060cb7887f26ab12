"""What a protocol fixes, and when two results may be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from semsynth.config import Config
from semsynth.errors import SemsynthError
from semsynth.evaluation.metrics.confusion import MeanOver
from semsynth.layout import Size

STANDIN = "-standin"
"""Ends the name of a protocol whose segmenter or features are not the ones that it names."""

FeatureName = Literal[
    "inception", "segmenter", "random", "vgg19", "efficientnet_lite0", "mobilenet_v1", "vgg16", "stlpips_alex"
]
"""The feature networks that this package knows."""

Filter = Literal["nearest", "bilinear", "bicubic"]


class Resampling(Config):
    """How pictures change their size."""

    filter: Filter = "bicubic"
    """The kernel; bicubic is Pillow's (a = -0.5) where antialiased, torch's (a = -0.75) where not."""
    antialias: bool = True
    """Whether the kernel grows when pictures shrink."""
    quantised: bool = True
    """Whether the result is rounded to 8 bits."""


class Protocol(Config):
    """Everything that moves a score. Sizes are (height, width)."""

    name: str
    """``paper-year/dataset``; ends in ``-standin`` where another segmenter or other features score."""
    version: int = 1
    """Counts changes of this definition; results of two versions do not compare."""
    source: str
    """Where the definition comes from, and what of it is this package's own reading."""
    class_set: str | None
    """The class set that the dataset must have; None: any."""
    num_images: int | None
    """Images of the split; None: as many as it has."""
    split: str = "val"
    """The split whose layouts are synthesised."""
    evaluated_classes: str | None
    """Class set that predictions and truth are compared in, matched by class names; None: the dataset's own.
    Pixels of other classes are void."""
    synthesis_size: Size | None
    """Size of the layouts that models are given (nearest) and of their pictures; None: the files' own."""
    picture_size: Size | None
    """Size at which pictures, photos and predictions are compared; None: ``synthesis_size``."""
    segmenter_size: Size | None
    """Size of the pictures that the segmenter sees; None: ``picture_size``. Its scores, not its labels, are resized."""
    label_size: Size | None
    """Size of the truth (nearest) and of predictions (bilinear scores); None: ``picture_size``."""
    picture_resampling: Resampling = Resampling()
    """From a model's or a photo's size to ``picture_size``."""
    segmenter_resampling: Resampling = Resampling(filter="bilinear", antialias=False, quantised=False)
    """From ``picture_size`` to ``segmenter_size``."""
    void: Literal["ignored"] = "ignored"
    """Void pixels of the truth are not counted; predictions of classes that are not evaluated are wrong."""
    mean_over: MeanOver = "truth"
    """Classes that means count."""
    segmenter: str | None
    """The paper's segmenter; None: the one that is given or ships with the package for the class set."""
    features: FeatureName | None
    """The feature network of distances between sets; None: there is no such score."""
    real_set: Literal["the evaluated images' photos"] = "the evaluated images' photos"
    """What distances between sets compare with, at ``picture_size``."""
    diversity_features: FeatureName = "random"
    """The feature network of distances between pictures of one layout."""
    style_seed: int = 0
    """Styles and noise are drawn from this, the image's name and the sample's number."""
    distance_replicates: int = Field(100, ge=10)
    """Bootstrap replicates of distances between sets."""


class ResolvedProtocol(Config):
    """A protocol with what only a run knows: together they decide whether two results compare."""

    protocol: Protocol
    """Its name ends in ``-standin`` where it must."""
    classes: tuple[str, ...]
    """Names of the evaluated classes."""
    files: str
    """SHA-256 of the names of the evaluated images, in order."""
    num_images: int
    """Their number."""
    samples: int
    """Pictures per layout."""
    segmenter: str | None
    """Its name; None: predictions came as files."""
    segmenter_sha256: str | None
    """Fingerprint of its weights, configuration and mapping."""
    features: str | None
    """The feature network of distances between sets."""
    features_sha256: str | None
    """Fingerprint of its weights."""
    diversity_features: str | None
    """The feature network of diversity; None where there is one sample per layout."""
    diversity_features_sha256: str | None
    """Fingerprint of its weights."""
    truth: str
    """SHA-256 of the real images' photos and label maps, as files."""


def standin(protocol: Protocol) -> Protocol:
    """The same protocol under a name that says that something else scores."""
    name = protocol.name if protocol.name.endswith(STANDIN) else protocol.name + STANDIN
    return protocol.model_copy(update={"name": name})


def names_digest(names: Sequence[str]) -> str:
    """SHA-256 of a list of names."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def differences(first: Mapping[str, Any], second: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Where two protocols (as JSON objects) differ: lines ``key: one | other``."""
    found: list[str] = []
    for key in dict.fromkeys([*first, *second]):
        one, other = first.get(key), second.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            found += differences(one, other, f"{prefix}{key}.")
        elif one != other:
            found.append(f"{prefix}{key}: {_short(one)} | {_short(other)}")
    return found


def check_comparable(first: Mapping[str, Any], second: Mapping[str, Any]) -> None:
    """Make sure that two results' protocols are equal.

    Raises:
        SemsynthError: they are not; the message lists what differs.
    """
    found = differences(first, second)
    if found:
        raise SemsynthError(f"these results do not compare, their protocols differ in {'; '.join(found)}")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

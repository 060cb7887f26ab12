"""``report.json``: scores with intervals, the protocol that they stand for, and whatever else explains them."""

from __future__ import annotations

import math

from pydantic import Field

from semsynth.classes import ColorValue
from semsynth.config import Config
from semsynth.evaluation.protocols.definition import ResolvedProtocol
from semsynth.layout import Size

FORMAT = 1


class Score(Config):
    """A number and where it would lie with other images of the same kind."""

    value: float | None
    """None where it is not defined: a class that does not occur."""
    interval: tuple[float, float] | None = None
    """95 %, from a bootstrap over images."""

    def __float__(self) -> float:
        """The value; NaN where it is not defined."""
        return math.nan if self.value is None else self.value

    def __str__(self) -> str:
        """Value and interval with four decimals, or a dash."""
        return self.text()

    def text(self, digits: int = 4) -> str:
        """Value and interval with ``digits`` decimals, or a dash where the score is not defined."""
        if self.value is None:
            return "–"
        text = f"{self.value:.{digits}f}"
        if self.interval is None:
            return text
        low, high = (f"{end:.{digits}f}" for end in self.interval)
        return f"{text} [{low}, {high}]"


class SegmentationResult(Config):
    """How well predictions on pictures agree with the layouts, 0..1."""

    pixel_accuracy: Score
    mean_accuracy: Score
    mean_iou: Score
    class_iou: dict[str, Score]
    """By class name."""


class DistanceResult(Config):
    """How alike two sets of pictures are, by their features."""

    frechet_distance: Score
    """FID only where the features are Inception's; 0 for equal sets."""
    kernel_distance: Score
    """KID's unbiased estimate; around 0 for sets of one kind."""
    precision: Score | None = None
    """Share of synthesised pictures among real ones; None where there are too few images."""
    recall: Score | None = None
    """Share of real photos among synthesised ones."""
    density: Score | None = None
    """How densely synthesised pictures lie among real ones; may exceed 1."""
    coverage: Score | None = None
    """Share of real photos near which a synthesised one lies."""
    detectability: Score | None = None
    """Share of pictures and photos that a linear probe tells apart, fitted to those of other layouts: 0.5 at best."""


class NearestPhoto(Config):
    """A picture and the training photo that is most like it."""

    name: str
    """The picture's."""
    photo: str
    """The training photo's."""
    distance: float
    """Between them, over the mean distance of held-out photos from theirs."""


class MemorisationResult(Config):
    """Whether pictures lie nearer to training photos than the held-out photos do."""

    nearer: Score
    """How often a picture is nearer to its nearest training photo than a held-out photo to its own: 0.5 is equal."""
    distance: Score
    """Mean distance of the pictures from theirs over that of the held-out photos."""
    num_photos: int
    """Training photos."""
    nearest: tuple[NearestPhoto, ...]
    """The pictures that come nearest, the nearest first."""


class PhotoPair(NearestPhoto):
    """The same on the page of a set of pictures."""

    share_farther: float
    """Share of the held-out photos whose nearest training photo is farther away (equal ones count half), 0..1."""


class MemorisationRecord(Config):
    """``report.json`` of a set of pictures that was compared with training photos."""

    pictures: str
    """Where they are."""
    data: str
    """The data set with the photos."""
    split: str
    """Its split of held-out photos."""
    num_pictures: int
    num_photos: int
    """Training photos."""
    num_held_out: int
    """Held-out photos."""
    features: str
    """The feature network."""
    features_sha256: str
    """Fingerprint of its weights."""
    size: Size | None
    """(height, width) at which pictures and photos were compared; None: their own."""
    nearer: Score
    """How often a picture is nearer to its nearest training photo than a held-out photo to its own: 0.5 is equal."""
    distance: Score
    """Mean distance of the pictures from theirs over that of the held-out photos."""
    nearer_than_all: int
    """Pictures that are nearer to a training photo than every held-out photo is."""
    bin_width: float
    """Of the histograms, whose first step begins at 0; 1 is the mean distance of the held-out photos."""
    histogram: tuple[int, ...]
    """Pictures by the distance of their nearest training photo."""
    histogram_held_out: tuple[int, ...]
    """Held-out photos by that of theirs."""
    nearest: tuple[PhotoPair, ...]
    """The pictures that come nearest, the nearest first."""
    nearest_held_out: tuple[PhotoPair, ...]
    """The held-out photos that come nearest, the nearest first."""


class StyleResult(Config):
    """What different styles do to one layout."""

    diversity: Score
    """Mean perceptual distance of two samples of a layout."""
    photos: Score
    """The same between photos of different layouts: what diversity is measured by."""
    mean_iou: tuple[float, ...]
    """Of every sample number over all layouts: their range is the style's influence on the score. Empty without a
    segmenter."""


class UsefulnessResult(Config):
    """Train on synthesised photos, test on real ones."""

    steps: int
    """Optimiser steps of both segmenters."""
    synthetic: SegmentationResult
    """Of the segmenter trained on synthesised photos of the training layouts, on real validation photos."""
    real: SegmentationResult
    """Of the one trained on the real training photos."""


class ImageResult(Config):
    """One image's scores, at its own classes."""

    name: str
    mean_iou: float
    pixel_accuracy: float


class Subject(Config):
    """Whose pictures were evaluated."""

    name: str
    """The model's or the folder's."""
    fingerprint: str
    """SHA-256 of the model's configuration (which holds its weights' checksums) or of all pictures."""
    precision: str = ""
    """Arithmetic of the synthesis."""


class ReportRecord(Config):
    """``report.json``."""

    format: int = FORMAT
    """Version of this file's format."""
    protocol: ResolvedProtocol
    """How it was measured; only reports of equal protocols compare."""
    subject: Subject
    """What was measured."""
    segmentation: SegmentationResult | None
    """Of the pictures; None where no segmenter labelled them."""
    oracle: SegmentationResult | None
    """Of the real photos: what the segmenter makes of them."""
    segmenter_data: str = ""
    """What the segmenter was trained on, as its card says."""
    distances: DistanceResult | None
    """Between pictures and real photos."""
    real_halves: DistanceResult | None
    """Between the odd and the even real photos: what is left for equal kinds and half as many images."""
    memorisation: MemorisationResult | None = None
    """Where it was asked for."""
    styles: StyleResult | None = None
    """With several samples per layout."""
    usefulness: UsefulnessResult | None = None
    """Where it was asked for."""
    worst: tuple[ImageResult, ...]
    """Images with the lowest mean IoU, the lowest first."""
    best: tuple[ImageResult, ...]
    """Images with the highest, the highest first."""
    examples: tuple[str, ...] = ()
    """Images shown where nothing says which are worst and best: no segmenter labelled them."""
    warnings: tuple[str, ...]
    """What keeps these numbers from meaning what they seem to."""
    versions: dict[str, str]
    """Of the packages that compute."""
    colors: dict[str, tuple[ColorValue, ColorValue, ColorValue]] = Field(default_factory=dict)
    """Class name -> RGB, 0..255, of the label maps among the report's pictures."""
    device: str
    """What it ran on."""
    created: str
    """ISO 8601 time."""
    seconds: float = Field(ge=0)
    """Time of the last session."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Names of the images whose pictures belong to the report."""
        return tuple(dict.fromkeys((*(image.name for image in (*self.worst, *self.best)), *self.examples)))

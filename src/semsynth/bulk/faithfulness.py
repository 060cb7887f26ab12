"""Faithfulness of pictures in bulk synthesis: the rule of a job, the record in the manifest, and what void becomes.

The judge itself, a segmenter, is passed in: every worker opens its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from semsynth.classes import VOID
from semsynth.config import Config
from semsynth.layout import Layout
from semsynth.layout.instances import instances_from_components

DIGITS = 4
"""Decimals of scores in the manifest; the rounded score is what a minimum is compared with."""


class PictureScore(Protocol):
    """What a judge says of a picture."""

    @property
    def mean_iou(self) -> float | None:
        """0..1; None where the label map is void everywhere."""

    @property
    def class_iou(self) -> Mapping[str, float]:
        """Class name -> 0..1, of the classes that the label map holds."""

    @property
    def seen(self) -> NDArray[np.uint16]:
        """[H,W]: ids of the label map's classes; ``VOID`` where none of them is seen."""


Judge = Callable[[NDArray[np.uint8], Layout], PictureScore]
"""Scores a picture [h,w,3] against its layout."""
OpenJudge = Callable[[str], Judge]
"""Opens a judge on a device that torch knows by name; is sent to other processes."""


class FaithfulnessRule(Config):
    """Who scores the pictures of a job, and which of them it keeps."""

    segmenter: str
    """A bundled segmenter's class set, an absolute path, or a Hugging Face id."""
    segmenter_sha256: str
    """Its fingerprint: of weights, configuration and mapping."""
    mapping: str | None = None
    """What its outputs mean: a built-in mapping's name or an absolute path; None: as its folder says."""
    min_faithfulness: float | None = Field(None, ge=0, le=1)
    """The mean IoU that a picture needs to be kept; None: all are kept."""
    tries: int = Field(1, ge=1, le=1000)
    """Pictures that are made, with other seeds, until one reaches the minimum."""
    ignore_below: float | None = Field(None, gt=0, le=1)
    """Regions seen on a smaller share of their pixels become void in the label map that is written; None: none do."""

    def holds(self, mean_iou: float | None) -> bool:
        """Whether a picture is kept; one without a score counts as 0."""
        return self.min_faithfulness is None or (mean_iou or 0.0) >= self.min_faithfulness


class Faithfulness(Config):
    """The score of a picture, in its line of the manifest."""

    mean_iou: float | None
    """Mean of ``class_iou``, 0..1; None where the label map is void everywhere."""
    class_iou: dict[str, float]
    """Class name -> intersection over union, 0..1, of the classes that the label map holds."""
    tries: int
    """Pictures that were made of the layout for this one."""
    chosen: int
    """Which of them this is, from 0: the first that reached the minimum, else the best."""
    kept: bool
    """Whether it was written; one that did not reach the minimum is not."""
    ignored: float
    """Share of the labelled pixels that became void in the label map beside the picture."""


def rounded(mean_iou: float | None) -> float | None:
    """A score as the manifest holds it."""
    return None if mean_iou is None else round(mean_iou, DIGITS)


def unseen_regions(layout: Layout, seen: NDArray[np.uint16], share: float) -> NDArray[np.bool_]:
    """Where a layout's regions are seen on less than ``share`` of their pixels.

    Args:
        layout: its objects are the regions where it has instances, else the connected components of its classes.
        seen: [H,W], the class ids that a segmenter sees.
        share: 0..1.

    Returns:
        [H,W], true on all pixels of such regions; never on void.
    """
    numbered = layout if layout.instances is not None else instances_from_components(layout)
    assert numbered.instances is not None
    keys = (numbered.instances.astype(np.int64) << 16) | layout.labels
    regions = np.unique(keys, return_inverse=True)[1].ravel()  # [H*W]
    pixels = np.bincount(regions)
    right = np.bincount(regions, (seen == layout.labels).ravel())
    unseen: NDArray[np.bool_] = (right < share * pixels)[regions].reshape(layout.size) & (layout.labels != VOID)
    return unseen

"""From a segmenter's scores to label maps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.evaluation.segmenters.base import Segmenter
from semsynth.layout import Size

_MAX_VALUES = 2**27
"""Upsampled scores held at a time: rows beyond that wait (182 classes at 2048x1024 would be 1.5 GB)."""


@dataclass(frozen=True, eq=False)
class Labels:
    """What a segmenter sees in N photographs.

    Attributes:
        index: [N,H,W] int64 on the CPU, class indices of the segmenter's classes.
        confidence: [N,H,W] float32 on the CPU, probability of that class, 0..1.
    """

    index: Tensor
    confidence: Tensor


def label_images(segmenter: Segmenter, images: Tensor, size: Size | None = None) -> Labels:
    """Label photographs; scores are upsampled bilinearly before the best is chosen.

    Args:
        segmenter: who labels.
        images: [N,3,H,W] in [-1,1].
        size: (height, width) of the maps; None: that of the images.
    """
    height, width = size or (images.shape[2], images.shape[3])
    logits = segmenter.logits(images)
    # An image at a time: then nobody's labels depend on who else is in the batch's memory limit.
    parts = [_upsampled(one[None], (height, width)) for one in logits]
    return Labels(torch.cat([index for index, _ in parts]), torch.cat([confidence for _, confidence in parts]))


def _upsampled(logits: Tensor, size: Size) -> tuple[Tensor, Tensor]:
    """[1,K,h,w] -> index and confidence [1,H,W]."""
    classes = max(1, min(logits.shape[1], _MAX_VALUES // (size[0] * size[1])))
    best = torch.full((1, *size), -torch.inf, device=logits.device)
    index = torch.zeros((1, *size), dtype=torch.int64, device=logits.device)
    total = torch.zeros((1, *size), device=logits.device)
    peak = logits.amax()
    for first in range(0, logits.shape[1], classes):
        part = F.interpolate(logits[:, first : first + classes], size=size, mode="bilinear", align_corners=False)
        value, where = part.max(1)
        index = torch.where(value > best, where + first, index)
        best = torch.maximum(best, value)
        total += (part - peak).exp_().sum(1)
    confidence = (best - peak).exp() / total.clamp_min(1e-30)
    return index.cpu(), confidence.cpu()

"""Whether a segmentation network finds the layout in a picture: pixelwise cross-entropy.

Chen and Koltun, "Photographic Image Synthesis with Cascaded Refinement Networks", ICCV 2017, section 4, "GAN and
semantic segmentation".
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.layout import Level
from semsynth.losses.distance import at_least_single

IGNORED = -1
"""The target of pixels without a class."""


def class_indices(level: Level) -> Tensor:
    """[N,h,w] int64: the class of each pixel by its position in the class set; :data:`IGNORED` where there is none."""
    encoding = level.encoding
    labels = level.symbols // 2 if encoding.edges else level.symbols
    classes = labels.long() - int(encoding.void == "before")
    return torch.where((classes >= 0) & (classes < encoding.num_classes), classes, IGNORED)


def segmentation_loss(logits: Tensor, layout: Level) -> Tensor:
    """Cross-entropy of the softmax against the layout's classes.

    Each picture's mean over its pixels with a class, then the mean over the pictures.

    Args:
        logits: [N,K,h,w], class indices in the order of the class set; enlarged bilinearly where they are smaller.
        layout: N layouts of H x W.

    Returns:
        A scalar; pictures without any class count as 0.
    """
    logits = at_least_single(logits)
    if logits.shape[2:] != layout.size:
        logits = F.interpolate(logits, layout.size, mode="bilinear", align_corners=False)  # [N,K,H,W]
    targets = class_indices(layout)
    each = F.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="none")  # [N,H,W], 0 where ignored
    counts = (targets != IGNORED).sum((1, 2)).clamp_min(1)
    return (each.sum((1, 2)) / counts).mean()

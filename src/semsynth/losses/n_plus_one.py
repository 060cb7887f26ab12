"""Segmentation into the classes and "fake" as an adversarial loss, and LabelMix.

Schönfeld et al., "You Only Need Adversarial Supervision for Semantic Image Synthesis", ICLR 2021: section 3.1
(equation 1), section 3.2 (LabelMix); official ``models/losses.py`` where it differs, see docs/recipes/oasis.md.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from semsynth.layout import LayoutEncoding, Level
from semsynth.losses.distance import at_least_single

LabelMixKind = Literal["independent", "official", "none"]
"""Coins for every class of every image; the code's, one for every class of the batch, see :func:`draw_coins`; or none.
"""

FAKE = 0
"""The logits' first channel; channel c of the layout is number c + 1."""

_IGNORED = -1


def class_weights(level: Level, dtype: torch.dtype = torch.float32) -> Tensor:
    """What a pixel of each class counts, so that all classes that are there count alike.

    With n_c pixels of class c, K classes that have any and M pixels, of all images together, it is M / (K n_c): the
    weighted mean over the M pixels is the mean over classes of the classes' means. Void, which no network can know,
    counts 0 and is no class (official code).

    Returns:
        [1+C], for C channels; the first, "fake", is 0.
    """
    encoding = level.encoding
    labels = _labels(level).flatten().long()
    counts = labels.new_zeros(encoding.num_labels + 1)  # bincount would make a GPU wait for the largest label
    counts = counts.scatter_add_(0, labels, labels.new_ones(1).expand_as(labels))[:-1].to(dtype)
    void = _void_channel(encoding)
    if void is not None:
        counts[void] = 0
    present = (counts > 0).sum()
    weights = torch.where(counts > 0, level.num_pixels / (present * counts).clamp_min(1), 0.0)
    return F.pad(weights, (1, 0))


def judged_as_classes(logits: Tensor, level: Level, balanced: bool = True) -> Tensor:
    """Cross-entropy of pixels against their own classes: of photos the discriminator's, of fakes the generator's aim.

    Args:
        logits: [N,1+C,h,w].
        level: N layouts of h x w on C channels.
        balanced: whether classes count alike; else pixels do, those of a channel for void, too (official option).

    Returns:
        A scalar: the sum over pixels by all their number, whatever they count; 0 if all are void.
    """
    logits = at_least_single(logits)
    weights = class_weights(level, logits.dtype) if balanced else None
    labels = _labels(level).long()
    targets = torch.where(labels == level.encoding.num_labels, _IGNORED, labels + 1)
    total = F.cross_entropy(logits, targets, weights, ignore_index=_IGNORED, reduction="sum")
    return total / level.num_pixels


def judged_as_fake(logits: Tensor) -> Tensor:
    """Mean cross-entropy of all pixels [N,1+C,h,w] against "fake"."""
    logits = at_least_single(logits)
    return F.cross_entropy(logits, torch.full_like(logits[:, 0], FAKE, dtype=torch.int64))


def draw_coins(level: Level, kind: LabelMixKind) -> Tensor:
    """Whether each class comes from the photo, by fair coins.

    Returns:
        [N,C+1] bool, by channel; the last is for pixels without any.
    """
    encoding, images = level.encoding, 1 if kind == "official" else len(level.symbols)
    coins = torch.randint(0, 2, (images, encoding.num_labels + 1), device=level.symbols.device) == 1
    return official_coins(coins, level) if kind == "official" else coins


def official_coins(coins: Tensor, level: Level) -> Tensor:
    """What the official code makes of its coins [1,C+1], one for each class in all images: [1,C+1].

    It writes them into the map that it tests: where the first class, usually void, won, it is taken for the second
    one and has to win that coin, too, if the second class is in the batch.
    """
    second_is_there = (_labels(level) == 1).any()
    first = coins[:, :1] & (coins[:, 1:2] | ~second_is_there)
    return torch.cat([first, coins[:, 1:]], 1)


def label_mix_mask(level: Level, coins: Tensor) -> Tensor:
    """[N,1,h,w] float32, 1 where the photo shows: each pixel gets its class's coin of [N or 1,C+1]."""
    labels = _labels(level).long().flatten(1)  # [N,h*w]
    return coins.expand(len(labels), -1).gather(1, labels).view(len(labels), 1, *level.size).float()


def label_mix(mask: Tensor, of_real: Tensor, of_fake: Tensor) -> Tensor:
    """Pixels, or logits, of the real side where ``mask`` [N,1,h,w] is 1, else of the fake side."""
    return mask * of_real + (1 - mask) * of_fake


def label_mix_consistency(mask: Tensor, of_real: Tensor, of_fake: Tensor, of_mixed: Tensor) -> Tensor:
    """Mean squared difference of the mixture of two pictures' logits and the logits of their mixture, [N,1+C,h,w]."""
    mixed = label_mix(mask, at_least_single(of_real), at_least_single(of_fake))
    return F.mse_loss(mixed, at_least_single(of_mixed))


def _labels(level: Level) -> Tensor:
    """[N,h,w]: the label channel of each pixel; ``num_labels`` where there is none."""
    return level.symbols // 2 if level.encoding.edges else level.symbols


def _void_channel(encoding: LayoutEncoding) -> int | None:
    return {"none": None, "before": 0, "after": encoding.num_classes}[encoding.void]

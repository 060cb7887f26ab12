"""What evaluation asks of a segmenter."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from semsynth.classes import ClassSet


class Segmenter(Protocol):
    """Labels photographs. Any object with these members will do; it need not come from this package."""

    name: str
    """What people call it."""
    fingerprint: str
    """SHA-256 of its weights, or anything else that changes whenever its answers could."""
    classes: ClassSet
    """What it can predict."""
    trained_on: str
    """Its training data, for reports; empty where that is not known."""
    device: torch.device
    """Where it runs."""

    def logits(self, images: Tensor) -> Tensor:
        """Score the classes at every pixel.

        Args:
            images: [N,3,H,W] float32 in [-1,1], on the CPU or on the segmenter's device.

        Returns:
            [N,K,h,w] float32, channel = class index; any resolution, upsampled by who asks.
        """
        ...

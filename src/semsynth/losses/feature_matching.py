"""Feature matching: the discriminator should see the same features in both images (pix2pixHD, equation 4)."""

from __future__ import annotations

import torch
from torch import Tensor

from semsynth.losses.adversarial import ScaleOutputs
from semsynth.losses.distance import mean_absolute_difference


def feature_matching_loss(fake: ScaleOutputs, real: ScaleOutputs) -> Tensor:
    """Mean absolute differences of all outputs but the logits, summed over layers, averaged over scales.

    Unweighted; the real features are constants. SPADE's normalisation (official pix2pix_model.py), which
    is pix2pixHD's, too, at its default of three layers.

    Args:
        fake: the discriminator's outputs for generated images, logits last in each scale.
        real: the same for photographs.

    Returns:
        A scalar.
    """
    terms = [
        mean_absolute_difference(of_fake, of_real.detach())
        for fake_scale, real_scale in zip(fake, real, strict=True)
        for of_fake, of_real in zip(fake_scale[:-1], real_scale[:-1], strict=True)
    ]
    return torch.stack(terms).sum() / len(fake)

"""Frozen networks that features come from: for a discriminator, for losses and for scores."""

from __future__ import annotations

from semsynth.models.backbones.base import Backbone, BackboneName, Tap
from semsynth.models.backbones.loading import load_backbone, recognised

__all__ = ["Backbone", "BackboneName", "Tap", "load_backbone", "recognised"]

"""Models for other people: what stands on a model's page on the Hugging Face hub, and how it gets there.

The way back, ``semsynth.load("user/name")``, is :mod:`semsynth.checkpoint.hub_cache`.
"""

from __future__ import annotations

from semsynth.hub.card import model_page
from semsynth.hub.pushing import example_layouts, push_model

__all__ = ["example_layouts", "model_page", "push_model"]

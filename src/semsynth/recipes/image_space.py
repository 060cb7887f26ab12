"""Image-space loss, a baseline of Chen and Koltun (CRN, ICCV 2017, section 4, equation 4).

The cascade of ``recipes/crn.py`` with "only the first layer (image color) in the loss":  L = lambda_0 ||I - g(L)||_1.
Network, optimiser, data and schedule stay, so that nothing but the loss differs; no perceptual network is needed.

Differences and choices:

- *lambda_0*: automatic weights have nothing to balance with one term; it is 1, and the term a mean over the picture's
  numbers, as the first of the cascade's. Adam is indifferent to such factors.
"""

from __future__ import annotations

from collections.abc import Callable

from semsynth.classes import ClassSet
from semsynth.recipes.crn import CRNConfig, CRNRecipe
from semsynth.recipes.crn_presets import PRESETS as CRN_PRESETS
from semsynth.recipes.system import System


def _default(classes: ClassSet, instances: bool) -> CRNConfig:
    """The cascade for 256 x 512."""
    return _pixels_alone("default", classes)


def _small(classes: ClassSet, instances: bool) -> CRNConfig:
    """For a few hundred photos and two CPU cores: the cascade's small preset."""
    return _pixels_alone("small", classes)


def _pixels_alone(preset: str, classes: ClassSet) -> CRNConfig:
    config = CRN_PRESETS[preset](classes, False)
    return config.model_copy(update={"loss": config.loss.model_copy(update={"kind": "image_space"})})


PRESETS: dict[str, Callable[[ClassSet, bool], CRNConfig]] = {"default": _default, "small": _small}

IMAGE_SPACE_SYSTEM = System(CRNConfig, PRESETS, CRNRecipe)

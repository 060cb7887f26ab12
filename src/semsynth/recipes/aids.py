"""Aids for small datasets that stand in no paper: a recipe's own equations are read without them.

An aided recipe gives its paper's two phases to :meth:`AidedRecipe.aided`, which adds the terms that the configuration
asks for, and lets its discriminator judge what :meth:`AidedRecipe.shown` makes of pictures. Two more aids belong to the
generator itself: ``generator.noise_injection`` and ``generator.frozen_statistics``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace

from pydantic import Field
from torch import Tensor

from semsynth.config import Config
from semsynth.data.sample import Batch
from semsynth.losses.augmentation import Augmentation, augment_together, crop_together
from semsynth.losses.distance import mean_absolute_difference
from semsynth.losses.gradient_penalty import GradientPenalty, squared_gradient
from semsynth.losses.perceptual import PerceptualLoss
from semsynth.recipes.base import Networks, Phase, Recipe, RecipeConfig, Step, Terms


class AidedConfig(RecipeConfig):
    """Base of the configurations of recipes with aids."""

    augmentation: Augmentation = Augmentation()
    """Differentiable augmentation of what the discriminator sees."""
    gradient_penalty: GradientPenalty = GradientPenalty()
    """R1 on what the discriminator says of photos."""


class PerceptualCrop(Config):
    """A field for recipes whose perceptual term may look at a part of the picture."""

    perceptual_crop: int | None = Field(None, ge=1)
    """Side of a random square, in pixels, that the perceptual term looks at; None: everything (saves CPU time)."""


class PixelTerm(Config):
    """A field for objectives that may compare the colours of pixels."""

    pixels: float = Field(0.0, ge=0)
    """Weight of the mean absolute difference of the pictures in [-1,1]: teaches a style encoder the colours, which
    instance-normalised discriminators and VGG-19 hardly see."""


class AidedRecipe(Recipe):
    """Base of recipes with aids."""

    config: AidedConfig

    @abstractmethod
    def scores(self, batch: Batch, images: Tensor) -> Tensor:
        """[N]: what the discriminator says of each of the images [N,3,H,W] under its layout, for the gradient penalty.

        Its network is the one in :attr:`networks`: what trainers wrap around it expects one backward pass.
        """

    def aided(self, generator: Phase, discriminator: Phase, pixels: float = 0.0) -> tuple[Phase, Phase]:
        """Add to the paper's phases what the configuration asks for.

        Args:
            generator: leaves its pictures in the step.
            discriminator: the other phase.
            pixels: weight of the pixel term; 0 leaves it out.
        """
        if pixels:
            generator = _extended(generator, self._pixels, {"pixels": pixels})
        penalty = self.config.gradient_penalty
        if penalty.weight:
            discriminator = _extended(discriminator, self._penalty, {"gradient_penalty": penalty.factor})
        return generator, discriminator

    def shown(self, *images: Tensor) -> tuple[Tensor, ...]:
        """What the discriminator sees of batches [N,3,H,W], the n-th picture of each changed alike."""
        return augment_together(self.config.augmentation, *images)

    def _pixels(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        assert step.fake is not None
        return {"pixels": mean_absolute_difference(step.fake, batch.image)}

    def _penalty(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Only in some steps."""
        if not self.config.gradient_penalty.due(step.number):
            return {}
        photos = batch.image.detach().requires_grad_()
        (seen,) = self.shown(photos)
        return {"gradient_penalty": squared_gradient(self.scores(batch, seen), photos)}


def cropped(perceptual: PerceptualLoss | None, side: int | None) -> Callable[[Tensor, Tensor], Tensor] | None:
    """The perceptual loss of a random square of so many pixels, at the same place in both pictures; None: of all."""
    if perceptual is None or side is None:
        return perceptual
    return lambda fake, real: perceptual(*crop_together(side, fake, real))


def _extended(phase: Phase, more: Callable[[Networks, Batch, Step], Terms], weights: Mapping[str, float]) -> Phase:
    """A phase with terms after its own."""

    def terms(networks: Networks, batch: Batch, step: Step) -> Terms:
        return phase.terms(networks, batch, step) | more(networks, batch, step)

    return replace(phase, terms=terms, weights={**phase.weights, **weights})

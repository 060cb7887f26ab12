"""Aids for small datasets that stand in no paper: a recipe's own equations are read without them.

An aided recipe gives its paper's phases to :meth:`AidedRecipe.aided`, which adds the terms and networks that the
configuration asks for, and lets its own discriminator judge what :meth:`AidedRecipe.shown` makes of pictures. Two more
aids belong to the generator itself: ``generator.noise_injection`` and ``generator.frozen_statistics``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from semsynth.config import Config
from semsynth.data.sample import Batch
from semsynth.errors import SemsynthError
from semsynth.losses.adversarial import discriminator_loss, generator_loss
from semsynth.losses.augmentation import Augmentation, augment_together, augment_with_layout, crop_together
from semsynth.losses.distance import at_least_single, mean_absolute_difference
from semsynth.losses.gradient_penalty import GradientPenalty, squared_gradient
from semsynth.losses.perceptual import Perceptual, PerceptualInput, PerceptualNetwork, load_perceptual_loss
from semsynth.models.backbones import Backbone, load_backbone
from semsynth.models.feature_discriminator import FeatureDiscriminator, FeatureDiscriminatorConfig
from semsynth.models.generator import GeneratorConfig, LayoutGenerator
from semsynth.recipes.base import Adam, Networks, Phase, Recipe, RecipeConfig, Step, Terms
from semsynth.recipes.growth import Fading

FEATURES = "feature_discriminator"
"""Name of the network and of its phase."""


class FeatureAdversary(FeatureDiscriminatorConfig):
    """A discriminator on the features of a frozen network, beside a recipe's own one or in its place.

    Sauer et al., "Projected GANs Converge Faster", NeurIPS 2021: hinge loss, Adam, differentiable augmentation.
    """

    weight: float = Field(1.0, gt=0, le=1e6)
    """Of the adversarial term that the generator gets from it."""
    warm_up_images: int = Field(0, ge=0, le=10**12)
    """Images in which this weight rises from 0: the discriminator has learnt something by then."""
    discriminator_weight: float = Field(0.5, ge=0, le=1e6)
    """Factor on the adversarial term of the recipe's own discriminator; 0 leaves that discriminator out, and with it
    the matching of its features."""
    augmentation: Augmentation = Augmentation(color=0.5, cutout=1 / 3, translation=1 / 8)
    """Of what it sees, the layouts moved with the pictures."""
    optimizer: Adam = Adam(lr=4e-4, beta1=0.0, beta2=0.99)


class AidedConfig(RecipeConfig, ABC):
    """Base of the configurations of recipes with aids."""

    augmentation: Augmentation = Augmentation()
    """Differentiable augmentation of what the recipe's own discriminator sees."""
    gradient_penalty: GradientPenalty = GradientPenalty()
    """R1 on what the recipe's own discriminator says of photos."""
    feature_discriminator: FeatureAdversary | None = None
    """A discriminator on frozen features; None: there is none."""
    fade_in_images: int = Field(0, ge=0, le=10**12)
    """Images in which enlarged pictures of half the size give way to those of this size, for a run that starts from one
    of half the size (Karras et al., "Progressive Growing of GANs", ICLR 2018); 0: at once."""

    @property
    @abstractmethod
    def condition_channels(self) -> int:
        """Channels of the layouts, or of the images that take their place."""

    @property
    def has_own_discriminator(self) -> bool:
        """Whether the paper's discriminator takes part."""
        return self.feature_discriminator is None or self.feature_discriminator.discriminator_weight > 0

    def load_networks(self, perceptual_weights: Path | None, feature_weights: Path | None) -> dict[str, Any]:
        """The network of the feature discriminator, as ``backbone``."""
        feature = self.feature_discriminator
        if feature is None and feature_weights is not None:
            raise SemsynthError(
                f"{feature_weights}: the recipe has no feature discriminator: set feature_discriminator={{}}, or leave "
                "the file out"
            )
        if feature_weights is not None and not feature_weights.is_file():
            raise SemsynthError(
                f"{feature_weights} is missing, the network of the feature discriminator: say where "
                "it is now with `feature_weights`"
            )
        return {"backbone": feature and load_backbone(feature.backbone, feature_weights, feature.strides)}

    @model_validator(mode="after")
    def _aids_fit(self) -> Self:
        if self.augmentation.translation:
            raise ValueError(
                "augmentation.translation would move pictures away from the layouts that the discriminator reads: set "
                "it to 0 (feature_discriminator.augmentation.translation moves both)"
            )
        generator = getattr(self, "generator", None)
        if self.fade_in_images and (not isinstance(generator, GeneratorConfig) or generator.half_size is None):
            raise ValueError(
                "fade_in_images: no generator of half the size has the weights of this one (spade has one with "
                "generator.upsamplings=6, oasis where crop_size is a multiple of 64): set it to 0"
            )
        if self.gradient_penalty.weight and not self.has_own_discriminator:
            raise ValueError(
                "gradient_penalty.weight is of the discriminator that feature_discriminator.discriminator_weight=0 "
                "leaves out: set one of them"
            )
        return self


class PerceptualCrop(Config):
    """A field for recipes whose perceptual term may look at a part of the picture."""

    perceptual_crop: int | None = Field(None, ge=1, le=2**14)
    """Side of a random square, in pixels, that the perceptual term looks at; None: everything (saves CPU time)."""


class PerceptualTerm(Config):
    """Fields for objectives with a perceptual term."""

    perceptual: float = Field(0.0, ge=0, le=1e6)
    """Weight of the term; 0 leaves it out."""
    perceptual_input: PerceptualInput = "as_trained"
    """What a VGG network is fed: its own input convention, or [-1,1] straight in as the official codes do."""
    perceptual_network: PerceptualNetwork = "vgg19"
    """What the term compares pictures by: VGG-19 as in the papers, VGG-16 or shift-tolerant LPIPS."""

    def load_perceptual(self, weights: Path | None) -> Perceptual | None:
        """The network of the term, as :func:`~semsynth.losses.perceptual.load_perceptual_loss`."""
        return load_perceptual_loss(self.perceptual, weights, self.perceptual_input, self.perceptual_network)


class PixelTerm(Config):
    """A field for objectives that may compare the colours of pixels."""

    pixels: float = Field(0.0, ge=0, le=1e6)
    """Weight of the mean absolute difference of the pictures in [-1,1]: teaches a style encoder the colours, which
    instance-normalised discriminators and VGG-19 hardly see."""


class AidedRecipe(Recipe):
    """Base of recipes with aids: the paper's phases are called ``generator`` and ``discriminator``."""

    config: AidedConfig

    @abstractmethod
    def scores(self, batch: Batch, images: Tensor) -> Tensor:
        """[N]: what the discriminator says of each of the images [N,3,H,W] under its layout, for the gradient penalty.

        Its network is the one in :attr:`networks`: what trainers wrap around it expects one backward pass.
        """

    def synthesize(self, networks: Networks, batch: Batch) -> Tensor:
        """[N,3,H,W]: pictures as the generator's phase makes them."""
        return self.generate(networks, batch)

    def fakes(self, networks: Networks, batch: Batch, step: Step) -> Tensor:
        """[N,3,H,W], a constant: the pictures that a phase of this step has made, or else the generator's now."""
        if step.fake is None:
            with torch.no_grad():
                step.fake = self.synthesize(networks, batch)
        return step.fake.detach()

    def shown(self, *images: Tensor) -> tuple[Tensor, ...]:
        """What the discriminator sees of batches [N,3,H,W], the n-th picture of each changed alike."""
        return augment_together(self.config.augmentation, *images)

    def aided(self, *phases: Phase, backbone: Backbone | None = None, pixels: float = 0.0) -> tuple[Phase, ...]:
        """Add to the paper's phases, and to :attr:`networks`, what the configuration asks for.

        Args:
            phases: the paper's, in order. That of the generator leaves its pictures in the step, and has no adversarial
                term where there is no network ``discriminator``.
            backbone: of the feature discriminator, where the configuration has one.
            pixels: weight of the pixel term; 0 leaves it out.
        """
        return tuple(self._faded(phase) for phase in self._with_aids(phases, backbone, pixels))

    def _with_aids(self, phases: tuple[Phase, ...], backbone: Backbone | None, pixels: float) -> tuple[Phase, ...]:
        phases = tuple(self._aided(phase, pixels) for phase in phases)
        feature = self.config.feature_discriminator
        if feature is None:
            return phases
        if backbone is None:
            raise ValueError("a feature discriminator needs its backbone")
        self.networks[FEATURES] = FeatureDiscriminator(feature, self.config.condition_channels, backbone)
        if not self.config.has_own_discriminator:
            self.networks.pop("discriminator", None)
            phases = tuple(phase for phase in phases if phase.name != "discriminator")
        begins = next(phase.begins for phase in phases if phase.name == "generator")
        weights = {"fake": 1.0, "real": 1.0}
        return *phases, Phase(FEATURES, (FEATURES,), self._feature_terms, weights, feature.optimizer, begins=begins)

    def _aided(self, phase: Phase, pixels: float) -> Phase:
        penalty, feature = self.config.gradient_penalty, self.config.feature_discriminator
        if phase.name == "discriminator" and penalty.weight:
            return _extended(phase, self._penalty, {"gradient_penalty": penalty.factor})
        if phase.name != "generator":
            return phase
        if pixels:
            phase = _extended(phase, self._pixels, {"pixels": pixels})
        if feature is None:
            return phase
        weights = {
            "adversarial": phase.weights["adversarial"] * feature.discriminator_weight,
            "feature_adversarial": feature.weight,
        }
        steps = math.ceil(feature.warm_up_images / self.config.training.batch_size)
        extended = _extended(phase, self._feature_adversarial, weights)
        return replace(extended, warm_up={"feature_adversarial": steps})

    def _faded(self, phase: Phase) -> Phase:
        """The phase with photos and pictures of the generator that fade in, where they do."""
        steps = math.ceil(self.config.fade_in_images / self.config.training.batch_size)
        if not steps:
            return phase
        generator = self.networks["generator"]
        assert isinstance(generator, LayoutGenerator)
        fading = Fading(generator.at_half_size(), steps)
        return replace(phase, terms=lambda *of: phase.terms(*fading(*of)))

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

    def _feature_adversarial(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """What the generator minimises: minus the mean logit of its pictures."""
        assert step.fake is not None
        (judged,) = self._judge_features(networks, batch, step.fake)
        return {"feature_adversarial": generator_loss("hinge", judged)}

    def _feature_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over the feature discriminator D:  E[max(0, 1 - D(photo))] + E[max(0, 1 + D(fake))]."""
        fake, real = self._judge_features(networks, batch, self.fakes(networks, batch, step), batch.image)
        return {
            "fake": discriminator_loss("hinge", fake, real=False),
            "real": discriminator_loss("hinge", real, real=True),
        }

    def _judge_features(self, networks: Networks, batch: Batch, *images: Tensor) -> list[list[list[Tensor]]]:
        """Logits of each batch of pictures, seen as one batch and changed alike: batch, scale, [N,1,h,w] alone."""
        assert self.config.feature_discriminator is not None
        single = [at_least_single(one) for one in images]
        layout, seen = augment_with_layout(self.config.feature_discriminator.augmentation, batch.layout, *single)
        scales = [logits.split(len(batch)) for logits in networks[FEATURES](layout, torch.cat(seen))]
        return [[[scale[number]] for scale in scales] for number in range(len(images))]


def cropped(perceptual: Perceptual | None, side: int | None) -> Callable[[Tensor, Tensor], Tensor] | None:
    """The perceptual loss of a random square of so many pixels, at the same place in both pictures; None: of all."""
    if perceptual is None or side is None:
        return perceptual
    return lambda fake, real: perceptual(*crop_together(side, fake, real))


def _extended(phase: Phase, more: Callable[[Networks, Batch, Step], Terms], weights: Mapping[str, float]) -> Phase:
    """A phase with terms after its own."""

    def terms(networks: Networks, batch: Batch, step: Step) -> Terms:
        return phase.terms(networks, batch, step) | more(networks, batch, step)

    return replace(phase, terms=terms, weights={**phase.weights, **weights})

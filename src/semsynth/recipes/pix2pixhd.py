"""pix2pixHD (Wang, Liu, Zhu, Tao, Kautz and Catanzaro, CVPR 2018), section numbers of the paper.

Objective (sections 3.2 and 4, equation 5): least-squares adversarial loss and feature matching over three scales,
optionally a VGG term; with an encoder (section 3.4) the generator also reads one vector per object of the photograph.
Any generator can take the place of pix2pixHD's own, as the U-Net and the CRN do in tables 3 and 4.

Where paper, official code and this package differ: docs/recipes/pix2pixhd.md, *Differences*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from semsynth.checkpoint import GeneratorModel, ModelConfig, Pix2PixHDModel
from semsynth.classes import NO_CLASSES, ClassSet
from semsynth.data.sample import Batch, Sample
from semsynth.errors import SemsynthError
from semsynth.layout_ops.objects import ObjectMap
from semsynth.losses.adversarial import AdversarialKind, discriminator_loss, generator_loss
from semsynth.losses.feature_matching import feature_matching_loss
from semsynth.losses.gradient_penalty import score_of_patches
from semsynth.losses.perceptual import Perceptual
from semsynth.models.backbones import Backbone
from semsynth.models.generator import AnyGeneratorConfig
from semsynth.models.instance_encoder import InstanceEncoder, InstanceEncoderConfig
from semsynth.models.patch import MultiScaleDiscriminator, PatchDiscriminatorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.ops.initialization import initialize_normal
from semsynth.recipes.aids import AidedConfig, AidedRecipe, PerceptualTerm
from semsynth.recipes.base import (
    Adam,
    Collate,
    Networks,
    Phase,
    Schedule,
    Step,
    Terms,
    check_classes,
    check_generator,
)


class LossWeights(PerceptualTerm):
    """The objective (equation 5 and section 4); 0 leaves a term out."""

    adversarial_kind: AdversarialKind = "least_squares"
    """LSGAN; the code also offers cross entropy, pix2pixHD++ uses hinge."""
    feature_matching: float = Field(10.0, ge=0, le=1e6)
    """lambda of equation 5."""
    perceptual: float = Field(10.0, ge=0, le=1e6)
    """lambda of the VGG term ("ours" in the paper's tables; "w/o VGG" is 0)."""


class Pix2PixHDConfig(AidedConfig):
    """The paper's table (section 4 and appendix A)."""

    system: Literal["pix2pixhd"] = "pix2pixhd"
    generator: AnyGeneratorConfig
    """pix2pixHD's own or, for comparisons, another that reads layouts alone."""
    discriminator: PatchDiscriminatorConfig
    encoder: InstanceEncoderConfig | None = None
    """Instance feature encoder; needs ``generator.features``."""
    objects: Literal["instances", "labels"] = "instances"
    """What the encoder averages over (official ``label_feat``: labels)."""
    trained: Literal["everything", "enhancer"] = "everything"
    """``enhancer``: the global generator keeps its weights while the finest local enhancer begins (section 3.2)."""
    loss: LossWeights = LossWeights()
    generator_optimizer: Adam = Adam(lr=2e-4, beta1=0.5, beta2=0.999)
    """Appendix A; beta1 from the official options."""
    discriminator_optimizer: Adam = Adam(lr=2e-4, beta1=0.5, beta2=0.999)
    schedule: Schedule = Schedule(epochs=100, decay_epochs=100)

    @property
    def own_generator(self) -> Pix2PixHDGeneratorConfig | None:
        """The generator where it is pix2pixHD's."""
        return self.generator if isinstance(self.generator, Pix2PixHDGeneratorConfig) else None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.generator.encoding != self.discriminator.encoding:
            raise ValueError("generator.encoding and discriminator.encoding must be equal: set both")
        own = self.own_generator
        if own is None:
            check_generator(self.generator, self.data)
        if (own.image_channels if own else 0) != self.discriminator.image_channels:
            raise ValueError("generator.image_channels and discriminator.image_channels must be equal: set both")
        features = own.features if own else 0
        if self.encoder is not None and self.encoder.features != features:
            found = f"encoder.features={self.encoder.features} and generator.features={features}"
            raise ValueError(f"{found} differ: set both")
        if features and self.encoder is None:
            raise ValueError("generator.features needs an encoder")
        if own and own.width % 2**own.enhancers:
            found = f"generator.width={own.width}, generator.enhancers={own.enhancers}"
            raise ValueError(f"{found}: every enhancer halves the width, which must stay whole")
        if self.trained == "enhancer" and not (own and own.enhancers):
            raise ValueError("trained=enhancer needs generator.enhancers")
        return self

    @property
    def condition_channels(self) -> int:
        """Channels of what the discriminator reads beside pictures."""
        return self.discriminator.condition_channels

    def check_dataset(self, classes: ClassSet) -> None:
        """Make sure that the networks are for these classes or, where they read them, for pictures as conditions."""
        if self.own_generator is not None and self.own_generator.image_channels:
            _check_pictures(self.own_generator, classes)
        else:
            check_classes(classes, self.generator.encoding)

    def load_networks(self, perceptual_weights: Path | None, feature_weights: Path | None) -> dict[str, Any]:
        """The VGG term, unless its weight is 0, and what the aids need."""
        perceptual = self.loss.load_perceptual(perceptual_weights)
        return {"perceptual": perceptual, **super().load_networks(None, feature_weights)}


@dataclass(frozen=True)
class ObjectCollate:
    """Samples to a batch, with distinct windows and objects found already; runs in the data workers."""

    layouts: Collate
    objects: Literal["instances", "labels"]

    def __call__(self, samples: Sequence[Sample]) -> Batch:
        """Encode samples of one size."""
        batch = self.layouts(samples)
        layouts = [sample.layout for sample in samples]
        maps = [one.labels if self.objects == "labels" or one.instances is None else one.instances for one in layouts]
        objects = ObjectMap.of(torch.stack([torch.from_numpy(one.astype("int64")) for one in maps]))
        return Batch(batch.layout, batch.image, batch.names, objects)


class Pix2PixHDRecipe(AidedRecipe):
    """Networks and objective; the two ``*_terms`` methods are equation 5."""

    def __init__(
        self,
        config: Pix2PixHDConfig,
        classes: ClassSet,
        perceptual: Perceptual | None,
        backbone: Backbone | None = None,
    ) -> None:
        self.config: Pix2PixHDConfig = config
        self.classes = classes
        self.networks = {
            "generator": config.generator.build(),
            "discriminator": MultiScaleDiscriminator(config.discriminator),
        }
        if config.encoder is not None:
            self.networks["encoder"] = InstanceEncoder(config.encoder)
        for network in self.networks.values():
            initialize_normal(network)
        self.averaged = tuple(name for name in ("generator", "encoder") if name in self.networks)
        self.frozen: dict[str, nn.Module] = {} if perceptual is None else {"perceptual": perceptual}
        self.perceptual = perceptual
        layouts = Collate(config.generator, config.discriminator if config.has_own_discriminator else None)
        encoded = layouts if config.encoder is None else ObjectCollate(layouts, config.objects)
        self.collate = Batch.from_pictures if config.discriminator.image_channels else encoded
        self.phases = self.aided(*self._phases(), backbone=backbone)

    def _phases(self) -> tuple[Phase, ...]:
        loss, scales = self.config.loss, self.config.discriminator.scales
        growing = self.config.own_generator if self.config.trained == "enhancer" else None
        return (
            Phase(
                "generator",
                self.averaged,
                self.generator_terms,
                {
                    "adversarial": scales,  # the paper sums over the discriminators, the term is their mean
                    "feature_matching": loss.feature_matching * 4 / self.config.discriminator.layers,
                    "perceptual": loss.perceptual,
                },
                self.config.generator_optimizer,
                moves=None if growing is None else _in_the_finest_enhancer(growing),
            ),
            Phase(
                "discriminator",
                ("discriminator",),
                self.discriminator_terms,
                {"fake": 0.5 * scales, "real": 0.5 * scales},
                self.config.discriminator_optimizer,
            ),
        )

    def generator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over G, E:  sum_k L_GAN(G, D_k) + 10 mean_k L_FM(G, D_k) + 10 L_VGG(G)."""
        step.fake = fake = networks["generator"](batch.layout, self._features(networks, batch))  # [N,3,H,W]
        terms: Terms = {}
        if "discriminator" in networks:
            matched = [batch.image] if self.config.loss.feature_matching else []
            judged_fake, *judged_real = self._judge(networks, batch, fake, *matched)
            terms["adversarial"] = generator_loss(self.config.loss.adversarial_kind, judged_fake)
            for real in judged_real:
                terms["feature_matching"] = feature_matching_loss(judged_fake, real)
        if self.perceptual is not None:
            terms["perceptual"] = self.perceptual(fake, batch.image)
        return terms

    def discriminator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over D:  1/2 sum_k [L_GAN(real, D_k) + L_GAN(fake, D_k)], for the fake of the generator's phase."""
        kind = self.config.loss.adversarial_kind
        judged_fake, judged_real = self._judge(networks, batch, self.fakes(networks, batch, step), batch.image)
        return {
            "fake": discriminator_loss(kind, judged_fake, real=False),
            "real": discriminator_loss(kind, judged_real, real=True),
        }

    def scores(self, batch: Batch, images: Tensor) -> Tensor:
        """The mean over patches and scales."""
        return score_of_patches(self.networks["discriminator"](batch.layout, images))

    def generate(self, networks: Networks, batch: Batch) -> Tensor:
        """Pictures; with an encoder, for the styles of the photos' own objects."""
        return networks["generator"](batch.layout, self._features(networks, batch))  # type: ignore[no-any-return]

    def model(self) -> ModelConfig:
        """Generator and encoder; another generator than pix2pixHD's stands alone."""
        config = self.config
        if (own := config.own_generator) is None:
            return GeneratorModel(generator=config.generator, data=config.data)
        return Pix2PixHDModel(generator=own, encoder=config.encoder, objects=config.objects, data=config.data)

    def adapted(self, name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """A smaller system's tensors under this one's names: it may lack the finest discriminators."""
        if name != "discriminator":
            return super().adapted(name, state)
        own, scales = self.networks[name].state_dict(), {int(key.split(".")[1]) for key in state}
        more = max(0, self.config.discriminator.scales - len(scales))
        moved = {_renumbered(key, more): value for key, value in state.items()}
        return {key: value for key, value in own.items() if int(key.split(".")[1]) < more} | moved

    def _judge(self, networks: Networks, batch: Batch, *images: Tensor) -> list[list[list[Tensor]]]:
        """The discriminator's outputs for batches of pictures, one batch after the other as in the official code."""
        return [networks["discriminator"](batch.layout, seen) for seen in self.shown(*images)]

    def _features(self, networks: Networks, batch: Batch) -> Tensor | None:
        return networks["encoder"](batch.image, batch.objects) if "encoder" in self.networks else None


def _in_the_finest_enhancer(config: Pix2PixHDGeneratorConfig) -> Callable[[str, str], bool]:
    """Whether a parameter belongs to the last enhancer, the last layer, or another network than the generator."""
    last = (f"enhancers.{config.enhancers - 1}.", "to_rgb.")
    return lambda network, parameter: network != "generator" or parameter.startswith(last)


def _renumbered(key: str, more: int) -> str:
    list_name, number, rest = key.split(".", 2)
    return f"{list_name}.{int(number) + more}.{rest}"


def _check_pictures(generator: Pix2PixHDGeneratorConfig, classes: ClassSet) -> None:
    """Make sure that the data's conditions are pictures, as the generator reads them."""
    if classes != NO_CLASSES:
        raise SemsynthError(
            f"generator.image_channels={generator.image_channels} reads pictures as conditions, the data has label "
            f"maps of '{classes.name}': take another preset, or data with conditions/ ('semsynth data import edges')"
        )
    if generator.image_channels != 3 or generator.features or generator.encoding.edges:
        raise SemsynthError(
            "pictures as conditions are RGB and stand alone: set image_channels=3 and encoding.edges=false of "
            "generator and discriminator, and generator.features=0"
        )

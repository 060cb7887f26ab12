"""SPADE (Park, Liu, Wang and Zhu, CVPR 2019), section numbers of the paper.

Objective (section 3): hinge adversarial loss, feature matching and a VGG term as in pix2pixHD, each
feature term weighted 10; with a style encoder (multi-modal synthesis) a KL term weighted 0.05.

Where paper, official code and this package differ: docs/recipes/spade.md, *Differences*.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from semsynth.checkpoint import SPADEModel
from semsynth.classes import ClassSet
from semsynth.data.sample import Batch
from semsynth.errors import SemsynthError
from semsynth.losses.adversarial import AdversarialKind, discriminator_loss, generator_loss
from semsynth.losses.divergence import kl_divergence
from semsynth.losses.feature_matching import feature_matching_loss
from semsynth.losses.gradient_penalty import score_of_patches
from semsynth.losses.perceptual import Perceptual
from semsynth.models.backbones import Backbone
from semsynth.models.patch import MultiScaleDiscriminator, PatchDiscriminatorConfig
from semsynth.models.spade import SPADEGenerator, SPADEGeneratorConfig
from semsynth.models.style_encoder import StyleEncoder, StyleEncoderConfig, reparameterize
from semsynth.ops.initialization import initialize_xavier
from semsynth.pixel_format import PixelFormat
from semsynth.recipes.aids import AidedConfig, AidedRecipe, PerceptualCrop, PerceptualTerm, PixelTerm, cropped
from semsynth.recipes.base import (
    Adam,
    Collate,
    Networks,
    Phase,
    Step,
    Terms,
    check_classes,
    check_size,
)
from semsynth.recipes.growth import coarse_to_fine
from semsynth.recipes.system import WITH_INSTANCES, Preset, Row, System


class LossWeights(PixelTerm, PerceptualTerm):
    """The objective (section 3 and official train_options.py); 0 leaves a term out."""

    adversarial_kind: AdversarialKind = "hinge"
    """Hinge in the paper; the code also offers the others."""
    feature_matching: float = Field(10.0, ge=0, le=1e6)
    """lambda_feat."""
    perceptual: float = Field(10.0, ge=0, le=1e6)
    """lambda_vgg."""
    kl: float = Field(0.05, ge=0, le=1e6)
    """lambda_kld; only with a style encoder."""


class SPADEConfig(PerceptualCrop, AidedConfig):
    """The paper's table."""

    system: Literal["spade"] = "spade"
    generator: SPADEGeneratorConfig
    discriminator: PatchDiscriminatorConfig
    encoder: StyleEncoderConfig | None = None
    """Style encoder; needs ``generator.input="noise"``."""
    loss: LossWeights = LossWeights()
    generator_optimizer: Adam = Adam(lr=1e-4, beta1=0.0, beta2=0.9)
    """Two time-scale update rule: half the base rate of 2e-4."""
    discriminator_optimizer: Adam = Adam(lr=4e-4, beta1=0.0, beta2=0.9)
    """Two time-scale update rule: twice the base rate."""
    discriminator_steps_per_generator: int = Field(1, ge=1, le=10**6)
    """The generator's phase runs once in so many steps."""

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.generator.encoding != self.discriminator.encoding:
            raise ValueError("generator.encoding and discriminator.encoding must be equal: set both")
        if self.encoder is not None and self.generator.input != "noise":
            raise ValueError("a style encoder needs generator.input=noise")
        if self.encoder is not None and self.encoder.z_dim != self.generator.z_dim:
            raise ValueError(f"encoder.z_dim={self.encoder.z_dim} and generator.z_dim={self.generator.z_dim} differ")
        check_size(self.generator, self.data)
        return self

    @property
    def condition_channels(self) -> int:
        """Channels of what the discriminator reads beside pictures."""
        return self.discriminator.condition_channels

    def check_dataset(self, classes: ClassSet) -> None:
        """Make sure that the networks are for these classes."""
        check_classes(classes, self.generator.encoding)

    def for_pixels(self, format: PixelFormat) -> Self:
        """Networks with as many channels; the perceptual network and that of features read three."""
        if format.is_plain:
            return self
        if self.encoder is not None:
            raise SemsynthError(
                f"the photos have {format} (pixels.json), and a style encoder reads 8-bit RGB: set encoder=null"
            )
        pretrained = "loss.perceptual=0" if self.loss.perceptual else ""
        pretrained = pretrained or ("feature_discriminator=null" if self.feature_discriminator else "")
        if pretrained and format.channels != 3:
            raise SemsynthError(
                f"the photos have {format} (pixels.json), and the pretrained network of that term reads 3 channels: "
                f"set {pretrained}"
            )
        return self.model_copy(
            update={
                "generator": self.generator.model_copy(update={"pixels": format}),
                "discriminator": self.discriminator.model_copy(update={"picture_channels": format.channels}),
            }
        )

    def load_networks(self, perceptual_weights: Path | None, feature_weights: Path | None) -> dict[str, Any]:
        """The VGG term, unless its weight is 0, and what the aids need."""
        perceptual = self.loss.load_perceptual(perceptual_weights)
        return {"perceptual": perceptual, **super().load_networks(None, feature_weights)}


class SPADERecipe(AidedRecipe):
    """Networks and objective; the two ``*_terms`` methods are the paper's equations."""

    def __init__(
        self,
        config: SPADEConfig,
        classes: ClassSet,
        perceptual: Perceptual | None,
        backbone: Backbone | None = None,
    ) -> None:
        self.config: SPADEConfig = config
        self.classes = classes
        self.networks = {
            "generator": SPADEGenerator(config.generator),
            "discriminator": MultiScaleDiscriminator(config.discriminator),
        }
        if config.encoder is not None:
            self.networks["encoder"] = StyleEncoder(config.encoder)
        for network in self.networks.values():
            initialize_xavier(network)
        if config.encoder is not None and config.encoder.norm == "none" and not config.encoder.spectral:
            # The official gain of 0.02 relies on layers that normalise; without them styles would begin as zero.
            initialize_xavier(self.networks["encoder"], nn.init.calculate_gain("leaky_relu", 0.2))
        self.averaged = tuple(name for name in ("generator", "encoder") if name in self.networks)
        self.frozen: dict[str, nn.Module] = {} if perceptual is None else {"perceptual": perceptual}
        self.perceptual = cropped(perceptual, config.perceptual_crop)
        self.collate = Collate(config.generator, config.discriminator if config.has_own_discriminator else None)
        self.phases = self.aided(*self._phases(), backbone=backbone, pixels=config.loss.pixels)

    def _phases(self) -> tuple[Phase, ...]:
        loss = self.config.loss
        return (
            Phase(
                "generator",
                self.averaged,
                self.generator_terms,
                {
                    "adversarial": 1.0,
                    "feature_matching": loss.feature_matching,
                    "perceptual": loss.perceptual,
                    "kl": loss.kl,
                },
                self.config.generator_optimizer,
                every=self.config.discriminator_steps_per_generator,
            ),
            Phase(
                "discriminator",
                ("discriminator",),
                self.discriminator_terms,
                {"fake": 1.0, "real": 1.0},
                self.config.discriminator_optimizer,
            ),
        )

    def generator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over G, E:  L_GAN(G, D) + 10 L_FM(G, D) + 10 L_VGG(G) + 0.05 KL(q(z|x) || N(0, I))."""
        kind = self.config.loss.adversarial_kind
        z, kl = self._style(networks, batch)
        step.fake = fake = networks["generator"](batch.layout, z)  # [N,3,H,W]
        terms: Terms = {}
        if "discriminator" in networks:
            judged_fake, judged_real = self._judge(networks, batch, fake)
            terms["adversarial"] = generator_loss(kind, judged_fake)
            if self.config.loss.feature_matching:
                terms["feature_matching"] = feature_matching_loss(judged_fake, judged_real)
        if self.perceptual is not None:
            terms["perceptual"] = self.perceptual(fake, batch.image)
        if kl is not None:
            terms["kl"] = kl
        return terms

    def discriminator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over D:  E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))], for a fake of the generator as it is now."""
        kind = self.config.loss.adversarial_kind
        with torch.no_grad():
            step.fake = fake = self.synthesize(networks, batch)
        judged_fake, judged_real = self._judge(networks, batch, fake)
        return {
            "fake": discriminator_loss(kind, judged_fake, real=False),
            "real": discriminator_loss(kind, judged_real, real=True),
        }

    def synthesize(self, networks: Networks, batch: Batch) -> Tensor:
        """Pictures in the styles of the photos; without an encoder, in random ones."""
        return networks["generator"](batch.layout, self._style(networks, batch)[0])  # type: ignore[no-any-return]

    def scores(self, batch: Batch, images: Tensor) -> Tensor:
        """The mean over patches and scales."""
        return score_of_patches(self.networks["discriminator"](batch.layout, images))

    def generate(self, networks: Networks, batch: Batch) -> Tensor:
        """Pictures for random styles from the prior."""
        return networks["generator"](batch.layout, self._prior(batch))  # type: ignore[no-any-return]

    def model(self) -> SPADEModel:
        """Generator and style encoder."""
        return SPADEModel(generator=self.config.generator, encoder=self.config.encoder, data=self.config.data)

    def _style(self, networks: Networks, batch: Batch) -> tuple[Tensor | None, Tensor | None]:
        """Style vector and KL term: of the photo, of the prior (no term), or None if the layout comes in first."""
        if "encoder" not in self.networks:
            return self._prior(batch), None
        mu, logvar = networks["encoder"](batch.image)
        share = self.config.training.batch_size / len(batch)  # the official sum over the batch, whoever holds its parts
        return reparameterize(mu, logvar), kl_divergence(mu, logvar) * share

    def _prior(self, batch: Batch) -> Tensor | None:
        if self.config.generator.input == "layout":
            return None
        return torch.randn(len(batch), self.config.generator.z_dim, device=batch.image.device, dtype=batch.image.dtype)

    def _judge(self, networks: Networks, batch: Batch, fake: Tensor) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
        """The discriminator's outputs for fake and real, seen as one batch as the official code does."""
        outputs = networks["discriminator"](batch.layout, torch.cat(self.shown(fake, batch.image)))
        fakes = [[output[: len(fake)] for output in scale] for scale in outputs]
        return fakes, [[output[len(fake) :] for output in scale] for scale in outputs]


LANDSCAPE_512: Row = {
    "data.mode": "fixed",
    "data.load_size": 512,
    "data.crop_size": 512,
    "data.aspect_ratio": 2.0,
    "generator.crop_size": 512,
    "generator.aspect_ratio": 2.0,
    "generator.upsamplings": 6,
}

ROWS: dict[str, Row] = {
    "default": {"encoding.void": "after", "encoding.edges": WITH_INSTANCES},
    "coco_stuff": {
        "encoding.void": "after",
        "encoding.edges": True,
        "schedule.epochs": 100,
        "training.batch_size": 32,
    },
    "ade20k": {
        "encoding.void": "after",
        "schedule.epochs": 100,
        "schedule.decay_epochs": 100,
        "training.batch_size": 32,
    },
    "cityscapes": {
        "encoding.edges": True,
        **LANDSCAPE_512,
        "schedule.epochs": 100,
        "schedule.decay_epochs": 100,
        "training.batch_size": 16,
    },
    "facades": {"encoding.void": "after"},
    # Not the paper's: a sixteenth of its arithmetic for a few hundred photos and two CPU cores, with a style encoder
    # for variety, differentiable augmentation against the few photos, and the perceptual term on a random quarter.
    "small": {
        "encoding.void": "after",
        "encoding.edges": WITH_INSTANCES,
        "generator.width": 16,
        "generator.hidden": 64,
        "generator.input": "noise",
        "generator.z_dim": 64,
        "discriminator.width": 32,
        "discriminator.max_width": 256,
        "encoder.width": 16,
        "encoder.z_dim": 64,
        "encoder.norm": "none",  # instance norm would take the photo's colours away, and they are most of its style
        "encoder.spectral": False,
        "generator_optimizer.lr": 3e-4,
        "generator_optimizer.beta2": 0.99,
        "discriminator_optimizer.beta2": 0.99,
        "augmentation.color": True,
        "augmentation.cutout": 0.5,
        "loss.pixels": 10.0,
        "loss.kl": 0.005,  # low, or a generator this small learns to do without styles
        "perceptual_crop": 128,
        "schedule.epochs": 200,
        "training.batch_size": 2,
        "training.ema": 0.995,
        "training.precision": "bf16-mixed",
    },
}
"""What changes per dataset (section 4 and the official ``data/*_dataset.py``): void and edge channels, size, batch,
epochs. ``generator.width=48`` makes "fewer params" of any of them."""

CONCAT: Row = {"generator.layout_at_every_layer": "concat"}
"""Table 4, "Concat w/o SPADE": the layout beside the features instead of SPADE layers."""

ROWS |= {f"{name}_concat": {**ROWS[name], **CONCAT} for name in ("coco_stuff", "ade20k", "cityscapes")}

PRESETS = {name: Preset(SPADEConfig, row) for name, row in ROWS.items()}


def stages(config: SPADEConfig) -> dict[str, SPADEConfig]:
    """Coarse to fine: the later stage doubles resolution once more, before ``middle_1`` (official "more").

    Raises:
        SemsynthError: a generator with more than five doublings, or data of no fixed size.
    """
    if config.generator.upsamplings != 5:
        raise SemsynthError(
            f"generator.upsamplings={config.generator.upsamplings}: stages begin with 5 doublings and go on with 6: "
            "set it to 5, and crop_size of data and generator to half the size that you want"
        )
    crop = config.perceptual_crop
    return coarse_to_fine(config, {"upsamplings": 6}, {"perceptual_crop": crop and 2 * crop})


SPADE_SYSTEM = System(SPADEConfig, PRESETS, SPADERecipe, stages)

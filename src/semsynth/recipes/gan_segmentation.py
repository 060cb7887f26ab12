"""GAN and semantic segmentation, the first baseline of Chen and Koltun (CRN, ICCV 2017, section 4).

Objective: the generator's picture fools a discriminator as DCGAN's (Radford et al. 2016), and a segmentation network
that was trained on photographs finds the layout in it (pixelwise cross-entropy). What the paper's one paragraph leaves
open, and what is done here: docs/recipes/baselines.md.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from semsynth.checkpoint import GeneratorModel
from semsynth.classes import ClassSet
from semsynth.config import Config
from semsynth.data.sample import Batch
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.losses.adversarial import AdversarialKind, discriminator_loss, generator_loss
from semsynth.losses.gradient_penalty import score_of_patches
from semsynth.losses.segmentation import segmentation_loss
from semsynth.models.backbones import Backbone
from semsynth.models.dcgan import DCGANDiscriminator, DCGANDiscriminatorConfig
from semsynth.models.generator import AnyGeneratorConfig
from semsynth.models.segmentation_network import SegmentationNetwork, SegmentationNetworkConfig
from semsynth.ops.initialization import initialize_normal
from semsynth.recipes.aids import AidedConfig, AidedRecipe
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
from semsynth.recipes.system import Preset, Row, System


class LossWeights(Config):
    """The objective."""

    adversarial_kind: AdversarialKind = "original"
    """Cross entropy, as DCGAN."""
    segmentation: float = Field(1.0, ge=0, le=1e6)
    """Of the segmenter's cross-entropy."""


class GANSegmentationConfig(AidedConfig):
    """The system."""

    system: Literal["gan_segmentation"] = "gan_segmentation"
    generator: AnyGeneratorConfig
    discriminator: DCGANDiscriminatorConfig = DCGANDiscriminatorConfig()
    segmenter: SegmentationNetworkConfig = SegmentationNetworkConfig()
    """The network that is trained where no other is passed in."""
    warm_up_steps: int = Field(3000, ge=1, le=10**12)
    """Steps that train the segmenter before the others begin; none where a trained one is passed in."""
    loss: LossWeights = LossWeights()
    generator_optimizer: Adam = Adam(lr=2e-4, beta1=0.5, beta2=0.999)
    discriminator_optimizer: Adam = Adam(lr=2e-4, beta1=0.5, beta2=0.999)
    segmenter_optimizer: Adam = Adam(lr=1e-3, beta1=0.9, beta2=0.999)
    schedule: Schedule = Schedule(epochs=200)

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        check_generator(self.generator, self.data)
        size, smallest = self.data.output_size, self.discriminator.smallest_side
        if size is not None and min(size) < smallest:
            raise ValueError(f"pictures have sides of {min(size)}, the discriminator needs {smallest}: change halvings")
        return self

    @property
    def condition_channels(self) -> int:
        """Channels of the layouts."""
        return self.generator.encoding.num_channels

    def check_dataset(self, classes: ClassSet) -> None:
        """Make sure that the networks are for these classes, and that steps are left after the warm-up."""
        check_classes(classes, self.generator.encoding)
        steps = self.training.steps
        if steps is not None and steps <= self.warm_up_steps:
            raise SemsynthError(
                f"training.steps={steps} would train nothing but the segmenter (warm_up_steps={self.warm_up_steps}): "
                "set more of the former or fewer of the latter"
            )


class GANSegmentationRecipe(AidedRecipe):
    """Networks and objective."""

    def __init__(
        self,
        config: GANSegmentationConfig,
        classes: ClassSet,
        segmenter: nn.Module | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        """Make the networks.

        Args:
            config: the system.
            classes: the dataset's classes, K of them.
            segmenter: a trained network from pictures [N,3,H,W] in [-1,1] to logits [N,K,h,w], the classes in their
                order; gradients have to flow through it. None: the recipe trains its own first.
            backbone: of the feature discriminator, where the configuration has one.
        """
        self.config: GANSegmentationConfig = config
        self.classes = classes
        self.networks: dict[str, nn.Module] = {
            "generator": config.generator.build(),
            "discriminator": DCGANDiscriminator(config.discriminator),
        }
        for network in self.networks.values():
            initialize_normal(network)
        self.frozen: dict[str, nn.Module] = {}
        if segmenter is None:
            self.networks["segmenter"] = SegmentationNetwork(config.segmenter, classes.num_classes)
        else:
            self.frozen["segmenter"] = segmenter.eval()
        self.averaged = ("generator",)
        self.collate = Collate(config.generator)
        self.phases = self.aided(*self._phases(), backbone=backbone)

    def _phases(self) -> tuple[Phase, ...]:
        config = self.config
        begins = config.warm_up_steps if "segmenter" in self.networks else 0
        warm_up = Phase(
            "segmenter",
            ("segmenter",),
            self.segmenter_terms,
            {"segmentation": 1.0},
            config.segmenter_optimizer,
            ends=begins,
        )
        adversaries = (
            Phase(
                "discriminator",
                ("discriminator",),
                self.discriminator_terms,
                {"fake": 1.0, "real": 1.0},
                config.discriminator_optimizer,
                begins=begins,
            ),
            Phase(
                "generator",
                ("generator",),
                self.generator_terms,
                {"adversarial": 1.0, "segmentation": config.loss.segmentation},
                config.generator_optimizer,
                begins=begins,
            ),
        )
        return (warm_up, *adversaries) if begins else adversaries

    def segmenter_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over the segmenter S:  E[-log S(photo)_layout]."""
        return {"segmentation": self._segmentation(networks, batch.image, batch)}

    def discriminator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over D:  E[-log D(photo)] + E[-log(1 - D(G(L)))]."""
        kind = self.config.loss.adversarial_kind
        judged_fake, judged_real = self._judge(networks, self.fakes(networks, batch, step), batch.image)
        return {
            "fake": discriminator_loss(kind, judged_fake, real=False),
            "real": discriminator_loss(kind, judged_real, real=True),
        }

    def generator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise over G:  E[-log D(G(L))] + E[-log S(G(L))_L]."""
        step.fake = fake = networks["generator"](batch.layout)  # [N,3,H,W]
        terms: Terms = {}
        if "discriminator" in networks:
            (judged,) = self._judge(networks, fake)
            terms["adversarial"] = generator_loss(self.config.loss.adversarial_kind, judged)
        return terms | {"segmentation": self._segmentation(networks, fake, batch)}

    def scores(self, batch: Batch, images: Tensor) -> Tensor:
        """The mean over windows."""
        return score_of_patches(self.networks["discriminator"](images))

    def generate(self, networks: Networks, batch: Batch) -> Tensor:
        """One picture of each layout."""
        return networks["generator"](batch.layout)  # type: ignore[no-any-return]

    def model(self) -> GeneratorModel:
        """The generator."""
        return GeneratorModel(generator=self.config.generator, data=self.config.data)

    def _judge(self, networks: Networks, *images: Tensor) -> list[list[list[Tensor]]]:
        """The discriminator's outputs for batches of pictures."""
        return [networks["discriminator"](seen) for seen in self.shown(*images)]

    def _segmentation(self, networks: Networks, image: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy of the segmenter's answer to ``image`` against the batch's layouts."""
        assert isinstance(batch.layout, LayoutBatch)
        segmenter = self.frozen["segmenter"] if "segmenter" in self.frozen else networks["segmenter"]
        return segmentation_loss(segmenter(image), batch.layout.full)


PAPER: Row = {
    "encoding.void": "after",
    "generator.family": "dcgan",
    "data.mode": "resize_and_crop",
    "data.load_size": 286,
    "data.crop_size": 256,
    "training.batch_size": 4,
}

ROWS: dict[str, Row] = {
    "default": PAPER,
    # For a few hundred photos and two CPU cores: pictures of 128 x 128, an eighth of the channels.
    "small": {
        **PAPER,
        "generator.width": 16,
        "discriminator.width": 16,
        "segmenter.width": 16,
        "warm_up_steps": 100,
        "data.load_size": 143,
        "data.crop_size": 128,
        "training.ema": 0.995,
        "training.precision": "bf16-mixed",
    },
}

PRESETS = {name: Preset(GANSegmentationConfig, row) for name, row in ROWS.items()}

GAN_SEGMENTATION_SYSTEM = System(GANSegmentationConfig, PRESETS, GANSegmentationRecipe)

"""SIMS (Qi, Chen, Jia and Koltun, "Semi-parametric Image Synthesis", CVPR 2018): the synthesis network.

Objective (official code): CRN's perceptual loss of the picture, with that code's factors for 512 x 1024 at every size,
and ten times the cross-entropy of a second head that finds the true layout. There is no adversary; a discriminator on
frozen features may be added, which is ours.

The network is trained on photos whose own pixels are cut out with other photos' shapes (:mod:`semsynth.bank.pairs`);
previews, like synthesis, paste retrieved pieces of training photos.

Where paper, official code and this package differ: docs/recipes/sims.md, *Differences*.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.bank.batches import CanvasBatch, CanvasCollate, CanvasPipeline
from semsynth.bank.memory import MemoryBank
from semsynth.bank.pairs import PairRules
from semsynth.bank.settings import CanvasSettings
from semsynth.checkpoint import SIMSModel
from semsynth.classes import ClassSet
from semsynth.config import Config
from semsynth.data.sample import Batch
from semsynth.data.transforms import Pipeline
from semsynth.losses.content import ContentLoss, existing_levels
from semsynth.losses.distance import at_least_single
from semsynth.losses.level_weights import INPUT, OFFICIAL_512P, LevelWeights
from semsynth.models.backbones import Backbone
from semsynth.models.sims import SIMSGeneratorConfig
from semsynth.models.vgg import VGG19, load_vgg19
from semsynth.recipes.aids import AidedConfig, AidedRecipe
from semsynth.recipes.base import Adam, Networks, Phase, Schedule, Step, Terms, check_classes, check_size
from semsynth.recipes.system import Preset, Row, System


class RisingSchedule(Schedule):
    """A rate that grows with every epoch, up to the full one, and is lower later on (official code)."""

    epochs: int = Field(800, ge=1, le=10**9)
    """Epochs of the whole training."""
    start: float = Field(1e-3, gt=0, le=1)
    """Share of the rate in the first epoch."""
    growth: float = Field(1.1, ge=1, le=10)
    """Factor from one epoch to the next."""
    high_epochs: int = Field(112, ge=0, le=10**9)
    """Epochs that may reach the full rate."""
    late: float = Field(0.1, gt=0, le=1)
    """Largest share of the rate after them."""

    def factor(self, epoch: int) -> float:
        """The factor on the learning rate in ``epoch``, counted from 0."""
        grown = math.exp(min(0.0, math.log(self.start) + epoch * math.log(self.growth)))
        return super().factor(epoch) * (grown if epoch < self.high_epochs else min(grown, self.late))


class SIMSLoss(Config):
    """The objective."""

    kind: Literal["perceptual", "image_space"] = "perceptual"
    """What pictures are compared by: VGG-19's features, or colours alone."""
    segmentation: float = Field(10.0, ge=0, le=1e6)
    """Weight of the segmenting head's cross-entropy."""


class SIMSConfig(AidedConfig):
    """The synthesis network's training."""

    system: Literal["sims"] = "sims"
    generator: SIMSGeneratorConfig
    memory: CanvasSettings = CanvasSettings()
    pairs: PairRules = PairRules()
    loss: SIMSLoss = SIMSLoss()
    generator_optimizer: Adam = Adam(lr=1e-3, beta1=0.9, beta2=0.999)
    """TensorFlow's defaults; the rate is the highest one of the schedule."""
    data: Pipeline = Pipeline(mode="fixed", crop_size=512, aspect_ratio=2.0, flip=False)
    """No augmentation, as the official code."""
    schedule: RisingSchedule = RisingSchedule()

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        check_size(self.generator, self.data)
        return self

    @property
    def condition_channels(self) -> int:
        """Channels of the layouts."""
        return self.generator.encoding.num_channels

    @property
    def has_own_discriminator(self) -> bool:
        """The paper has none."""
        return False

    def check_dataset(self, classes: ClassSet) -> None:
        """Make sure that the networks are for these classes."""
        check_classes(classes, self.generator.encoding)

    def completed(self) -> Self:
        """Name the bank by its absolute path and its checksum."""
        return self.model_copy(update={"memory": self.memory.named(self.data.output_size)})

    def without_perceptual(self) -> tuple[str, ...]:
        """Compare colours alone."""
        return ("loss.kind=image_space",)

    def load_networks(self, perceptual_weights: Path | None, feature_weights: Path | None) -> dict[str, Any]:
        """VGG-19 with average pooling, the feature discriminator's network, and the bank."""
        compared = self.loss.kind == "perceptual"
        vgg = load_vgg19(perceptual_weights, pooling="average") if compared else None
        return {"vgg": vgg, "bank": self.memory.open(), **super().load_networks(None, feature_weights)}


class SIMSRecipe(AidedRecipe):
    """Network, bank and objective."""

    def __init__(
        self,
        config: SIMSConfig,
        classes: ClassSet,
        bank: MemoryBank,
        vgg: VGG19 | None = None,
        backbone: Backbone | None = None,
    ) -> None:
        """Make the network.

        Args:
            config: the system.
            classes: the dataset's classes.
            bank: of photos with these classes.
            vgg: with average pooling, perhaps a prefix; None compares colours alone.
            backbone: of the feature discriminator, where the configuration has one.

        Raises:
            SemsynthError: ``vgg`` has none of the taps, or the bank is of other classes.
        """
        bank.check_classes(classes)
        self.config: SIMSConfig = config
        self.classes = classes
        self.networks: dict[str, nn.Module] = {"generator": config.generator.build()}
        self.averaged = ("generator",)
        taps = {} if vgg is None else {name: OFFICIAL_512P[name] for name in existing_levels(vgg) if name != INPUT}
        self.frozen: dict[str, nn.Module] = {"pixels": ContentLoss(None, LevelWeights({INPUT: OFFICIAL_512P[INPUT]}))}
        if taps:
            self.frozen["features"] = ContentLoss(vgg, LevelWeights(taps))
        self.canvases = CanvasPipeline(config.data, bank, config.pairs, config.memory)
        self.collate = CanvasCollate(config.generator.encoding, config.memory.faithful)
        weights = {"pixels": 1.0, "features": 1.0, "segmentation": config.loss.segmentation, "adversarial": 0.0}
        self.phases = self.aided(
            Phase("generator", ("generator",), self.generator_terms, weights, config.generator_optimizer),
            backbone=backbone,
        )

    @property
    def pipeline(self) -> CanvasPipeline:
        """Makes the canvases, too."""
        return self.canvases

    def generator_terms(self, networks: Networks, batch: Batch, step: Step) -> Terms:
        """Minimise  sum_l lambda_l |Phi_l(I) - Phi_l(f(canvas, L))| + 10 CE(g(canvas, L), true L)."""
        assert isinstance(batch, CanvasBatch)
        step.fake, logits = networks["generator"](batch.shown, batch.canvas, segment=True)
        targets = batch.true_layout.at(*logits.shape[2:]).symbols.long()  # [N,h,w]: label channels, void last
        return {
            **self._content(step.fake, batch),
            "segmentation": F.cross_entropy(at_least_single(logits), targets),
        }

    def scores(self, batch: Batch, images: Tensor) -> Tensor:
        """There is no discriminator of the paper's."""
        raise ValueError("SIMS has no discriminator of its own to penalise")

    def generate(self, networks: Networks, batch: Batch) -> Tensor:
        """One picture of each layout and canvas."""
        assert isinstance(batch, CanvasBatch)
        return networks["generator"](batch.shown, batch.canvas)  # type: ignore[no-any-return]

    def model(self) -> SIMSModel:
        """The generator, and where its bank is."""
        return SIMSModel(generator=self.config.generator, data=self.config.data, memory=self.config.memory)

    def _content(self, fake: Tensor, batch: CanvasBatch) -> Terms:
        """Differences of colours at full size, and of features; VGG-19 sees pictures of 1024 x 2048 halved."""
        terms = {"pixels": self.frozen["pixels"](fake, batch.image, batch.true_layout).loss}
        if "features" not in self.frozen:
            return terms
        real = batch.image
        if self.config.generator.doublings == 2:
            fake, real = (
                F.interpolate(one, scale_factor=0.5, mode="bilinear", align_corners=True) for one in (fake, real)
            )
        return {**terms, "features": self.frozen["features"](fake, real, batch.true_layout).loss}


NETWORK: Row = {"encoding.void": "after", "generator.family": "sims"}
"""Labels alone, void a class after them."""
PUBLISHED: Row = {**NETWORK, "memory.faithful": False}
"""Layouts take the shapes of pieces, and have noise in training."""
FINE_TUNED: Row = {
    "generator_optimizer.lr": 1e-4,
    "schedule.epochs": 100,
    "schedule.start": 1.0,
    "schedule.late": 1.0,
}
"""Larger pictures, from the weights of the smaller ones: a constant rate (official scripts)."""

ROWS: dict[str, Row] = {
    "default": NETWORK,
    # For a few hundred photos and two CPU cores: squares, less than a sixteenth of the arithmetic, mirrored photos, and
    # narrow borders, for segments of 256 pixels are often no wider than the published ones.
    "small": {
        **NETWORK,
        "generator.width_scale": 3 / 16,
        "generator_optimizer.lr": 4e-4,
        "data.crop_size": 256,
        "data.aspect_ratio": 1.0,
        "data.flip": True,
        "pairs.elision": 0.012,
        "memory.elision": 0.012,
        "schedule.epochs": 200,
        "schedule.start": 1.0,
        "schedule.late": 1.0,
        "training.ema": 0.995,
        "training.precision": "bf16-mixed",
    },
    "cityscapes_256p": PUBLISHED,
    "cityscapes_512p": {**PUBLISHED, **FINE_TUNED, "generator.doublings": 1, "data.crop_size": 1024},
    "cityscapes_1024p": {**PUBLISHED, **FINE_TUNED, "generator.doublings": 2, "data.crop_size": 2048},
}
"""What changes per size (official scripts); the larger ones begin with ``--init-from`` the smaller one."""

PRESETS = {name: Preset(SIMSConfig, row) for name, row in ROWS.items()}

SIMS_SYSTEM = System(SIMSConfig, PRESETS, SIMSRecipe)

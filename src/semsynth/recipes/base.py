"""What every recipe gives the trainer: networks, phases with unweighted loss terms, and schedules."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from semsynth.checkpoint import Card, ModelConfig, save_model
from semsynth.classes import NO_CLASSES, ClassSet
from semsynth.config import Config
from semsynth.data.sample import Batch, Sample, Transform
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding, pixels
from semsynth.models.generator import GeneratorConfig, LayoutGenerator
from semsynth.models.patch import PatchDiscriminatorConfig
from semsynth.pixel_format import PixelFormat

Terms = dict[str, Tensor]
"""Named scalar loss terms, before weighting; the mean over processes and micro-batches is the whole batch's."""

Networks = Mapping[str, nn.Module]
"""The networks by name. A phase sees those it trains as the trainer wrapped them and the others as they are, frozen."""


PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed", "float64": "64-true"}
"""The field's name of an arithmetic -> Lightning Fabric's, which configurations keep and which is understood, too. Both
halves are mixed: weights and sensitive operations stay in float32."""


def fabric_precision(name: object) -> str:
    """Lightning Fabric's name of an arithmetic.

    Raises:
        ValueError: there is none of this name.
    """
    for word, fabric in PRECISIONS.items():
        if name in (word, fabric):
            return fabric
    raise ValueError(f"there is no arithmetic {name!r}: choose {', '.join(PRECISIONS)}")


class Adam(Config):
    """Adam's settings for one phase."""

    lr: float = Field(gt=0, le=10)
    beta1: float = Field(ge=0, lt=1)
    beta2: float = Field(ge=0, lt=1)


class Schedule(Config):
    """Constant learning rate, then linear decay, changed once an epoch as official pix2pixHD and SPADE do."""

    epochs: int = Field(50, ge=1, le=10**9)
    """Epochs at the full rate."""
    decay_epochs: int = Field(0, ge=0, le=10**9)
    """Epochs of linear decay after them."""

    @property
    def total_epochs(self) -> int:
        """All epochs."""
        return self.epochs + self.decay_epochs

    def factor(self, epoch: int) -> float:
        """The factor on the learning rate in ``epoch``, counted from 0.

        The first decay epoch still runs at the full rate and the last at ``1 / decay_epochs`` of it:
        the official trainer lowers the rate *after* an epoch.
        """
        decayed = max(0, epoch - self.epochs)
        return max(0.0, 1 - decayed / self.decay_epochs) if self.decay_epochs else 1.0


class Training(Config):
    """Everything about a run that is not the paper's system."""

    batch_size: int = Field(1, ge=1, le=2**16)
    """Images of one optimiser step, over all devices and micro-batches."""
    accumulate: int = Field(1, ge=1, le=2**16)
    """Micro-batches that one step's gradients are gathered from."""
    steps: int | None = Field(None, ge=1, le=10**12)
    """Total steps; None: what the schedule's epochs make."""
    ema: float = Field(0.0, ge=0, lt=1)
    """Decay of the moving average of the averaged networks, per step; 0 switches it off."""
    ema_half_life: float | None = Field(None, gt=0, le=10**12)
    """Images after which a network's share in the average has halved, whatever the batch size; takes the place of
    ``ema`` (Karras et al., "Progressive Growing of GANs", 2018, and StyleGAN2-ADA's ``ema_kimg``, in thousands). None:
    ``ema`` counts."""
    ema_warm_up: bool = True
    """Whether the decay begins low, so that the first weights are soon forgotten (OASIS's code: it does not)."""
    seed: int = Field(0, ge=-(2**63), lt=2**63)
    """Seeds initialisation, data order, augmentation and noise."""
    fused_optimizer: bool = True
    """One kernel for all of Adam's update, on devices that have one."""
    precision: Annotated[Literal["32-true", "bf16-mixed", "16-mixed", "64-true"], BeforeValidator(fabric_precision)] = (
        "32-true"
    )
    """The arithmetic: ``float32``, ``bfloat16``, ``float16`` or ``float64``, kept as Lightning Fabric's name."""
    workers: int = Field(1, ge=0, le=1024)
    """Processes that load and prepare batches, per device."""
    decoded_cache: bool = False
    """Decode the training samples once into the run folder, and read them from there through memory."""
    log_every: int = Field(10, ge=1, le=10**12)
    """Steps between log lines."""
    sample_every: int = Field(500, ge=1, le=10**12)
    """Steps between sample grids."""
    save_every: int = Field(500, ge=1, le=10**12)
    """Steps between checkpoints."""

    @property
    def average_decay(self) -> float:
        """Decay of the moving average per step; 0: there is none."""
        return self.ema if self.ema_half_life is None else float(0.5 ** (self.batch_size / self.ema_half_life))


class RecipeConfig(Config):
    """Base of the recipes' configurations; every recipe adds its paper's table."""

    data: Pipeline = Pipeline()
    """From files to training samples."""
    schedule: Schedule = Schedule()
    training: Training = Training()

    def total_steps(self, num_images: int) -> int:
        """Steps of the whole run on ``num_images`` images: ``training.steps``, or what the schedule's epochs make."""
        return self.training.steps or math.ceil(self.schedule.total_epochs * num_images / self.training.batch_size)

    @classmethod
    def has_perceptual_term(cls) -> bool:
        """Whether a setting leaves out the term that compares features of a pretrained network."""
        loss = cls.model_fields.get("loss")
        return loss is not None and "perceptual" in getattr(loss.annotation, "model_fields", {})

    def without_perceptual(self) -> tuple[str, ...]:
        """Settings that leave that term out; none where there is no such term.

        Raises:
            SemsynthError: the loss consists of nothing else.
        """
        return ("loss.perceptual=0",) if self.has_perceptual_term() else ()

    def for_pixels(self, format: PixelFormat) -> Self:
        """The configuration for photographs of this format.

        Raises:
            SemsynthError: the system, or what is set, makes 8-bit RGB only.
        """
        if not format.is_plain:
            raise SemsynthError(f"the photos have {format} (pixels.json), and this system makes 8-bit RGB: train spade")
        return self

    def completed(self) -> Self:
        """The configuration as the record of a new run has it: files that it names are found, and told by checksums.

        Raises:
            SemsynthError: one is missing or does not fit.
        """
        return self

    def check_dataset(self, classes: ClassSet) -> None:
        """Make sure that the system can be trained on data of these classes.

        Raises:
            SemsynthError: it cannot.
        """

    def load_networks(self, perceptual_weights: Path | None, feature_weights: Path | None) -> dict[str, Any]:
        """Load the pretrained networks that the objective needs.

        Args:
            perceptual_weights: a file with the perceptual network or a prefix of it; None downloads it.
            feature_weights: a file with the network of a feature discriminator; None downloads it.

        Returns:
            Arguments of the recipe's constructor, by name.

        Raises:
            SemsynthError: weights that cannot be had, or a file that nothing reads.
        """
        if feature_weights is not None:
            raise SemsynthError(f"{feature_weights}: this system has no feature discriminator: leave the file out")
        return {}


@dataclass
class Step:
    """Where a training is, and what the phases of one step hand on; each micro-batch of each step has its own."""

    number: int = 0
    """Steps done before this one."""
    epoch: int = 0
    """How often the data has been gone through."""
    fake: Tensor | None = None
    """[N,3,H,W]: pictures that a phase of this step has made of the batch. Phases that come later detach them."""


@dataclass(frozen=True)
class Phase:
    """One optimiser and the loss it minimises: the trainer freezes every other network meanwhile."""

    name: str
    """For logs, for example ``generator``."""
    trains: tuple[str, ...]
    """Names of the networks whose parameters move."""
    terms: Callable[[Networks, Batch, Step], Terms]
    """Forward passes of one micro-batch; returns the unweighted terms."""
    weights: Mapping[str, float]
    """Factor of each term in the phase's loss."""
    optimizer: Adam
    every: int = 1
    """Steps between two runs of the phase."""
    begins: int = 0
    """The first step, counted from 0, that it may run in."""
    ends: int | None = None
    """The first step that it no longer runs in: what trains for a while, and judges others afterwards; None: never."""
    warm_up: Mapping[str, int] = field(default_factory=dict)
    """Steps in which a term's weight rises from 0 to what :attr:`weights` says; other terms have theirs at once."""
    moves: Callable[[str, str], bool] | None = None
    """Whether a parameter, given by its network's and its own name, moves at all; None: all of them."""

    def runs_in(self, step: int) -> bool:
        """Whether ``step``, counted from 0, has the phase."""
        return step % self.every == 0 and self.begins <= step and (self.ends is None or step < self.ends)

    def weights_in(self, step: int) -> dict[str, float]:
        """Factor of each term in ``step``, counted from 0."""
        risen = {name: min(1.0, step / steps) for name, steps in self.warm_up.items() if steps}
        return {name: weight * risen.get(name, 1.0) for name, weight in self.weights.items()}

    def parameters(self, networks: Mapping[str, nn.Module]) -> list[nn.Parameter]:
        """Those that the phase's optimiser changes."""
        return [
            parameter
            for network in self.trains
            for name, parameter in networks[network].named_parameters()
            if self.moves is None or self.moves(network, name)
        ]


class Recipe(ABC):
    """One paper's system, ready to train."""

    config: RecipeConfig
    classes: ClassSet
    networks: dict[str, nn.Module]
    """Every network that is trained, by name, initialised."""
    frozen: dict[str, nn.Module]
    """Networks that losses need and that never train; the trainer moves them to its device, and keeps their buffers in
    its checkpoints: what is measured in training lives there."""
    phases: tuple[Phase, ...]
    """Run in this order in every step."""
    averaged: tuple[str, ...]
    """Names of the networks that inference needs: averaged where ``training`` says so, and exported."""

    collate: Callable[[Sequence[Sample]], Batch]
    """Encodes transformed samples for the networks; picklable, for it runs in the data workers."""

    @property
    def pipeline(self) -> Transform:
        """What samples go through before :attr:`collate`, in the data workers; picklable."""
        return self.config.data

    def adapted(self, name: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """What to load into network ``name`` from a trained ``state`` of, perhaps, a smaller system.

        Networks that grow add their own tensors for what the smaller one lacks; the others change nothing.
        """
        network = self.networks[name]
        return network.extended(state) if isinstance(network, LayoutGenerator) else state

    def first_class_channel(self, name: str) -> int:
        """Which channel of network ``name`` is that of the first class, where it has channels of classes."""
        return 0

    @abstractmethod
    def generate(self, networks: Networks, batch: Batch) -> Tensor:
        """[N,3,H,W] in [-1,1]: pictures for previews and for refreshing batch statistics."""

    @abstractmethod
    def model(self) -> ModelConfig:
        """What inference builds the averaged networks from."""

    def export(self, folder: Path, networks: Networks, card: Card) -> None:
        """Write the averaged ones of ``networks`` as the model folder that inference loads."""
        averaged = {name: networks[name] for name in self.averaged}
        save_model(folder, self.model(), self.classes, averaged, card)


def check_classes(classes: ClassSet, encoding: LayoutEncoding) -> None:
    """Make sure that the data has label maps, and of the classes that the networks are for.

    Raises:
        SemsynthError: pictures as conditions, or another number of classes.
    """
    if classes == NO_CLASSES:
        raise SemsynthError(
            "the data's conditions are pictures, the recipe reads label maps: take 'semsynth train pix2pixhd --preset "
            "edges', or other data"
        )
    if classes.num_classes != encoding.num_classes:
        raise SemsynthError(
            f"the recipe is for {encoding.num_classes} classes, the class set '{classes.name}' has "
            f"{classes.num_classes}: set the encoding of generator and discriminator, or take a preset"
        )


def check_generator(generator: GeneratorConfig, data: Pipeline, images: int = 1) -> None:
    """Make sure that a generator makes so many pictures of a layout alone, of the size that the data has.

    Raises:
        ValueError: for the validators of recipes' configurations.
    """
    if not generator.reads_layouts_alone:
        raise ValueError("this recipe's generator reads layouts alone: no noise, features or pictures")
    if generator.images_per_layout != images:
        raise ValueError(
            f"pictures of a layout: {images} in this recipe, {generator.images_per_layout} of the generator"
        )
    check_size(generator, data)


def check_size(generator: GeneratorConfig, data: Pipeline) -> None:
    """Make sure that a generator makes pictures of the size that the data has, where all of them have one.

    Raises:
        ValueError: for the validators of recipes' configurations.
    """
    size = data.output_size
    if size is None:
        return
    possible = generator.sizes.nearest(size) if generator.output_size is None else [generator.output_size]
    if size not in possible:
        sizes = " or ".join(pixels(one) for one in possible)
        raise ValueError(f"data.mode, crop_size and aspect_ratio give {pixels(size)}, the generator makes {sizes}")


@dataclass(frozen=True)
class Collate:
    """Samples with label maps to a batch, with every distinct window found already; runs in the data workers."""

    generator: GeneratorConfig
    discriminator: PatchDiscriminatorConfig | None = None
    """What reads the layouts beside the generator."""

    def __call__(self, samples: Sequence[Sample]) -> Batch:
        """Encode samples of one size."""
        batch = Batch.from_samples(samples, self.generator.encoding)
        assert isinstance(batch.layout, LayoutBatch)
        self.generator.prepare(batch.layout)
        if self.discriminator is not None:
            self.discriminator.prepare(batch.layout)
        return batch


def sized_alike(config: RecipeConfig, changes: Sequence[str]) -> list[str]:
    """Complete changes of a configuration: one setting of the pictures' size holds for the data and the generator.

    Args:
        config: what the changes are of.
        changes: texts ``KEY=VALUE``.

    Returns:
        The changes. Where they set ``crop_size`` or ``aspect_ratio`` of the data or of a generator that is made for one
        size, and not of the other, which had the same one, those of the other are added.
    """
    given = {key.strip(): value for key, _, value in (change.partition("=") for change in changes)}
    generator, added = config.model_dump().get("generator", {}), []
    for name in ("crop_size", "aspect_ratio"):
        if generator.get(name) == getattr(config.data, name):
            for one, other in (("data", "generator"), ("generator", "data")):
                value = given.get(f"{one}.{name}")
                if value is not None and f"{other}.{name}" not in given:
                    added.append(f"{other}.{name}={value}")
    return [*changes, *added]

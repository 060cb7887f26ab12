"""A small segmenter from scratch, so that any dataset, and a machine without a network, has one to be scored by.

It is trained on the training split; the validation split chooses the checkpoint that is kept. The order of photos,
their augmentation and dropped paths are functions of the seed and the step, so that a training that was interrupted
continues to the bit (on a CPU).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from semsynth.classes import ClassSet
from semsynth.config import Config
from semsynth.data.progress import Progress, silent
from semsynth.data.sample import Sample
from semsynth.data.source import LabelledSamples
from semsynth.errors import SemsynthError
from semsynth.evaluation.metrics.confusion import class_counts, confusion_matrix, segmentation_scores
from semsynth.evaluation.reading import read_ahead
from semsynth.evaluation.segmenters.augmentation import SegmenterAugmentation
from semsynth.evaluation.segmenters.hugging_face import HuggingFaceSegmenter
from semsynth.evaluation.segmenters.labelling import label_images
from semsynth.evaluation.segmenters.mappings import mapping_of
from semsynth.extras import require
from semsynth.images import to_tensor
from semsynth.state_check import adam_problems, adam_state, network_problems, number_problem

Width = Annotated[int, Field(ge=1, le=8192)]
Depth = Annotated[int, Field(ge=1, le=256)]


class SegmenterSettings(Config):
    """Network and training; the defaults are SegFormer-B0 (Xie et al. 2021, table 6)."""

    hidden_sizes: tuple[Width, Width, Width, Width] = (32, 64, 160, 256)
    """Channels of the encoder's stages."""
    depths: tuple[Depth, Depth, Depth, Depth] = (2, 2, 2, 2)
    """Blocks of the stages."""
    heads: tuple[Depth, Depth, Depth, Depth] = (1, 2, 5, 8)
    """Attention heads of the stages."""
    decoder_size: int = Field(256, ge=1, le=8192)
    """Channels of the decoder."""
    augmentation: SegmenterAugmentation = SegmenterAugmentation()
    """What training pictures go through."""
    steps: int = Field(8000, ge=1, le=10**12)
    """Optimiser steps of the whole training."""
    batch_size: int = Field(8, ge=1, le=2**16)
    """Pictures per step."""
    lr: float = Field(1e-3, gt=0, le=10)
    """AdamW's largest learning rate; it rises over ``warmup`` steps and falls linearly to 0."""
    warmup: int = Field(200, ge=0, le=10**12)
    """Steps until then."""
    weight_decay: float = Field(0.05, ge=0, le=100)
    """AdamW's."""
    class_balance: float = Field(0.4, ge=0, le=1)
    """The loss weighs a class by its frequency to minus this power: 0 weighs pixels, 1 classes."""
    validate_every: int = Field(500, ge=1, le=10**12)
    """Steps between validations, at which the state is saved, too."""
    patience: int = Field(10, ge=1, le=10**12)
    """Validations without a better mean IoU after which training stops."""
    precision: str = Field("auto", pattern="^(auto|float32|bfloat16)$")
    """Arithmetic of the forward pass; auto: bfloat16 where the hardware has it."""
    seed: int = Field(0, ge=-(2**40), le=2**40)
    """Of weights, order and augmentation."""

    def learning_rate(self, step: int) -> float:
        """Of step number ``step``, from 0."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        return self.lr * rise * (1 - step / self.steps)


@dataclass(frozen=True)
class Validation:
    """One line of ``log.jsonl``."""

    step: int
    loss: float
    """Mean since the line before."""
    mean_iou: float
    pixel_accuracy: float


class SegmenterTraining:
    """A training in memory; :meth:`run` goes on until it is done, stopped, or no longer improves."""

    def __init__(
        self,
        settings: SegmenterSettings,
        data: tuple[LabelledSamples, LabelledSamples],
        device: torch.device,
        dtype: torch.dtype,
        workers: int = 0,
    ) -> None:
        """Initialise the network.

        Args:
            settings: network and training.
            data: what is trained on, and what chooses the checkpoint; with photos.
            device: where the network runs.
            dtype: of the forward pass.
            workers: threads that read files.

        Raises:
            SemsynthError: a damaged file.
        """
        self.settings, self.device, self.dtype, self.workers = settings, device, dtype, workers
        self.train, self.val = data
        self.classes: ClassSet = self.train.classes
        torch.manual_seed(settings.seed)
        self.network = build_network(settings, self.classes).to(device)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), weight_decay=settings.weight_decay)
        self.step, self.best, self.since_best = 0, -1.0, 0
        self._weights = class_weights(self.train, settings.class_balance).to(device)
        mapping = mapping_of(self.classes)
        self._mean, self._std = (torch.tensor(v, device=device).view(1, 3, 1, 1) for v in (mapping.mean, mapping.std))

    def run(
        self,
        save_best: Callable[[Validation], None],
        save_state: Callable[[Validation | None], None],
        stopped: Callable[[], bool] = lambda: False,
        progress: Progress = silent,
    ) -> bool:
        """Train.

        Args:
            save_best: called when validation was better than ever.
            save_state: called after every validation with its line, and with None before a stop.
            stopped: asked after every step.
            progress: called after every step.

        Returns:
            Whether the training is complete; False if ``stopped`` ended it.

        Raises:
            SemsynthError: a damaged file, or a loss that is not finite.
        """
        settings, losses = self.settings, torch.zeros((), device=self.device)
        batches = read_ahead(self._batch, range(self.step, settings.steps), self.workers)
        since = 0
        for images, labels in batches:
            losses += self._train_step(images, labels)
            since += 1
            progress(self.step, settings.steps)
            if self.step % settings.validate_every == 0 or self.step == settings.steps:
                line = self._validate(float(losses) / since)
                losses.zero_()
                since = 0
                self.since_best += 1
                if line.mean_iou > self.best:
                    self.best, self.since_best = line.mean_iou, 0
                    save_best(line)
                save_state(line)
                if self.since_best >= settings.patience:
                    return True
            if stopped():
                save_state(None)
                return self.step == settings.steps
        return True

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "settings": self.settings.model_dump_json(),
            "step": self.step,
            "best": self.best,
            "since_best": self.since_best,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def misfits(self, state: dict[str, Any]) -> Iterator[str]:
        """What keeps :meth:`load_state` from going on from ``state``; empty: nothing."""
        numbers = [number_problem(state, key) for key in ("step", "since_best")]
        best = state.get("best")
        if not isinstance(best, float) or not -1 <= best <= 1:
            numbers.append("its best score is missing or none")
        yield from filter(None, numbers)
        if not any(numbers):
            yield from network_problems(
                "network", {"segmenter": self.network.state_dict()}, {"segmenter": state.get("network")}
            )
            yield from adam_problems(
                "segmenter", list(self.network.parameters()), state["step"], state.get("optimizer")
            )

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from :meth:`state`; :meth:`misfits` has found nothing wrong with it."""
        self.step, self.best, self.since_best = state["step"], state["best"], state["since_best"]
        self.network.load_state_dict(state["network"])
        adam = adam_state(list(self.network.parameters()), state["optimizer"])
        self.optimizer.load_state_dict({"state": adam, "param_groups": self.optimizer.state_dict()["param_groups"]})

    def segmenter(self) -> HuggingFaceSegmenter:
        """The network as it is, to label with; it goes on training afterwards."""
        return HuggingFaceSegmenter(self.network, mapping_of(self.classes), "segmenter in training", "")

    def _batch(self, step: int) -> tuple[Tensor, Tensor]:
        settings = self.settings
        views = []
        for draw in range(step * settings.batch_size, (step + 1) * settings.batch_size):
            epoch, position = divmod(draw, len(self.train))
            order = random.Random(f"order {settings.seed} {epoch}").sample(range(len(self.train)), len(self.train))
            rng = random.Random(f"augmentation {settings.seed} {draw}")
            views.append(settings.augmentation.apply(self.train[order[position]], rng))
        return stacked(views)

    def _train_step(self, images: Tensor, labels: Tensor) -> Tensor:
        settings = self.settings
        torch.manual_seed(settings.seed * 1_000_003 + self.step)  # of dropped paths and units
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate(self.step)
        self.network.train().requires_grad_(True)
        pixels = ((images.to(self.device) + 1) / 2 - self._mean) / self._std
        with torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            logits = self.network(pixel_values=pixels).logits
        upsampled = F.interpolate(logits.float(), size=labels.shape[1:], mode="bilinear", align_corners=False)
        void = self.classes.num_classes
        loss = F.cross_entropy(upsampled, labels.to(self.device), self._weights, ignore_index=void)
        if not loss.isfinite():
            raise SemsynthError(f"step {self.step}: the loss is {float(loss)}: train with a lower learning rate (lr)")
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.step += 1
        return loss.detach()

    def _validate(self, loss: float) -> Validation:
        segmenter, count = self.segmenter(), self.classes.num_classes
        total = np.zeros((count, count + 1), np.int64)
        whole = self.settings.augmentation.whole
        for images, labels in read_ahead(lambda i: stacked([whole(self.val[i])]), range(len(self.val)), self.workers):
            total += confusion_matrix(labels.numpy(), label_images(segmenter, images).index.numpy(), count)
        scores = segmentation_scores(class_counts(total))
        return Validation(self.step, loss, float(scores.mean_iou), float(scores.pixel_accuracy))


def build_network(settings: SegmenterSettings, classes: ClassSet) -> nn.Module:
    """A SegFormer with new weights."""
    require("evaluate", "a segmenter", "transformers")
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    names = {index: item.name for index, item in enumerate(classes.classes)}
    config = SegformerConfig(
        hidden_sizes=list(settings.hidden_sizes),
        depths=list(settings.depths),
        num_attention_heads=list(settings.heads),
        decoder_hidden_size=settings.decoder_size,
        id2label=names,
        label2id={name: index for index, name in names.items()},
    )
    network: nn.Module = SegformerForSemanticSegmentation(config)
    return network


def class_weights(samples: LabelledSamples, balance: float) -> Tensor:
    """[K] float32: frequency to the power ``-balance``, the mean over pixels being 1; absent classes weigh 0."""
    classes = samples.classes
    counts = np.zeros(classes.num_classes + 1, np.int64)
    if balance == 0:
        return torch.ones(classes.num_classes)
    for index in range(len(samples)):
        counts += np.bincount(classes.index_of_id[samples[index].layout.labels].ravel(), minlength=len(counts))
    share = counts[:-1] / max(1, counts[:-1].sum())
    weights = np.where(share > 0, np.maximum(share, 1e-6) ** -balance, 0.0)
    return torch.from_numpy(weights / (weights * share).sum()).float()


def stacked(samples: Sequence[Sample]) -> tuple[Tensor, Tensor]:
    """Images [N,3,H,W] in [-1,1] and class indices [N,H,W] int64, void being K."""
    images, indices = [], []
    for sample in samples:
        assert sample.image is not None
        images.append(to_tensor(sample.image))
        index: NDArray[np.int32] = sample.layout.classes.index_of_id[sample.layout.labels]
        indices.append(torch.from_numpy(index.astype(np.int64)))
    return torch.stack(images), torch.stack(indices)

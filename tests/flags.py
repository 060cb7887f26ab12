"""A drawn dataset and a segmenter that knows its colours: shared by the tests of evaluation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import SegformerConfig, SegformerForSemanticSegmentation

from semsynth.classes import ClassInfo, ClassSet
from semsynth.data.folder import IMAGES, LABELS, DatasetFolder, save_classes
from semsynth.evaluation.features import random_features
from semsynth.evaluation.judges import Judges, assemble
from semsynth.evaluation.pictures import Picture, RealPhotos
from semsynth.evaluation.protocols.shipped import semsynth_2026
from semsynth.evaluation.run import Evaluation
from semsynth.evaluation.truth import SegmenterPredictor
from semsynth.images import save_png
from semsynth.layout import Layout

CLASSES = ClassSet(
    name="flags",
    classes=tuple(
        ClassInfo(id=3 + i, name=name, color=color)
        for i, (name, color) in enumerate(
            (("red", (220, 40, 40)), ("green", (40, 200, 60)), ("blue", (40, 60, 220)), ("rare", (230, 230, 40)))
        )
    ),
)
SIDE = 32
PROTOCOL = f"semsynth-2026-{SIDE}x{SIDE}"
COUNT = 24


def draw(number: int) -> tuple[Layout, Picture]:
    """A map of bars and a noisy photo of it, whose colours tell the classes."""
    rng = np.random.default_rng(number)
    index = rng.integers(0, 3, (4, 4)).repeat(8, 0).repeat(8, 1)
    if number % 3 == 0:
        index[:5, :7] = 3
    labels = CLASSES.ids[index]
    labels[-2:, -3:] = 65535
    noise = rng.normal(0, 45, (SIDE, SIDE, 3)) + rng.normal(0, 25, 3)
    photo = np.clip(CLASSES.palette[index] + noise, 0, 255).astype(np.uint8)
    return Layout(labels, CLASSES), photo


class ColorSegmenter:
    """Scores a class by how near its colour is, as smooth as a network's answers."""

    name, fingerprint, classes, trained_on = "colours", "colours-1", CLASSES, "nothing"
    device = torch.device("cpu")

    def logits(self, images: Tensor) -> Tensor:
        """[N,3,H,W] -> [N,K,H,W]."""
        colors = torch.from_numpy(CLASSES.palette[:-1].astype(np.float32)) / 127.5 - 1
        difference = images[:, None] - colors.view(1, -1, 3, 1, 1)
        return -4 * difference.square().sum(2)


class ChangedPhotos:
    """Photos after a change."""

    def __init__(self, change, name: str = "changed") -> None:  # type: ignore[no-untyped-def]
        self.change, self.name, self.fingerprint = change, name, name

    def pictures(self, samples: Sequence, number: int) -> list[Picture]:  # type: ignore[type-arg]
        return [self.change(sample) for sample in samples]


def write_flags(root: Path) -> Path:
    """A dataset folder of 24 validation and 12 training pairs."""
    save_classes(root, CLASSES)
    for split, numbers in (("val", range(COUNT)), ("train", range(100, 112))):
        for number in numbers:
            layout, photo = draw(number)
            layout.save(root / split / LABELS / f"{number:03d}.png")
            save_png(root / split / IMAGES / f"{number:03d}.png", photo)
    return root


def evaluation_of(  # type: ignore[no-untyped-def]
    root: Path, source=None, *, indices: Sequence[int] | None = None, samples: int = 1, batch_size: int = 4
) -> Evaluation:
    """Everything by the colours, features of the built-in random network."""
    data = DatasetFolder(root, "val")
    protocol = semsynth_2026((SIDE, SIDE)).model_copy(update={"distance_replicates": 10, "features": "random"})
    predictor = SegmenterPredictor(ColorSegmenter(), protocol, CLASSES)
    features = random_features()
    judges = Judges(ColorSegmenter(), predictor, predictor, "", features, features)
    chosen = list(range(len(data))) if indices is None else list(indices)
    return assemble(data, protocol, chosen, CLASSES, source or RealPhotos(), judges, samples, batch_size)


def save_network(folder: Path, names: list[str], **files: object) -> Path:
    """An untrained network of transformers in a folder."""
    torch.manual_seed(0)
    labels = dict(enumerate(names))
    config = SegformerConfig(
        hidden_sizes=[4, 8, 8, 8],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8,
        id2label=labels,
        label2id={name: i for i, name in labels.items()},
    )
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
    return folder

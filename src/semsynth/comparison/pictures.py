"""The pictures of a comparison: layouts, photographs, and what each entry's model makes of the layouts."""

from __future__ import annotations

import random
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from semsynth.checkpoint import LoadedModel, load_model
from semsynth.classes import ClassInfo, ClassSet
from semsynth.comparison.record import ComparisonFolder, Shown
from semsynth.data.sample import Sample, Samples
from semsynth.data.transforms import Pipeline
from semsynth.images import save_png
from semsynth.layout import Layout
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.styles.fitting import fit_bank
from semsynth.synthesizer import Synthesizer


def choose(samples: Samples, pipeline: Pipeline, count: int) -> list[Sample]:
    """Validation samples spread evenly over their folder, transformed as outside training."""
    count = min(count, len(samples))
    chosen = [samples[number * len(samples) // count] for number in range(count)]
    return [pipeline.apply(sample, random.Random(0), train=False) for sample in chosen]


def write_references(folder: ComparisonFolder, samples: Sequence[Sample]) -> tuple[Shown, ...]:
    """Write the layouts' colours and the photographs."""
    shown = []
    for number, sample in enumerate(samples, 1):
        layout, photo = (f"pictures/{number:02d}_{kind}.png" for kind in ("layout", "photo"))
        save_png(folder.root / layout, sample.condition.colors())
        if sample.image is not None:
            save_png(folder.root / photo, sample.image)
        shown.append(Shown(name=sample.name, layout=layout, photo=photo if sample.image is not None else None))
    return tuple(shown)


def legend(samples: Sequence[Sample], classes: ClassSet) -> tuple[ClassInfo, ...]:
    """The classes that occur in the layouts."""
    layouts = [sample.condition for sample in samples if isinstance(sample.condition, Layout)]
    ids = set(np.concatenate([np.unique(layout.labels) for layout in layouts]).tolist()) if layouts else set()
    return tuple(item for item in classes.classes if item.id in ids)


def write_pictures(
    folder: ComparisonFolder,
    name: str,
    model: Path,
    samples: Sequence[Sample],
    train: Samples,
    seed: int,
    device: torch.device,
) -> tuple[str, ...]:
    """Write what a model makes of the samples' layouts, without a look at their photographs.

    Args:
        folder: of the comparison.
        name: what the files' names end in.
        model: the model folder; where it has styles for objects, it gets the modes of ``train``.
        samples: as :func:`choose` gives them.
        train: training samples.
        seed: draws styles, where the model has any.
        device: where to synthesise, in float32.
    """
    fit_modes(load_model(model), train, device)
    synthesizer = Synthesizer(load_model(model), device)
    paths = []
    for number, sample in enumerate(samples, 1):
        path = f"pictures/{number:02d}_{name}.png"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of sizes: the page shows what came out
            photo = synthesizer(sample.condition, seed=seed if synthesizer.has_styles else None)
        save_png(folder.root / path, np.asarray(photo))
        paths.append(path)
    return tuple(paths)


def fit_modes(model: LoadedModel, train: Samples, device: torch.device) -> None:
    """Give a model with styles of objects the modes to draw them from, as ``semsynth styles fit`` does."""
    encoder = model.networks.get("encoder")
    if isinstance(encoder, InstanceEncoder):
        by_labels = model.config.objects == "labels"
        bank = fit_bank(encoder, train, model.config.data, by_labels=by_labels, device=device)
        bank.save(model.folder, model.config.style_weights)

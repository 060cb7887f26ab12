"""How much the classes of a dataset look like those of a trained model: measured, read from a file, or given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from semsynth.classes import NO_CLASSES, ClassSet
from semsynth.data.progress import Progress, silent
from semsynth.data.source import open_source
from semsynth.errors import SemsynthError
from semsynth.layout import Layout
from semsynth.training.affinity import Shares, checked_shares, read_shares
from semsynth.training.beginning import trained_model
from semsynth.training.start import TRAIN

SEGMENTER = "segmenter"
"""Stands for shares that are measured with a segmenter."""


def estimate_affinity(
    model: str | Path,
    data: str | Path,
    *,
    segmenter: str | None = None,
    limit: int | None = 100,
    device: str = "auto",
    progress: Progress = silent,
) -> Shares:
    """Measure what a segmenter of a model's classes takes the classes of a dataset for.

    The segmenter labels training photos. The share of a trained class in a new one is the share of the new class's
    pixels that it takes for the trained one (class affinity transfer, CVPR 2023). Classes that have the name of a
    trained one are left out: they begin with that one.

    Args:
        model: the model or run folder that a training will start from.
        data: the dataset folder, or shards, that it will be trained on.
        segmenter: a folder, a Hugging Face id or a class set; by default the bundled one for the model's classes.
        limit: how many photos are looked at, the first ones; None: all.
        device: where the segmenter runs.
        progress: called once per photo.

    Returns:
        The share of each trained class by new class; classes without pixels are left out.

    Raises:
        SemsynthError: no segmenter for the model's classes, or one of others; data without label maps or photos.
    """
    from semsynth.evaluation.choices import find_segmenter, open_split
    from semsynth.evaluation.segmenters.photos import label_photo

    old = trained_model(model).classes
    samples = open_split(data, TRAIN)
    judge = find_segmenter(segmenter, None, old, device)
    new, known = samples.classes, {item.name for item in old.classes}
    if not {item.name for item in judge.classes.classes} & known:
        raise SemsynthError(f"the segmenter {judge.name} knows no class of '{old.name}', the classes of {model}")
    counts = np.zeros((new.num_classes + 1, judge.classes.num_classes + 1), np.int64)  # void last, in both
    total = len(samples) if limit is None else min(limit, len(samples))
    for number in range(total):
        sample = samples[number]
        assert isinstance(sample.condition, Layout)  # open_split makes sure
        seen = label_photo(judge, sample.rgb)
        true, taken_for = (one.classes.index_of_id[one.labels] for one in (sample.condition, seen))
        cells = true.ravel() * counts.shape[1] + taken_for.ravel()
        counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape)
        progress(number + 1, total)
    rows: dict[str, dict[str, int]] = {}
    for item, row in zip(new.classes, counts.tolist(), strict=False):
        found = {one.name: n for one, n in zip(judge.classes.classes, row, strict=False) if n and one.name in known}
        if item.name not in known and found:
            rows[item.name] = found
    return checked_shares(rows, old, new, judge.name)


def find_affinity(
    affinity: str | Path | Mapping[str, Mapping[str, float]] | None,
    init_from: str | Path | None,
    data: str | Path,
    device: str = "auto",
    progress: Progress = silent,
) -> Shares | None:
    """The shares that a training was asked to begin with.

    Args:
        affinity: ``segmenter`` measures them, a path reads them, a mapping is taken; None: names alone say it.
        init_from: the model or run folder that the training starts from.
        data: its dataset folder or shards.
        device: where a segmenter runs.
        progress: called once per photo that is looked at.

    Raises:
        SemsynthError: as :func:`estimate_affinity`, a file that does not fit, or no model to start from.
    """
    if affinity is None:
        return None
    if init_from is None:
        raise SemsynthError("affinity says how classes begin with those of another model: give init_from, too")
    if affinity == SEGMENTER:
        return estimate_affinity(init_from, data, device=device, progress=progress)
    old, new = trained_model(init_from).classes, open_source(data).classes
    _check_classes(old, init_from)
    if isinstance(affinity, str | Path):
        return checked_shares(read_shares(Path(affinity)), old, new, str(affinity))
    return checked_shares(affinity, old, new, "affinity")


def _check_classes(classes: ClassSet, model: str | Path) -> None:
    if classes == NO_CLASSES:
        raise SemsynthError(f"{model} reads pictures, not classes: leave affinity out")

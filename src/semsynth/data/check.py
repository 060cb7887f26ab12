"""What is wrong with a dataset folder, found before training does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.data.folder import IMAGES, INSTANCES, LABELS, load_classes, splits
from semsynth.data.listing import list_pictures, pairing_problems
from semsynth.data.progress import Progress, silent
from semsynth.data.splitting import missing_split_notes
from semsynth.errors import SemsynthError
from semsynth.images import decode_image, open_image, read_image_bytes
from semsynth.layout import Layout

MAX_IN_BETWEEN = 0.06
"""Share of border pixels that may lie between their neighbours' ids, beyond ``MIN_IN_BETWEEN`` pixels.

Measured with :func:`in_between` on CMP Facades, CamVid, LabelMeFacade and samples of Cityscapes and COCO-Stuff: at
most 0.02 in real maps, 0.06 in them scaled down to 64x64 (nearest). After bilinear or bicubic scaling or JPEG at
quality 92, 19 of 20 maps have more than 0.07, and the median is 0.15 to 0.5.
"""
MIN_IN_BETWEEN = 10


@dataclass(frozen=True, eq=False)
class SplitReport:
    """What one split holds."""

    name: str
    layouts: int
    photos: int
    instances: int
    sizes: tuple[tuple[int, int], tuple[int, int]] | None
    """Smallest and largest (height, width) by area; None if no label map could be read."""
    pixels: NDArray[np.int64]
    """[K+1]: pixels per class index, void last."""


@dataclass(frozen=True)
class DatasetReport:
    """The result of :func:`check_dataset`."""

    classes: ClassSet
    splits: tuple[SplitReport, ...]
    problems: tuple[str, ...]
    """What has to be mended, one line each."""
    notes: tuple[str, ...]
    """What is allowed, but should be known."""


@dataclass(frozen=True)
class _Files:
    label: Path
    image: Path | None
    instance: Path | None


@dataclass(frozen=True, eq=False)
class Summary:
    """A label map in numbers."""

    size: tuple[int, int]
    """(height, width)."""
    pixels: NDArray[np.int64]
    """[K+1]: per class index, void last."""

    @classmethod
    def of(cls, layout: Layout) -> Summary:
        """Count."""
        indices = layout.classes.index_of_id[layout.labels].ravel()
        counts = np.bincount(indices, minlength=layout.classes.num_classes + 1).astype(np.int64)
        return cls(layout.size, counts)


def check_dataset(root: Path, progress: Progress = silent) -> DatasetReport:
    """Read every file of a dataset folder.

    Args:
        root: the dataset folder.
        progress: called once per label map.

    Raises:
        SemsynthError: there is no such folder, or its ``classes.json`` cannot be read.
    """
    classes = load_classes(root)
    names = splits(root)
    problems: list[str] = []
    notes: list[str] = []
    listed = {name: list(_list_split(root / name, problems, notes)) for name in names}
    _check_split_names(root, names, listed, problems, notes)
    total = sum(map(len, listed.values()))
    done = 0
    reports = []
    problems += [
        f"{folder} has photos but no {LABELS}/: label them, or move the folder away"
        for folder in sorted(root.iterdir())
        if (folder / IMAGES).is_dir() and folder.name not in names
    ]
    with ThreadPoolExecutor() as pool:
        for name, files in listed.items():
            layouts = []
            for layout, found in pool.map(lambda item: _check_files(item, classes), files):
                problems += found
                if layout is not None:
                    layouts.append(layout)
                done += 1
                progress(done, total)
            photos, instances = (
                sum(getattr(item, kind) is not None for item in files) for kind in ("image", "instance")
            )
            reports.append(split_report(name, (len(files), photos, instances), layouts, classes))
    return DatasetReport(classes, tuple(reports), tuple(problems), tuple(notes))


def in_between(labels: NDArray[np.integer]) -> tuple[int, int]:
    """Count the pixels that make a label map look anti-aliased, resampled or JPEG-compressed.

    Interpolation leaves ids between those of the two sides all along every border. A thin class between two others
    does so along one kind of border, which is why the commonest kind does not count.

    Args:
        labels: [H,W] ids.

    Returns:
        (pixels whose id lies strictly between the differing ids of their left and right, or upper and lower,
        neighbours, without the commonest triple of ids; all pixels with such differing neighbours).
    """
    borders = 0
    triples = []
    for rows in (labels.astype(np.int64), labels.T.astype(np.int64)):
        before, here, after = rows[:, :-2], rows[:, 1:-1], rows[:, 2:]
        low, high = np.minimum(before, after), np.maximum(before, after)
        borders += int((low != high).sum())
        between = (low < here) & (here < high)
        triples.append((low[between] << 32) | (here[between] << 16) | high[between])
    counts = np.unique(np.concatenate(triples), return_counts=True)[1]
    return int(counts.sum() - counts.max(initial=0)), borders


def resampling_problems(labels: NDArray[np.integer], called: str) -> list[str]:
    """A line where a label map [H,W] looks anti-aliased, resampled or JPEG-compressed; ``called`` begins it."""
    between, borders = in_between(labels)
    if between <= MIN_IN_BETWEEN + MAX_IN_BETWEEN * borders:
        return []
    return [
        f"{called} looks anti-aliased or compressed: {between} of {borders} border pixels have an id between "
        "their neighbours' ids; export it again with nearest resampling and without JPEG"
    ]


def _list_split(folder: Path, problems: list[str], notes: list[str]) -> Iterator[_Files]:
    """The files of a split; what does not pair goes to ``problems``."""
    found: dict[str, dict[str, Path]] = {}
    for kind in (LABELS, IMAGES, INSTANCES):
        if kind == LABELS or (folder / kind).is_dir():
            try:
                found[kind] = list_pictures(folder / kind)
            except SemsynthError as error:
                problems.append(str(error))
    labels = found.get(LABELS, {})
    for kind in (IMAGES, INSTANCES):
        if kind in found:
            problems += [f"{folder}: {problem}" for problem in pairing_problems(labels, found[kind], kind)]
    if not (folder / IMAGES).is_dir():
        notes.append(f"{folder} has label maps only, no photos: enough for synthesis, not for training")
    for name, label in labels.items():
        yield _Files(label, found.get(IMAGES, {}).get(name), found.get(INSTANCES, {}).get(name))


def _check_split_names(
    root: Path, names: tuple[str, ...], listed: dict[str, list[_Files]], problems: list[str], notes: list[str]
) -> None:
    if not names:
        problems.append(f"{root} has no split: a sub-folder such as train/ with {LABELS}/ (and {IMAGES}/) in it")
        return
    if any(item.image is not None for files in listed.values() for item in files):
        notes += missing_split_notes(root, names)


def _check_files(files: _Files, classes: ClassSet) -> tuple[Summary | None, list[str]]:
    """One sample's label map in numbers, if it can be read, and its problems."""
    problems = []
    layout = None
    try:
        layout = Layout.open(files.label, classes)
        labels: NDArray[np.integer] = classes.index_of_id[layout.labels]
    except SemsynthError as error:
        problems.append(str(error))
        labels = _raw_numbers(files.label)
    problems += resampling_problems(labels, str(files.label))
    if layout is not None and files.instance is not None:
        try:
            layout.with_instances(read_image_bytes(files.instance), f"{files.instance} beside {files.label}")
        except SemsynthError as error:
            problems.append(str(error))
    if files.image is not None:
        try:
            height, width = decode_image(files.image).shape[:2]
            if layout is not None and layout.size != (height, width):
                rows, columns = layout.size
                problems.append(f"{files.image} is {width}x{height}, its label map {columns}x{rows}: make them equal")
        except SemsynthError as error:
            problems.append(str(error))
    return None if layout is None else Summary.of(layout), problems


def _raw_numbers(path: Path) -> NDArray[np.integer]:
    """[H,W] numbers as stored; a single 0 where the file holds colours or nothing readable."""
    try:
        numbers = np.asarray(open_image(read_image_bytes(path), str(path)))
    except SemsynthError:
        return np.zeros((1, 1), np.uint8)
    return numbers if numbers.ndim == 2 else np.zeros((1, 1), np.uint8)


def split_report(name: str, counts: tuple[int, int, int], layouts: Sequence[Summary], classes: ClassSet) -> SplitReport:
    """Sum up a split.

    Args:
        name: of the split.
        counts: of label maps, photos and instance maps.
        layouts: the label maps that could be read.
        classes: of the label maps.
    """
    sizes = sorted((layout.size for layout in layouts), key=lambda size: size[0] * size[1])
    pixels = sum((layout.pixels for layout in layouts), np.zeros(classes.num_classes + 1, np.int64))
    return SplitReport(name, *counts, (sizes[0], sizes[-1]) if sizes else None, pixels)

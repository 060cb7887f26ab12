"""What is wrong with a dataset folder whose conditions are pictures, found before training does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from semsynth.data.budget import PixelBudget
from semsynth.data.condition_folder import CONDITION
from semsynth.data.folder import CONDITIONS, IMAGES, splits
from semsynth.data.listing import list_pictures, pairing_problems
from semsynth.data.progress import Progress, silent
from semsynth.data.splitting import missing_split_notes
from semsynth.errors import SemsynthError
from semsynth.images import decode_image
from semsynth.layout import Size, pixels


@dataclass(frozen=True)
class ConditionSplitReport:
    """What one split holds."""

    name: str
    conditions: int
    photos: int
    sizes: tuple[Size, Size] | None
    """Smallest and largest (height, width) by area; None if no condition could be read."""


@dataclass(frozen=True)
class ConditionReport:
    """The result of :func:`check_conditions`."""

    splits: tuple[ConditionSplitReport, ...]
    problems: tuple[str, ...]
    """What has to be mended, one line each."""
    notes: tuple[str, ...]
    """What is allowed, but should be known."""


@dataclass(frozen=True)
class _Files:
    condition: Path
    image: Path | None


def check_conditions(root: Path, progress: Progress = silent) -> ConditionReport:
    """Read every file of a dataset folder whose conditions are pictures.

    Args:
        root: the dataset folder.
        progress: called once per condition.
    """
    problems: list[str] = []
    notes: list[str] = []
    listed = {name: list(_list_split(root / name, problems, notes)) for name in splits(root, CONDITIONS)}
    if any(files.image for split in listed.values() for files in split):
        notes += missing_split_notes(root, listed)
    problems += [
        f"{root / name} has photos but no {CONDITIONS}/: add them, or move the folder away"
        for name in splits(root, IMAGES)
        if name not in listed
    ]
    reports = _read(listed, problems, progress)
    return ConditionReport(tuple(reports), tuple(problems), tuple(notes))


def _list_split(folder: Path, problems: list[str], notes: list[str]) -> Iterator[_Files]:
    """The files of a split; what does not pair goes to ``problems``."""
    found: dict[str, dict[str, Path]] = {CONDITIONS: {}, IMAGES: {}}
    for kind in found:
        if (folder / kind).is_dir():
            try:
                found[kind] = list_pictures(folder / kind)
            except SemsynthError as error:
                problems.append(str(error))
    if not (folder / IMAGES).is_dir():
        notes.append(f"{folder} has conditions only, no photos: enough for synthesis, not for training")
    elif all(found.values()):
        unpaired = pairing_problems(found[CONDITIONS], found[IMAGES], IMAGES, CONDITION)
        problems += [f"{folder}: {problem}" for problem in unpaired]
    for name, condition in found[CONDITIONS].items():
        yield _Files(condition, found[IMAGES].get(name))


def _read(
    listed: Mapping[str, list[_Files]], problems: list[str], progress: Progress
) -> Iterator[ConditionSplitReport]:
    total, done, budget = sum(map(len, listed.values())), 0, PixelBudget()
    with ThreadPoolExecutor() as pool:
        for name, files in listed.items():
            sizes = []
            for size, found in pool.map(lambda one: _check_files(one, budget), files):
                problems += found
                if size is not None:
                    sizes.append(size)
                done += 1
                progress(done, total)
            sizes.sort(key=lambda size: size[0] * size[1])
            photos = sum(one.image is not None for one in files)
            yield ConditionSplitReport(name, len(files), photos, (sizes[0], sizes[-1]) if sizes else None)


def _check_files(files: _Files, budget: PixelBudget) -> tuple[Size | None, list[str]]:
    """The condition's size, if it can be read, and what is wrong."""
    sizes: list[Size] = []
    problems = []
    for path in (files.condition, files.image):
        if path is not None:
            try:
                with budget.reserved(path):
                    height, width = decode_image(path).shape[:2]
            except SemsynthError as error:
                problems.append(str(error))
            else:
                sizes.append((height, width))
    if len(set(sizes)) == 2:
        problems.append(f"{files.image} is {pixels(sizes[1])}, its condition {pixels(sizes[0])}: make them equal")
    return (sizes[0] if sizes else None), problems

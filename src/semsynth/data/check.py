"""What is wrong with a dataset folder, found before training does."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.data.budget import PixelBudget
from semsynth.data.coverage import add_coverage, class_pixels
from semsynth.data.folder import IMAGES, INSTANCES, LABELS, load_classes, splits
from semsynth.data.listing import list_pictures, pairing_problems
from semsynth.data.orientations import turned_photos
from semsynth.data.progress import Progress, silent
from semsynth.data.resampling import layout_problems, resampling_problems
from semsynth.data.splitting import missing_split_notes
from semsynth.errors import SemsynthError
from semsynth.images import open_image, photo_size, picture_header, read_image_bytes, stored_orientation
from semsynth.layout import Layout, pixels
from semsynth.pixel_format import ARRAY, PixelFormat


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
        return cls(layout.size, class_pixels(layout))


@dataclass
class _Found:
    """What was found of one sample, or of all."""

    problems: list[str] = field(default_factory=list)
    summary: Summary | None = None
    """None if the label map could not be read."""
    palette: dict[int, int] = field(default_factory=dict)
    """Index that the label map uses -> its colour, 0xRRGGBB, where it has a palette."""


class _Palettes:
    """The palettes of all label maps: indices are ids, so that each has one colour."""

    def __init__(self) -> None:
        self._first: dict[int, tuple[int, Path]] = {}
        self._different: list[str] = []

    def add(self, label: Path, palette: Mapping[int, int]) -> None:
        """Compare the used entries of a label map's palette, index -> 0xRRGGBB, with those of earlier ones."""
        for index, color in palette.items():
            other, path = self._first.setdefault(index, (color, label))
            if other != color:
                self._different.append(f"{label} draws {index} in #{color:06x}, and {path} in #{other:06x}")
                return

    def problems(self) -> list[str]:
        """A line, if palettes differ."""
        if not self._different:
            return []
        more = f" (and {len(self._different) - 1} more)" if len(self._different) > 1 else ""
        return [
            f"the palettes of label maps differ: {self._different[0]}{more}; indices are read as ids: if the colours "
            "are right, import them with `semsynth data import folder --labels-hold colors`, else with "
            "`--labels-hold ids`"
        ]


def check_dataset(root: Path, progress: Progress = silent, thin: Collection[str] = ()) -> DatasetReport:
    """Read every file of a dataset folder.

    Args:
        root: the dataset folder.
        progress: called once per label map.
        thin: names of classes that are thin by nature, which do not make a label map look resampled.

    Raises:
        SemsynthError: there is no such folder, or its ``classes.json`` cannot be read.
    """
    classes, format = load_classes(root), PixelFormat.of(root)
    names = splits(root)
    problems: list[str] = []
    notes: list[str] = []
    listed = {name: list(_list_split(root / name, format, problems, notes)) for name in names}
    _check_split_names(root, names, listed, problems, notes)
    total = sum(map(len, listed.values()))
    done = 0
    reports = []
    problems += [
        f"{folder} has photos but no {LABELS}/: label them, or move the folder away"
        for folder in sorted(root.iterdir())
        if (folder / IMAGES).is_dir() and folder.name not in names
    ]
    budget = PixelBudget()
    palettes = _Palettes()
    with ThreadPoolExecutor() as pool:
        for name, files in listed.items():
            layouts = []
            results = pool.map(lambda one: _check_files(one, classes, format, thin, budget), files)
            for item, found in zip(files, results, strict=True):
                problems += found.problems
                palettes.add(item.label, found.palette)
                layouts += [] if found.summary is None else [found.summary]
                done += 1
                progress(done, total)
            photos, instances = (
                sum(getattr(item, kind) is not None for item in files) for kind in ("image", "instance")
            )
            turned = turned_photos(str(root / name), (item.image for item in files if item.image is not None))
            notes += [] if turned is None else [turned]
            reports.append(split_report(name, (len(files), photos, instances), layouts, classes))
            add_coverage(str(root / name), reports[-1].pixels, classes, problems, notes)
    problems += palettes.problems()
    return DatasetReport(classes, tuple(reports), tuple(problems), tuple(notes))


def _list_split(folder: Path, format: PixelFormat, problems: list[str], notes: list[str]) -> Iterator[_Files]:
    """The files of a split; what does not pair goes to ``problems``."""
    found: dict[str, dict[str, Path]] = {}
    others = () if format.is_plain else (ARRAY,)
    for kind in (LABELS, IMAGES, INSTANCES):
        if kind == LABELS or (folder / kind).is_dir():
            try:
                found[kind] = list_pictures(folder / kind, others=others if kind == IMAGES else ())
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


def _check_files(
    files: _Files, classes: ClassSet, format: PixelFormat, thin: Collection[str], budget: PixelBudget
) -> _Found:
    """Read one sample."""
    found = _Found()
    with budget.reserved(files.label, files.instance):
        layout = _check_label(files, classes, thin, found)
        size = None if layout is None else layout.size
        del layout
    if files.image is not None:
        with budget.reserved(files.image):
            _check_photo(files.image, format, size, found)
    return found


def _check_label(files: _Files, classes: ClassSet, thin: Collection[str], found: _Found) -> Layout | None:
    """The label map with its instances, if they can be read."""
    try:
        layout = Layout.open(files.label, classes)
    except SemsynthError as error:
        found.problems.append(str(error))
        found.problems += resampling_problems(_raw_numbers(files.label), str(files.label))
        return None
    found.problems += layout_problems(layout, str(files.label), thin)
    found.summary = Summary.of(layout)
    palette = dict(enumerate(picture_header(files.label).palette or ()))
    used = classes.ids[found.summary.pixels[:-1] > 0].tolist()
    found.palette = {index: palette[index] for index in used if index in palette}
    if files.instance is not None:
        try:
            layout.with_instances(read_image_bytes(files.instance), f"{files.instance} beside {files.label}")
        except SemsynthError as error:
            found.problems.append(str(error))
    return layout


def _check_photo(path: Path, format: PixelFormat, size: tuple[int, int] | None, found: _Found) -> None:
    """Read a photo and compare it with the ``size`` of its label map, if that could be read."""
    try:
        if format.is_plain:
            image = open_image(read_image_bytes(path), str(path))
            upright, turned = photo_size(image, str(path)), stored_orientation(image)
        else:
            height, width, _ = format.read(path).shape
            upright, turned = (height, width), 1
    except SemsynthError as error:
        found.problems.append(str(error))
        return
    if size is None or size == upright:
        return
    if turned != 1 and size == upright[::-1]:
        found.problems.append(
            f"{path} is stored on its side (EXIF orientation {turned}): it is {pixels(upright)} as viewers show "
            f"it, and its label map is {pixels(size)}: turn the label map, or the photo's pixels, and remove its EXIF"
        )
    else:
        found.problems.append(f"{path} is {pixels(upright)}, its label map {pixels(size)}: make them equal")


def _raw_numbers(path: Path) -> NDArray[np.integer]:
    """[H,W] numbers as stored; a single 0 where the file holds colours or nothing readable."""
    try:
        image = open_image(read_image_bytes(path), str(path))
    except SemsynthError:
        return np.zeros((1, 1), np.uint8)
    return np.asarray(image) if len(image.getbands()) == 1 else np.zeros((1, 1), np.uint8)


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

"""The frame of all exporters: a split's samples one after the other, their photographs, and notes of what is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import VOID, ClassSet
from semsynth.data.annotations.outlines import Patch, Ring, rings
from semsynth.data.folder import IMAGES, INSTANCES, LABELS, DatasetFolder, splits
from semsynth.data.listing import counted, examples, list_pictures
from semsynth.data.placing import Place, copy
from semsynth.data.progress import Progress, Tell, silent, tell_nobody
from semsynth.errors import SemsynthError
from semsynth.files import make_folder, partial_path, sweep_partial_files
from semsynth.images import picture_header
from semsynth.layout import Layout, pixels
from semsynth.layout.instances import instances_from_components, objects


@dataclass(frozen=True, eq=False)
class Thing:
    """An object or a region of a layout."""

    class_id: int
    patch: Patch
    single: bool
    """Whether it is one object; if not, it is a region of its class."""


@dataclass(frozen=True, eq=False)
class Exported:
    """A sample that is exported."""

    split: str
    name: str
    layout: Layout
    photo: Path | None
    """Its file; None where a split has no photographs."""
    has_instances: bool
    """Whether the data set tells its objects apart; if not, connected components are objects."""

    @property
    def photo_name(self) -> str:
        """The name of the photograph's file, in the export too."""
        return self.photo.name if self.photo is not None else f"{self.name}.png"

    def things(self) -> list[Thing]:
        """The objects and regions, by ascending instance id."""
        layout = self.layout if self.has_instances else instances_from_components(self.layout)
        table = objects(layout)
        assert layout.instances is not None
        found = []
        for number, class_id, box in zip(table.instance_ids, table.class_ids, table.boxes, strict=True):
            top, left, bottom, right = box.tolist()
            inside = slice(top, bottom), slice(left, right)
            mask = (layout.instances[inside] == number) & (layout.labels[inside] == class_id)
            single = not self.has_instances or number != class_id
            found.append(Thing(int(class_id), Patch(top, left, mask), bool(single)))
        return found


Writer = Callable[[Path, ClassSet, Iterator[Exported], Callable[[Exported, Path], None]], Sequence[str]]
"""Writes samples into a folder and returns what is lost; the last argument places a photograph."""


def export_samples(
    root: Path,
    out: Path,
    write: Writer,
    *,
    only: Sequence[str] = (),
    photos: Path | None = None,
    place: Place = copy,
    progress: Progress = silent,
    tell: Tell = tell_nobody,
) -> dict[str, int]:
    """Write the splits of a dataset folder in another format.

    All of it is written beside ``out`` and renamed at the end, so that there is the whole export or nothing.

    Args:
        root: the dataset folder.
        out: the folder to make; it must not exist, or be empty.
        write: of the format.
        only: splits; none: all.
        photos: where photographs of the labels' names lie (in a folder of the split, or all together), if not those
            of the data set are to be written.
        place: how photographs are brought.
        progress: called once per sample.
        tell: is told what the format cannot hold.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: no such data set or split, a damaged file, or ``out`` holds something or cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SemsynthError(f"{out} exists already: choose a new folder, or remove it")
    chosen = [_opened(root, split) for split in only or splits(root)]
    pictures = {folder.split: _photos(folder, photos) for folder in chosen}
    if not chosen:
        raise SemsynthError(f"{root} has no split with label maps: give a dataset folder")
    sweep_partial_files(make_folder(out.parent))
    counts = {folder.split: len(folder) for folder in chosen}
    partial = partial_path(out)
    make_folder(partial)
    try:
        lost = write(
            partial,
            chosen[0].classes,
            _samples(chosen, pictures, progress),
            lambda sample, to: _placed(sample, to, place),
        )
        if out.exists():
            out.rmdir()
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    if any(not folder.files_of(INSTANCES) for folder in chosen):
        tell(f"{root} has no instance maps in some splits: every connected component of a class is an object there")
    for name in (split for split, files in pictures.items() if not files):
        tell(
            f"{root / name} has no photos: annotations alone were written, which `data import` cannot read without them"
        )
    for line in lost:
        tell(line)
    return counts


def notes_of(classes: ClassSet, *, numbered: bool, regions: int) -> list[str]:
    """What formats cannot hold.

    Args:
        classes: of the layouts.
        numbered: whether the format numbers classes by their places.
        regions: how many regions became objects.
    """
    notes = []
    if numbered and (classes.ids != np.arange(classes.num_classes)).any():
        notes.append("class ids became places in the class set (0, 1, ...)")
    if not numbered:
        notes.append("the format has no class ids: a later import needs the class set, or counts from 0")
    if regions:
        notes.append(f"{regions:,} regions that are no single objects became objects")
    return notes


def outline_of(thing: Thing) -> list[Ring]:
    """The rings of an object, in pixels of the picture."""
    corner = np.array([thing.patch.left, thing.patch.top])
    return [one + corner for one in rings(thing.patch.mask)]


def class_table(classes: ClassSet) -> dict[int, str]:
    """Class id -> name."""
    return {one.id: one.name for one in classes.classes}


def has_void(labels: NDArray[np.uint16]) -> bool:
    """Whether some pixels have no class."""
    return bool((labels == VOID).any())


def _photos(folder: DatasetFolder, given: Path | None) -> dict[str, Path]:
    """Name -> photograph."""
    if given is None:
        return folder.files_of(IMAGES)
    inside = given / folder.split if (given / folder.split).is_dir() else given
    found = list_pictures(inside)
    if missing := [name for name in folder.names if name not in found]:
        raise SemsynthError(f"{inside} has no photos of {counted(len(missing), 'label map')}: {examples(missing)}")
    return {name: found[name] for name in folder.names}


def _opened(root: Path, split: str) -> DatasetFolder:
    has = {kind: (root / split / kind).is_dir() for kind in (IMAGES, INSTANCES)}
    return DatasetFolder(root, split, images=has[IMAGES], instances=has[INSTANCES])


def _samples(
    folders: Sequence[DatasetFolder], pictures: Mapping[str, Mapping[str, Path]], progress: Progress
) -> Iterator[Exported]:
    total = sum(map(len, folders))
    done = 0
    for folder in folders:
        labels, instances, photos = folder.files_of(LABELS), folder.files_of(INSTANCES), pictures[folder.split]
        for name in folder.names:
            layout = Layout.open(labels[name], folder.classes, instances.get(name))
            photo = photos.get(name)
            if photo is not None and (size := picture_header(photo).size) != layout.size:
                raise SemsynthError(
                    f"{photo} is {pixels(size)}, and {labels[name]} is {pixels(layout.size)}: both must be equal"
                )
            yield Exported(folder.split, name, layout, photo, bool(instances))
            done += 1
            progress(done, total)


def _placed(sample: Exported, folder: Path, place: Place) -> None:
    if sample.photo is not None:
        place(sample.photo, make_folder(folder) / sample.photo_name)

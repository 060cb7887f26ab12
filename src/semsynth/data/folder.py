"""The dataset folder: ``SPLIT/images``, ``SPLIT/labels``, optional ``SPLIT/instances``, and ``classes.json``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from semsynth.classes import BUILTIN_CLASS_SETS, NO_CLASSES, ClassSet
from semsynth.data.listing import list_pictures, pairing_problems
from semsynth.errors import SemsynthError, errors_of
from semsynth.layout import Layout
from semsynth.pixel_format import ARRAY, PixelFormat

if TYPE_CHECKING:
    from semsynth.data.sample import Sample

CLASSES_FILE = "classes.json"
IMAGES, LABELS, INSTANCES = "images", "labels", "instances"
CONDITIONS = "conditions"
"""Stands for ``labels`` where pictures are the conditions; such folders have no classes."""


class DatasetFolder:
    """One split of a dataset folder; files pair by their name without suffix, in natural order.

    Attributes:
        root: the folder with ``classes.json``.
        split: for example ``train``.
        classes: the class set of the label maps.
        names: the samples' names.
        pixels: what the photos hold.
    """

    def __init__(self, root: Path, split: str, *, images: bool = True, instances: bool = False) -> None:
        """List the split.

        Args:
            root: the dataset folder.
            split: its sub-folder.
            images: whether every layout needs its photo; if not, photos are not read.
            instances: whether every layout needs its instance map; if not, they are not read.

        Raises:
            SemsynthError: a folder or ``classes.json`` is missing, or names do not pair.
        """
        self.root, self.split = root, split
        self.classes = load_classes(root)
        if not (root / split).is_dir():
            known = ", ".join(splits(root)) or "none"
            raise SemsynthError(f"{root} has no split '{split}' (found: {known}): name one of them or add the folder")
        self._labels = list_pictures(root / split / LABELS)
        self.pixels = PixelFormat.of(root)
        arrays = () if self.pixels.is_plain else (ARRAY,)
        self._images = list_pictures(root / split / IMAGES, others=arrays) if images else None
        self._instances = list_pictures(root / split / INSTANCES) if instances else None
        self.names = tuple(self._labels)
        for others, folder in ((self._images, IMAGES), (self._instances, INSTANCES)):
            if others is not None:
                problems = pairing_problems(self._labels, others, folder)
                if problems:
                    raise SemsynthError(f"{root / split}: {'; '.join(problems)}")

    @property
    def files(self) -> tuple[dict[str, Path], ...]:
        """What is read, kind by kind: the file of each name."""
        return tuple(kind for kind in (self._labels, self._images, self._instances) if kind is not None)

    def files_of(self, kind: str) -> dict[str, Path]:
        """The file of each name, of ``labels``, ``images`` or ``instances``; none of a kind that is not read."""
        kinds = {LABELS: self._labels, IMAGES: self._images, INSTANCES: self._instances}
        return dict(kinds[kind] or {})

    @property
    def photos(self) -> tuple[Path, ...]:
        """The photos' files, in the order of ``names``; none where photos are not read."""
        return tuple(self._images[name] for name in self.names) if self._images else ()

    def __len__(self) -> int:
        """Number of samples."""
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        """Read sample ``index``.

        Raises:
            SemsynthError: a file is damaged or does not fit its partners; the message names it.
        """
        from semsynth.data.sample import Sample  # brings torch, which listing files does not need

        name = self.names[index]
        layout = Layout.open(self._labels[name], self.classes, self._instances[name] if self._instances else None)
        image = self.pixels.read(self._images[name]) if self._images else None
        with errors_of(self.root / self.split):
            return Sample(name, layout, image)


def load_classes(root: Path) -> ClassSet:
    """The class set of the dataset folder ``root``; ``NO_CLASSES`` where pictures are the conditions.

    Raises:
        SemsynthError: no such folder, or ``classes.json`` is missing or malformed.
    """
    if not root.is_dir():
        raise SemsynthError(f"there is no dataset folder {root}: check the path")
    if holds_conditions(root):
        return NO_CLASSES
    if not (root / CLASSES_FILE).is_file():
        raise SemsynthError(
            f"{root} has no {CLASSES_FILE}: a dataset folder holds it beside SPLIT/images and SPLIT/labels "
            "(`semsynth data import` makes such folders)"
        )
    return ClassSet.open(root / CLASSES_FILE)


def named_classes(given: str | ClassSet | None, folder: Path) -> ClassSet:
    """The class set that ``given`` stands for, by default the one that lies in ``folder``.

    Args:
        given: a class set, the name of a built-in one, or the path of a ``classes.json``.
        folder: looked into where none is given.

    Raises:
        SemsynthError: none is given and the folder holds none, or it cannot be read.
    """
    if isinstance(given, ClassSet):
        return given
    path = folder / CLASSES_FILE
    if given is None and not path.is_file():
        raise SemsynthError(
            f"{path} does not exist: name the classes with `classes`, a file or one of {', '.join(BUILTIN_CLASS_SETS)}"
        )
    return ClassSet.open(path if given is None else given)


def holds_conditions(root: Path) -> bool:
    """Whether ``root`` is a dataset folder whose conditions are pictures."""
    return not (root / CLASSES_FILE).exists() and root.is_dir() and bool(splits(root, CONDITIONS))


def save_classes(root: Path, classes: ClassSet) -> None:
    """Write ``classes.json``, unless it is there already.

    Raises:
        SemsynthError: the folder holds a dataset of other classes, or cannot be written.
    """
    if not (root / CLASSES_FILE).exists():
        classes.save(root / CLASSES_FILE)
    elif load_classes(root).classes != classes.classes:
        raise SemsynthError(f"{root / CLASSES_FILE} holds other classes than '{classes.name}': choose a new folder")


def splits(root: Path, kind: str = LABELS) -> tuple[str, ...]:
    """Names of the sub-folders of ``root`` that hold label maps, or another kind of files, sorted."""
    return tuple(sorted(folder.name for folder in root.iterdir() if (folder / kind).is_dir()))

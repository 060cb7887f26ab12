"""What ``--data`` names: a dataset folder, a folder of shards, or the address of one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from semsynth.classes import NO_CLASSES, ClassSet
from semsynth.data.check import Report, check_dataset
from semsynth.data.check_conditions import ConditionReport, check_conditions
from semsynth.data.condition_folder import ConditionFolder
from semsynth.data.folder import CONDITIONS, IMAGES, INSTANCES, LABELS, DatasetFolder, load_classes
from semsynth.data.folder import splits as folder_splits
from semsynth.data.progress import Progress, silent
from semsynth.data.sample import Samples
from semsynth.data.shards.check import check_shards
from semsynth.data.shards.index import CONDITION, IMAGE, INSTANCE, LABEL
from semsynth.data.shards.reading import ShardSplit
from semsynth.data.shards.remote import RemoteStore, StreamedSplit
from semsynth.data.shards.store import FolderStore, is_shard_folder
from semsynth.errors import SemsynthError

_FOLDERS = {IMAGE: IMAGES, LABEL: LABELS, INSTANCE: INSTANCES, CONDITION: CONDITIONS}


class LabelledSamples(Samples, Protocol):
    """A split with label maps, whose samples have names."""

    @property
    def root(self) -> Path | str:
        """The dataset folder or shards."""

    @property
    def split(self) -> str:
        """For example ``val``."""

    @property
    def classes(self) -> ClassSet:
        """Of the label maps."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the samples."""


class Source(Protocol):
    """A dataset."""

    location: str
    """A folder, or an address."""
    classes: ClassSet
    """Of the label maps; ``NO_CLASSES`` where pictures are the conditions."""
    splits: tuple[str, ...]
    """Names of those with label maps, or conditions."""
    fingerprint: str | None
    """Changes with the shards and their order; None where a folder may hold anything tomorrow."""

    def kinds(self, split: str) -> frozenset[str]:
        """What its samples consist of: some of ``image``, ``label``, ``instance``, ``condition``."""

    def open(self, split: str, *, images: bool = True, instances: bool = False) -> Samples:
        """Open a split as :class:`DatasetFolder` and :class:`ConditionFolder` do.

        Raises:
            SemsynthError: there is none, or it lacks what is asked for.
        """

    def report(self, progress: Progress = silent) -> Report | ConditionReport:
        """Find out what is wrong with it."""


class FolderSource:
    """A dataset folder."""

    def __init__(self, root: Path) -> None:
        """Look at the folder.

        Raises:
            SemsynthError: it is none.
        """
        self.root, self.location, self.classes = root, str(root), load_classes(root)
        self.fingerprint = None
        self.splits = folder_splits(root, CONDITIONS if self.classes == NO_CLASSES else LABELS)

    def kinds(self, split: str) -> frozenset[str]:
        """By the sub-folders."""
        return frozenset(kind for kind, folder in _FOLDERS.items() if (self.root / split / folder).is_dir())

    def report(self, progress: Progress = silent) -> Report | ConditionReport:
        """Read every file; ``progress`` is called once per sample."""
        if self.classes == NO_CLASSES:
            return check_conditions(self.root, progress)
        return check_dataset(self.root, progress)

    def open(self, split: str, *, images: bool = True, instances: bool = False) -> DatasetFolder | ConditionFolder:
        """Open a split.

        Raises:
            SemsynthError: there is none, or files do not pair.
        """
        if self.classes == NO_CLASSES:
            return ConditionFolder(self.root, split, images=images)
        return DatasetFolder(self.root, split, images=images, instances=instances)


class ShardSource:
    """A folder of shards, or the address of one."""

    def __init__(self, store: FolderStore | RemoteStore, skip_damaged: bool = False) -> None:
        """Read the index.

        Args:
            store: where the shards lie.
            skip_damaged: whether other samples stand in for damaged ones.

        Raises:
            SemsynthError: it is missing, malformed or cannot be reached.
        """
        self._store, self._index, self._skip_damaged = store, store.index(), skip_damaged
        self.location = store.location
        self.classes = self._index.classes or NO_CLASSES
        self.splits = tuple(sorted(self._index.splits))
        self.fingerprint = self._index.fingerprint

    def kinds(self, split: str) -> frozenset[str]:
        """As the index says."""
        return frozenset(self._index.splits[split].kinds) if split in self._index.splits else frozenset()

    def open(self, split: str, *, images: bool = True, instances: bool = False) -> ShardSplit:
        """Open a split.

        Raises:
            SemsynthError: there is none, members are missing, or shards are damaged and not to be skipped.
        """
        kind = StreamedSplit if isinstance(self._store, RemoteStore) else ShardSplit
        skip = self._skip_damaged
        opened = kind(self._store, self._index, split, images=images, instances=instances, skip_damaged=skip)
        if not skip:
            opened.check()
        return opened

    def report(self, progress: Progress = silent) -> Report | ConditionReport:
        """Compare every checksum and read every sample; ``progress`` is called once per sample."""
        return check_shards(self._store, self._index, progress)


def open_source(location: str | Path, skip_damaged: bool = False) -> FolderSource | ShardSource:
    """Open what ``--data`` names.

    Args:
        location: a dataset folder, a folder of shards, or the address of one, with ``://``.
        skip_damaged: whether other samples stand in for damaged ones of shards, instead of an error.

    Raises:
        SemsynthError: none of these, or it cannot be read.
    """
    if is_address(location):
        return ShardSource(RemoteStore(str(location)), skip_damaged)
    if is_shard_folder(Path(location)):
        return ShardSource(FolderStore(Path(location)), skip_damaged)
    if skip_damaged:
        raise SemsynthError(f"--skip-damaged is for shards, and {location} is a dataset folder: 'semsynth data check'")
    return FolderSource(Path(location))


def is_address(location: str | Path) -> bool:
    """Whether it is an address, not a path."""
    return "://" in str(location)


def absolute(location: str) -> str:
    """An address as it is, a path from the root."""
    return location if is_address(location) else str(Path(location).absolute())

"""What ``--data`` names: a dataset folder, a folder of shards, or the address of one."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from semsynth.classes import ClassSet
from semsynth.data.check import DatasetReport
from semsynth.data.check_conditions import ConditionReport
from semsynth.data.folder_source import FolderSource
from semsynth.data.progress import Progress, silent
from semsynth.data.sample import Samples
from semsynth.data.shards.remote import RemoteStore
from semsynth.data.shards.source import ShardSource
from semsynth.data.shards.store import FolderStore, is_shard_folder
from semsynth.errors import SemsynthError
from semsynth.pixel_format import PixelFormat


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

    pixels: PixelFormat
    """What its photos hold."""

    def kinds(self, split: str) -> frozenset[str]:
        """What its samples consist of: some of ``image``, ``label``, ``instance``, ``condition``."""

    def open(self, split: str, *, images: bool = True, instances: bool = False) -> Samples:
        """Open a split as :class:`DatasetFolder` and :class:`ConditionFolder` do.

        Raises:
            SemsynthError: there is none, or it lacks what is asked for.
        """

    def report(self, progress: Progress = silent, thin: Collection[str] = ()) -> DatasetReport | ConditionReport:
        """Find out what is wrong with it; ``thin`` as in :func:`semsynth.data.check.check_dataset`."""


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
        raise SemsynthError(
            f"skip_damaged applies to shards, and {location} is a dataset folder: run 'semsynth data check'"
        )
    return FolderSource(Path(location))


def is_address(location: str | Path) -> bool:
    """Whether it is an address, not a path."""
    return "://" in str(location)


def absolute(location: str | Path) -> str:
    """An address as it is, a path from the root."""
    return str(location) if is_address(location) else str(Path(location).absolute())

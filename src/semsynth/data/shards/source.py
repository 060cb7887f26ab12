"""A folder of shards, or the address of one, as a source of samples."""

from __future__ import annotations

from collections.abc import Collection

from semsynth.classes import NO_CLASSES
from semsynth.data.check import DatasetReport
from semsynth.data.check_conditions import ConditionReport
from semsynth.data.progress import Progress, silent
from semsynth.data.shards.check import check_shards
from semsynth.data.shards.reading import ShardSplit
from semsynth.data.shards.remote import RemoteStore, StreamedSplit
from semsynth.data.shards.store import FolderStore
from semsynth.pixel_format import PixelFormat


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
        self.pixels = PixelFormat()

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

    def report(self, progress: Progress = silent, thin: Collection[str] = ()) -> DatasetReport | ConditionReport:
        """Compare every checksum and read every sample; ``progress`` is called once per sample."""
        return check_shards(self._store, self._index, progress, thin)

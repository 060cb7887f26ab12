"""From named members to shards: the writer that datasets and synthesised pictures share."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Set
from pathlib import Path
from types import TracebackType
from typing import Self

from semsynth.classes import ClassSet
from semsynth.config import dump_config, load_config
from semsynth.data.shards.index import (
    INDEX_FILE,
    PARTIAL_INDEX_FILE,
    IndexedSample,
    Member,
    ShardEntry,
    ShardIndex,
    SplitEntry,
    format_idx,
    key_of,
    kinds_of,
    name_in_line,
    read_idx,
)
from semsynth.data.shards.tar import Content, TarWriter, header, space
from semsynth.errors import SemsynthError
from semsynth.files import explained, make_folder, write_bytes
from semsynth.locks import FolderLock

DEFAULT_SIZE = 500_000_000
"""Bytes of a shard."""


class ShardWriter:
    """Writes samples, one after the other, as ``SPLIT-000000.tar`` and so on, and at the end ``index.json``.

    A shard gets its name once it is whole and on the disk. Where writing was interrupted, a new writer of the same
    folder keeps the whole shards: :meth:`written` says which samples need not be added again. Whoever adds the others
    in the same order gets the same shards, byte for byte, as without the interruption.

    As a context: leaving it completes the folder; leaving it by an exception keeps the whole shards only.

    Attributes:
        root: the folder.
        size: bytes that a shard has at most, unless a single sample is larger.
        index: of the whole shards.
    """

    def __init__(self, root: Path, classes: ClassSet | None, size: int = DEFAULT_SIZE) -> None:
        """Begin, or go on.

        Args:
            root: the folder of the shards, made if missing.
            classes: of the label maps; None where there are none.
            size: bytes that a shard has at most, unless a single sample is larger.

        Raises:
            SemsynthError: another process writes there, the folder holds complete shards already, was begun with other
                classes, or cannot be written.
        """
        self.root, self.size = make_folder(root), size
        self._names: dict[str, set[str]] = {}
        self._lock = FolderLock(root, "writing shards to")
        try:
            self.index = self._begun(classes)
        except BaseException:
            self._lock.release()
            raise
        self._kinds = {split: entry.kinds for split, entry in self.index.splits.items()}
        self._split = ""
        self._tar: TarWriter | None = None
        self._samples: list[IndexedSample] = []

    def written(self, split: str) -> Set[str]:
        """Names of the split's samples that have been added, now or, in whole shards, before an interruption."""
        return self._names.get(split, set())

    def add(self, split: str, name: str, members: Mapping[str, Content]) -> None:
        """Append a sample.

        Args:
            split: for example ``train``; a change of it begins a new shard.
            name: of the sample, unique in the split; any text.
            members: what the sample consists of, by the suffix of the file: ``image.jpg`` and ``label.png``, say, and
                perhaps ``instance.png``, ``json`` ...; the kinds, up to the first dot, are those of the split's others.

        Raises:
            SemsynthError: a name that was there before, other kinds of members, or a full disk.
        """
        self._check(split, name, members)
        key = key_of(name)
        files = [(suffix, header(f"{key}.{suffix}", len(data)), data) for suffix, data in members.items()]
        coming = sum(space(head, data) for _, head, data in files)
        if self._tar is not None and (split != self._split or self._tar.size + coming > self.size):
            self._finish_shard()
            dump_config(self.index, self.root / PARTIAL_INDEX_FILE)
        if self._tar is None:
            self._split = split
            self._tar = TarWriter(self.root / f"{split}-{len(self._shards(split)):06d}.tar")
        tar = self._tar
        placed = [Member(suffix, tar.add(head, data), len(data)) for suffix, head, data in files]
        self._samples.append(IndexedSample(name, tuple(placed)))
        self._names.setdefault(split, set()).add(name)

    def finish(self) -> None:
        """Complete the last shard and write ``index.json``.

        Raises:
            SemsynthError: nothing was added, or a full disk.
        """
        if self._tar is not None:
            self._finish_shard()
        if not self.index.splits:
            raise SemsynthError(f"{self.root}: no samples, so no shards")
        dump_config(self.index, self.root / INDEX_FILE)
        with explained(self.root, "cannot remove the partial index of"):
            (self.root / PARTIAL_INDEX_FILE).unlink(missing_ok=True)

    def abandon(self) -> None:
        """Remove the shard that is not whole, and let others write; a later writer of the folder goes on from there."""
        if self._tar is not None:
            self._tar.abandon()
            self._tar = None
        self._lock.release()

    def __enter__(self) -> Self:
        """The writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the folder, or keep its whole shards."""
        try:
            if kind is None:
                self.finish()
        finally:
            self.abandon()

    def _begun(self, classes: ClassSet | None) -> ShardIndex:
        if (self.root / INDEX_FILE).exists():
            raise SemsynthError(f"{self.root} holds complete shards already: choose a new folder, or remove it")
        with explained(self.root, "cannot clear"):
            for partial in self.root.glob(".*.part"):  # of a writer that was killed
                partial.unlink()
        if not (self.root / PARTIAL_INDEX_FILE).exists():
            return ShardIndex(classes=classes)
        index = load_config(ShardIndex, self.root / PARTIAL_INDEX_FILE)
        if index.classes != classes:
            raise SemsynthError(f"{self.root} holds unfinished shards of other classes: choose a new folder")
        for split, entry in index.splits.items():
            names = self._names.setdefault(split, set())
            for shard in entry.shards:
                names.update(self._names_in(shard))
        return index

    def _names_in(self, shard: ShardEntry) -> list[str]:
        path = self.root / shard.file
        if not path.is_file() or path.stat().st_size != shard.bytes:
            raise SemsynthError(f"{path} is missing or has not {shard.bytes} bytes: remove {self.root} and begin again")
        idx = path.with_suffix(".idx")
        return [name_in_line(line, idx) for line in read_idx(idx, shard)]

    def _shards(self, split: str) -> tuple[ShardEntry, ...]:
        return self.index.splits[split].shards if split in self.index.splits else ()

    def _check(self, split: str, name: str, members: Mapping[str, Content]) -> None:
        if name in self._names.get(split, ()):
            raise SemsynthError(f"{self.root}: there are two samples '{name}' in {split}: rename one of them")
        if not name or not members:
            raise SemsynthError(f"{self.root}: a sample needs a name and members, got '{name}' with {len(members)}")
        if not split or key_of(split) != split:
            raise SemsynthError(f"{self.root}: '{split}' is no name for a split: use letters, digits, - and _")
        kinds = _checked_kinds(tuple(members))
        others = self._kinds.setdefault(split, kinds)
        if kinds != others:
            raise SemsynthError(
                f"{self.root}: '{name}' consists of {', '.join(kinds)}, the samples of {split} before it of "
                f"{', '.join(others)}: all of a split must have the same"
            )

    def _finish_shard(self) -> None:
        tar, self._tar = self._tar, None
        if tar is None:
            return
        try:
            digest = tar.finish()
        except BaseException:
            tar.abandon()
            raise
        write_bytes(tar.path.with_suffix(".idx"), format_idx(self._samples).encode())
        entry = ShardEntry(file=tar.path.name, samples=len(self._samples), bytes=tar.size, sha256=digest)
        split = SplitEntry(kinds=self._kinds[self._split], shards=(*self._shards(self._split), entry))
        self.index = self.index.model_copy(update={"splits": {**self.index.splits, self._split: split}})
        self._samples = []


@functools.lru_cache(maxsize=64)
def _checked_kinds(suffixes: tuple[str, ...]) -> tuple[str, ...]:
    wrong = [suffix for suffix in suffixes if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", suffix)]
    if wrong:
        raise SemsynthError(f"'{wrong[0]}' is no suffix of a member: write it as image.jpg")
    return kinds_of(suffixes)

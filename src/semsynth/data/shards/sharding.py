"""From a dataset folder to shards: files go in as they are."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from semsynth.classes import NO_CLASSES
from semsynth.data.folder_source import FOLDERS, FolderSource
from semsynth.data.listing import list_pictures, pairing_problems
from semsynth.data.progress import Progress, silent
from semsynth.data.sample import CONDITION, LABEL
from semsynth.data.shards.index import ShardIndex
from semsynth.data.shards.writer import DEFAULT_SIZE, ShardWriter
from semsynth.errors import SemsynthError
from semsynth.files import explained

SHUFFLED = "train"
"""The split whose order may be shuffled."""


def shard_folder(
    root: Path,
    out: Path,
    size: int = DEFAULT_SIZE,
    splits: Sequence[str] | None = None,
    shuffle: int | None = None,
    progress: Progress = silent,
) -> ShardIndex:
    """Write the splits of a dataset folder as shards; started again, it goes on after the last whole shard.

    Args:
        root: the dataset folder.
        out: the folder of the shards.
        size: bytes that a shard has at most.
        splits: their names; None: all.
        shuffle: a seed by which the training split is shuffled; None: natural order of the names, as in the folder.
        progress: called once per sample.

    Returns:
        The index of the shards.

    Raises:
        SemsynthError: files that do not pair or cannot be read, shards of other data in ``out``, or a full disk.
    """
    source = FolderSource(root)
    if not source.pixels.is_plain:
        raise SemsynthError(f"{root} has photos with {source.pixels}, and shards hold 8-bit RGB: train on the folder")
    chosen = source.splits if splits is None else tuple(splits)
    unknown = [split for split in chosen if split not in source.splits]
    if unknown or not chosen:
        known = ", ".join(source.splits) or "none"
        raise SemsynthError(f"{root} has no split '{''.join(unknown[:1])}' (found: {known}): name some of them")
    listed = {split: _list(root / split) for split in chosen}
    total, done, reader = sum(map(len, listed.values())), 0, _Reader()
    with ShardWriter(out, None if source.classes == NO_CLASSES else source.classes, size) as writer:
        for split, samples in listed.items():
            names = list(samples)
            if shuffle is not None and split == SHUFFLED:
                random.Random(shuffle).shuffle(names)
            there = frozenset(writer.written(split))
            if there != set(names[: len(there)]):
                raise SemsynthError(f"{out} holds unfinished shards of other data: remove it, or choose a new folder")
            for name in names:
                if name not in there:
                    writer.add(split, name, reader.read(samples[name]))
                done += 1
                progress(done, total)
    return writer.index


def _list(folder: Path) -> dict[str, dict[str, Path]]:
    """Name -> suffix of the member -> file."""
    files = {kind: list_pictures(folder / name) for kind, name in FOLDERS.items() if (folder / name).is_dir()}
    first = files[LABEL] if LABEL in files else files[CONDITION]
    for kind, others in files.items():
        problems = pairing_problems(first, others, FOLDERS[kind], "sample")
        if problems:
            raise SemsynthError(f"{folder}: {'; '.join(problems)}")
    return {
        name: {f"{kind}{found[name].suffix.lower()}": found[name] for kind, found in files.items()} for name in first
    }


class _Reader:
    """Reads the files of a sample into memory that those of the next one get again: new pages of it take time."""

    def __init__(self) -> None:
        self._memory, self._used = memoryview(bytearray(2**20)), 0

    def read(self, files: Mapping[str, Path]) -> dict[str, memoryview]:
        """What the files hold; good until the next call."""
        self._used = 0
        return {suffix: self._file(path) for suffix, path in files.items()}

    def _file(self, path: Path) -> memoryview:
        begin = self._used
        with explained(path, "cannot read"), io.FileIO(path) as file:
            while got := file.readinto(self._memory[self._used :]):
                self._used += got
                if self._used == len(self._memory):
                    grown = memoryview(bytearray(2 * len(self._memory)))
                    grown[: self._used] = self._memory
                    self._memory = grown
        return self._memory[begin : self._used]

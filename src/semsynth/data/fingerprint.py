"""Whether a dataset folder still holds what it held: compared whenever a training is resumed, so it must be cheap.

Compared are the classes and their order, the samples' names and their order, the size of every file, and of up to
``SAMPLED_FILES`` files, spread evenly over the split, the first, the middle and the last ``BLOCK`` bytes. Times of
change and the folder's place do not count: a copy of a dataset is the same dataset.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from semsynth.config import Config
from semsynth.data.condition_folder import ConditionFolder
from semsynth.data.folder import DatasetFolder
from semsynth.data.sample import Samples
from semsynth.files import explained, opened

SAMPLED_FILES = 2000
"""Of how many files a part of the content is read."""
BLOCK = 2**14
"""Bytes of each of the three parts of a file: smaller files are read whole."""


class DataFingerprint(Config):
    """Digests of a split of a dataset folder."""

    samples: int
    """Their number."""
    classes: str
    """Of ids, names and colours, in order; pictures as conditions have none."""
    names: str
    """Of the samples' names, in order."""
    files: str
    """Of kinds, sizes and parts of the content of the files."""

    def difference(self, now: DataFingerprint) -> str | None:
        """What ``now`` differs in, in words; None: nothing."""
        if self.samples != now.samples:
            return f"it has {now.samples} images, not {self.samples}"
        if self.classes != now.classes:
            return "its classes, or their order, are others"
        if self.names != now.names:
            return "names of its files, or their order, are others"
        return "some of its photos or label maps are others" if self.files != now.files else None


def fingerprint(samples: Samples) -> DataFingerprint | None:
    """Digest a split of a dataset folder; None for anything else: shards have a digest of their own.

    Raises:
        SemsynthError: a file cannot be read.
    """
    if not isinstance(samples, DatasetFolder | ConditionFolder):
        return None
    classes = [item.model_dump(mode="json") for item in samples.classes.classes]
    files = [list(kind.values()) for kind in samples.files]
    return DataFingerprint(
        samples=len(samples),
        classes=_digest([json.dumps(classes)]),
        names=_digest(samples.names),
        files=_digest([*_described(files), *_declared(samples)]),
    )


def _described(kinds: list[list[Path]]) -> Iterable[str]:
    step = max(1, -(-sum(map(len, kinds)) // SAMPLED_FILES))
    number = 0
    for kind in kinds:
        yield f"kind of {len(kind)}"
        for path in kind:
            with explained(path, "cannot read"):
                size = path.stat().st_size
            yield f"{size} {_parts(path, size) if number % step == 0 else ''}"
            number += 1


def _declared(samples: DatasetFolder | ConditionFolder) -> list[str]:
    """What the data set declares of its photos, where they are not 8-bit RGB."""
    declared = isinstance(samples, DatasetFolder) and not samples.pixels.is_plain
    return [samples.pixels.model_dump_json()] if declared and isinstance(samples, DatasetFolder) else []


def _parts(path: Path, size: int) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with opened(path) as file:
        for start in sorted({0, max(0, (size - BLOCK) // 2), max(0, size - BLOCK)}):
            file.seek(start, os.SEEK_SET)
            digest.update(file.read(BLOCK))
    return digest.hexdigest()


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()

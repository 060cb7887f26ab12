"""Shards of made-up samples, for tests of what is in the files."""

from __future__ import annotations

from pathlib import Path

from semsynth.classes import builtin
from semsynth.data.shards.index import ShardIndex
from semsynth.data.shards.writer import ShardWriter

NAMES = ("plain_0001", "with.dots.v2", "blank and /slash", "Straße", "x" * 120)
SIZE = 12_000


def members(number: int) -> dict[str, bytes]:
    """A sample's files by their endings."""
    return {"image.jpg": bytes([number]) * (1000 + 777 * number), "label.png": b"label %d" % number, "json": b"{}"}


def write(root: Path, names: tuple[str, ...] = NAMES, size: int = SIZE) -> ShardIndex:
    """Write a sample for each name in split "train", or go on where an earlier call stopped."""
    with ShardWriter(root, builtin("cmp_facades"), size) as writer:
        for number, name in enumerate(names):
            if name not in writer.written("train"):
                writer.add("train", name, members(number))
    return writer.index


def contents(root: Path) -> dict[str, bytes]:
    """What is in every file of a folder."""
    return {path.name: path.read_bytes() for path in root.iterdir()}

"""What lies in a folder of shards: ``index.json``, and ``NAME.idx`` beside every ``NAME.tar``.

Shards follow the WebDataset convention: a sample's members stand next to each other in the archive and share a name up
to the first dot, as ``0001.image.jpg``, ``0001.label.png`` and ``0001.instance.png``. The ``.idx`` files have the
format of DALI's ``wds2idx`` (version 1.2): a line per sample with suffix, offset, size and name of its members.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import quote, unquote

from pydantic import Field, StringConstraints, model_validator

from semsynth.classes import ClassSet
from semsynth.config import Config
from semsynth.errors import SemsynthError, shortened
from semsynth.files import read_bytes

FORMAT = 1
INDEX_FILE = "index.json"
PARTIAL_INDEX_FILE = ".index.partial.json"
"""Stands for ``index.json`` until the last shard is written."""


MAX_SAMPLES = 10**8
"""Of an index: their order alone takes 8 bytes each."""
MAX_SAMPLE_BYTES = 2**31
"""Of one sample's members together."""
_MAX_SHARD_BYTES = 2**44
_LINE_BYTES = 4096
"""Budget of a line of an ``.idx`` file."""
_BLOCK = 512
"""Bytes of a tar archive's blocks: the least that a sample takes."""

_IDX_VERSION = "v1.2"
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12, "kib": 2**10, "mib": 2**20, "gib": 2**30}


_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,200}$")]
"""Of a split or a kind of members: they become names of folders and files."""


class ShardEntry(Config):
    """One shard."""

    file: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,250}\.tar$")
    """Its name in the folder, for example ``train-000000.tar``."""
    samples: int = Field(ge=1)
    """How many it holds."""
    bytes: int = Field(ge=1, le=_MAX_SHARD_BYTES)
    """Its size."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """Of the file, hexadecimal."""

    @model_validator(mode="after")
    def _check_samples(self) -> Self:
        if self.samples > self.bytes // _BLOCK:
            raise ValueError(f"{self.file} of {self.bytes} bytes cannot hold {self.samples} samples")
        return self


class SplitEntry(Config):
    """One split."""

    kinds: tuple[_Name, ...]
    """Kinds of members that every sample has, sorted."""
    shards: tuple[ShardEntry, ...]
    """In the order of the samples."""

    @model_validator(mode="after")
    def _check_samples(self) -> Self:
        samples = sum(shard.samples for shard in self.shards)
        if samples > MAX_SAMPLES:
            raise ValueError(f"{samples} samples are more than {MAX_SAMPLES}")
        return self


class ShardIndex(Config):
    """``index.json``."""

    format: int = Field(FORMAT, ge=1, le=FORMAT)
    """Version of this file."""
    classes: ClassSet | None
    """Of the label maps; None where pictures are the conditions."""
    splits: dict[_Name, SplitEntry] = Field(default_factory=dict)
    """By name."""

    @property
    def fingerprint(self) -> str:
        """SHA-256, hexadecimal, of the shards' names and checksums."""
        shards = [f"{one.file} {one.sha256}" for split in self.splits.values() for one in split.shards]
        return hashlib.sha256("\n".join(shards).encode()).hexdigest()


@dataclass(frozen=True)
class Member:
    """Where one member of a sample lies."""

    suffix: str
    """What follows the first dot of its name, for example ``label.png``."""
    offset: int
    """Of its first byte in the archive."""
    size: int
    """In bytes."""

    @property
    def kind(self) -> str:
        """For example ``label``."""
        return self.suffix.partition(".")[0]


@dataclass(frozen=True)
class IndexedSample:
    """The members of one sample, in the order of the archive."""

    name: str
    members: tuple[Member, ...]


def key_of(name: str) -> str:
    """The sample's name as members carry it: dots, slashes, blanks and what is not ASCII become ``%XX``."""
    if _PLAIN.fullmatch(name):
        return name
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")


def name_of(key: str) -> str:
    """The inverse of :func:`key_of`."""
    return unquote(key)


def format_idx(samples: Sequence[IndexedSample]) -> str:
    """The text of an ``.idx`` file."""
    lines = [f"{_IDX_VERSION} {len(samples)}"]
    for sample in samples:
        key = key_of(sample.name)
        lines.append(" ".join(f"{m.suffix} {m.offset} {m.size} {key}.{m.suffix}" for m in sample.members))
    return "\n".join(lines) + "\n"


def idx_lines(text: str, source: Path | str) -> list[str]:
    """The lines of the text of an ``.idx`` file, one a sample.

    Raises:
        SemsynthError: malformed; the message names ``source``.
    """
    head, *lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    if head != f"{_IDX_VERSION} {len(lines)}":
        raise SemsynthError(
            f"{source} is damaged (it begins with '{shortened(head[:40])}' and has {len(lines)} more lines): restore "
            "it, or make the shards again"
        )
    return lines


def parse_idx_line(line: str, source: Path | str) -> IndexedSample:
    """The sample of one line.

    Raises:
        SemsynthError: malformed; the message names ``source``.
    """
    fields = line.split(" ")
    try:
        members = tuple(Member(fields[i], int(fields[i + 1]), int(fields[i + 2])) for i in range(0, len(fields), 4))
    except (ValueError, IndexError):
        raise _wrong_line(line, source) from None
    name = name_in_line(line, source)
    begin, end = min(one.offset for one in members), max(one.offset + one.size for one in members)
    if begin < _BLOCK or end > _MAX_SHARD_BYTES or end - begin > MAX_SAMPLE_BYTES or any(m.size < 0 for m in members):
        raise _wrong_line(line, source)
    return IndexedSample(name, members)


def name_in_line(line: str, source: Path | str) -> str:
    """The name of the sample of one line.

    Raises:
        SemsynthError: malformed; the message names ``source``.
    """
    fields = line.split(" ", 4)
    name = name_of(fields[3].partition(".")[0]) if len(fields) > 3 else ""
    if not name or "\0" in name:
        raise _wrong_line(line, source)
    return name


def _wrong_line(line: str, source: Path | str) -> SemsynthError:
    return SemsynthError(f"{source}: the index has the line '{shortened(line[:80])}': make the shards again")


def read_idx(path: Path, shard: ShardEntry, source: str | None = None) -> list[str]:
    """The lines of the ``.idx`` file of a shard.

    Args:
        path: the file.
        shard: its samples are counted.
        source: what messages call the file; None: the path.

    Raises:
        SemsynthError: missing, too large, malformed, or of another number of samples.
    """
    called = source or str(path)
    text = read_bytes(path, _LINE_BYTES * (shard.samples + 1)).decode(errors="replace")
    lines = idx_lines(text, called)
    if len(lines) != shard.samples:
        raise SemsynthError(
            f"{called} lists {len(lines)} samples, the shard has {shard.samples}: restore it, or make the shards again"
        )
    return lines


def kinds_of(suffixes: Iterable[str]) -> tuple[str, ...]:
    """Kinds of the members with these suffixes, sorted."""
    return tuple(sorted({suffix.partition(".")[0] for suffix in suffixes}))


def parse_size(text: str) -> int:
    """A number of bytes from ``500MB``, ``2GiB`` or ``1000000``.

    Raises:
        SemsynthError: not of this form, or zero.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([a-z]*)", text.strip().lower())
    if match is None or match[2] not in _UNITS or float(match[1]) == 0:
        raise SemsynthError(f"'{text}' is no size: write it as 500MB, 2GB or 512MiB")
    return int(float(match[1]) * _UNITS[match[2]])

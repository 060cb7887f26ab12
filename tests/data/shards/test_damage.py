"""Index, ``.idx`` files and archives from outside: hostile ones are one line each, in little memory."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from semsynth.bulk.sources import open_layouts
from semsynth.data.sample import Sample
from semsynth.data.source import open_source
from semsynth.errors import SemsynthError

IDX, TAR, INDEX = "train-000000.idx", "train-000000.tar", "index.json"
LIMIT = 40 * 2**20
"""Bytes that reading may take."""


@pytest.fixture
def shards(toy_shards: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_shards, tmp_path / "shards"))


def read_all(root: Path) -> list[Sample]:
    split = open_source(root).open("train", instances=False)
    return [split[number] for number in range(len(split))]


def report(root: Path) -> None:
    problems = open_source(root).report().problems
    if problems:
        raise SemsynthError("; ".join(problems))


def skipped(root: Path) -> Sample:
    return open_source(root, skip_damaged=True).open("train")[0]


def names(root: Path) -> tuple[str, ...]:
    split: Any = open_source(root).open("train")
    return tuple(split.names)


def layouts(root: Path) -> list[bytes]:
    tasks = open_layouts(root, pictures=False, instances=None).tasks((0,), instances=False)
    return [task.layout.read() for task in tasks]


READERS = (read_all, report, skipped, names, layouts)


def changed_index(root: Path, change: Callable[[dict[str, Any]], None]) -> None:
    index = json.loads((root / INDEX).read_text())
    change(index)
    (root / INDEX).write_text(json.dumps(index))


def entry(key: str, value: object) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        changed_index(root, lambda index: index["splits"]["train"]["shards"][0].update({key: value}))

    return spoil


def split_name(name: str) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        changed_index(root, lambda index: index["splits"].update({name: index["splits"].pop("train")}))

    return spoil


def huge(root: Path) -> None:
    changed_index(root, lambda index: index["splits"]["train"]["shards"][0].update({"samples": 2**31, "bytes": 2**43}))


def first_line(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    def spoil(root: Path) -> None:
        head, line, *rest = (root / IDX).read_text().splitlines()
        (root / IDX).write_text("\n".join([head, " ".join(change(line.split(" "))), *rest]) + "\n")

    return spoil


def content(data: bytes) -> Callable[[Path], None]:
    return lambda root: (root / IDX).write_bytes(data) and None


def endless(root: Path) -> None:
    (root / IDX).unlink()
    (root / IDX).symlink_to("/dev/zero")


def pipe(root: Path) -> None:
    (root / IDX).unlink()
    os.mkfifo(root / IDX)


def link(root: Path) -> None:
    """The first member becomes a symbolic link, with a right checksum."""
    data = bytearray((root / TAR).read_bytes())
    block = tarfile.TarInfo.frombuf(bytes(data[:512]), "utf-8", "strict")
    block.type, block.linkname = tarfile.SYMTYPE, "/etc/passwd"
    data[:512] = block.tobuf(tarfile.USTAR_FORMAT)
    (root / TAR).write_bytes(data)


SPOILED: dict[str, Callable[[Path], None]] = {
    "2^31 samples": entry("samples", 2**31),
    "2^31 samples in 2^43 bytes": huge,
    "no samples": entry("samples", -1),
    "a path": entry("file", "../../../etc/passwd.tar"),
    "an absolute path": entry("file", "/etc/passwd.tar"),
    "a null byte": entry("file", "a\0b.tar"),
    "a long name": entry("file", "a" * 5000 + ".tar"),
    "a split that is a path": split_name("../../evil"),
    "an empty index": lambda root: (root / INDEX).write_bytes(b"") and None,
    "an index of lists": lambda root: (root / INDEX).write_bytes(b"[" * 100_000) and None,
    "an empty idx": content(b""),
    "binary idx": content(bytes(range(256)) * 40),
    "a large idx": content(b"v1.2 9\n" + b"x" * 10**7),
    "an idx that never ends": endless,
    "an idx that is a pipe": pipe,
    "a line without a name": first_line(lambda fields: fields[:3]),
    "an empty line": first_line(lambda fields: [""]),
    "numbers of 5000 digits": first_line(lambda fields: [fields[0], "9" * 5000, *fields[2:]]),
    "a negative offset": first_line(lambda fields: [fields[0], "-5", *fields[2:]]),
    "an offset of 2^70": first_line(lambda fields: [fields[0], str(2**70), *fields[2:]]),
    "a size of 2^40": first_line(lambda fields: [*fields[:2], str(2**40), *fields[3:]]),
    "a size of 2^30": first_line(lambda fields: [*fields[:2], str(2**30), *fields[3:]]),
    "a negative size": first_line(lambda fields: [*fields[:2], "-7", *fields[3:]]),
    "a name with a null byte": first_line(lambda fields: [*fields[:3], "%00.image.png", *fields[4:]]),
    "a truncated tar": lambda root: os.truncate(root / TAR, 700),
    "an empty tar": lambda root: os.truncate(root / TAR, 0),
    "a member that is a link": link,
}


@pytest.mark.parametrize("what", SPOILED)
def test_damage_is_one_line_soon_and_in_little_memory(what: str, shards: Path, tmp_path: Path) -> None:
    SPOILED[what](shards)
    said: list[str] = []
    tracemalloc.start()
    try:
        for read in READERS:
            try:
                read(shards)
            except SemsynthError as error:
                said.append(str(error))
        assert tracemalloc.get_traced_memory()[1] < LIMIT
    finally:
        tracemalloc.stop()
    assert all(len(line) < 3000 and "\n" not in line for line in said)
    assert len(said) >= (1 if "link" in what or "size of" in what else 2)
    assert {path.name for path in tmp_path.iterdir()} == {"shards"}


def test_samples_whose_names_are_paths_stay_inside(shards: Path) -> None:
    first_line(lambda fields: [*fields[:3], "%2E%2E%2F%2E%2E%2Fevil.image.png", *fields[4:]])(shards)
    tasks = list(open_layouts(shards, pictures=False, instances=None).tasks((0,), instances=False))
    assert tasks[0].name == "..%2F..%2Fevil"
    assert len(read_all(shards)) == len(tasks) - sum(task.split != "train" for task in tasks)

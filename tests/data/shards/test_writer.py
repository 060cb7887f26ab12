"""Shards as they are written: the format, sizes, checksums, interruptions."""

from __future__ import annotations

import errno
import hashlib
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from shard_files import NAMES, SIZE, contents, members, write

from semsynth.classes import builtin
from semsynth.config import load_config
from semsynth.data.shards.index import ShardIndex, key_of, name_of
from semsynth.data.shards.writer import ShardWriter
from semsynth.errors import SemsynthError


def test_archives_are_what_any_tar_reads(tmp_path: Path) -> None:
    index = write(tmp_path)
    found: dict[str, bytes] = {}
    for shard in index.splits["train"].shards:
        with tarfile.open(tmp_path / shard.file) as archive:
            for info in archive:
                file = archive.extractfile(info)
                assert file is not None
                found[info.name] = file.read()
        assert (tmp_path / shard.file).stat().st_size % tarfile.RECORDSIZE == 0
    expected = {f"{key_of(name)}.{s}": data for i, name in enumerate(NAMES) for s, data in members(i).items()}
    assert list(found.items()) == list(expected.items())


def test_webdataset_reads_them(tmp_path: Path) -> None:
    import webdataset

    index = write(tmp_path)
    files = [str(tmp_path / shard.file) for shard in index.splits["train"].shards]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves the files to the garbage collector
        samples = list(webdataset.WebDataset(files, shardshuffle=False))
    assert [name_of(sample["__key__"]) for sample in samples] == list(NAMES)
    for number, sample in enumerate(samples):
        assert {key: value for key, value in sample.items() if not key.startswith("__")} == members(number)


def test_idx_files_say_where_members_lie(tmp_path: Path) -> None:
    """The format of DALI's ``wds2idx``: version and count, then suffix, offset, size and name of each member."""
    index = write(tmp_path)
    for shard in index.splits["train"].shards:
        lines = (tmp_path / shard.file).with_suffix(".idx").read_text().splitlines()
        expected: dict[str, list[str]] = {}
        with tarfile.open(tmp_path / shard.file) as archive:
            for info in archive:
                key, _, suffix = info.name.partition(".")
                expected.setdefault(key, []).append(f"{suffix} {info.offset_data} {info.size} {info.name}")
        assert lines == [f"v1.2 {len(expected)}", *(" ".join(parts) for parts in expected.values())]


def test_index_has_counts_sizes_checksums_and_classes(tmp_path: Path) -> None:
    write(tmp_path)
    index = load_config(ShardIndex, tmp_path / "index.json")
    assert index.classes == builtin("cmp_facades")
    assert index.splits["train"].kinds == ("image", "json", "label")
    assert sum(shard.samples for shard in index.splits["train"].shards) == len(NAMES)
    for shard in index.splits["train"].shards:
        data = (tmp_path / shard.file).read_bytes()
        assert (shard.bytes, shard.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_shards_are_as_large_as_asked_for(tmp_path: Path) -> None:
    """A header of 512 bytes for each member, and whole blocks of 512."""
    taken = [sum(512 + -(-len(data) // 512) * 512 for data in members(i).values()) for i in range(5)]
    assert taken == [3584, 4608, 5120, 6144, 7168]
    index = write(tmp_path, tuple("abcde"), size=9000)
    assert [shard.samples for shard in index.splits["train"].shards] == [2, 1, 1, 1]
    tiny = write(tmp_path / "tiny", tuple("abcde"), size=1)
    assert [shard.samples for shard in tiny.splits["train"].shards] == [1] * 5


@pytest.mark.parametrize("stop", range(len(NAMES)))
def test_interrupted_and_started_again_makes_the_same_bytes(tmp_path: Path, stop: int) -> None:
    write(tmp_path / "whole")

    def interrupted() -> None:
        with ShardWriter(tmp_path / "parts", builtin("cmp_facades"), SIZE) as writer:
            for number, name in enumerate(NAMES):
                if number == stop:
                    raise KeyboardInterrupt
                writer.add("train", name, members(number))

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    left = contents(tmp_path / "parts")
    assert "index.json" not in left
    assert not [name for name in left if name.endswith(".part")]
    for name, data in left.items():
        assert name == ".index.partial.json" or contents(tmp_path / "whole")[name] == data
    write(tmp_path / "parts")
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_a_full_disk_leaves_whole_shards_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "whole")
    really_open, left = Path.open, [15_000]

    class FullDisk:
        """Takes the first 15,000 bytes of all archives."""

        def __init__(self, path: Path) -> None:
            self.file = really_open(path, "wb")

        def write(self, data: bytes) -> int:
            left[0] -= len(data)
            if left[0] < 0:
                self.file.write(data[: len(data) + left[0]])
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data)

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    def open_full(path: Path, mode: str = "r", *rest: object, **named: object) -> object:
        full = mode == "wb" and ".tar." in path.name
        return FullDisk(path) if full else really_open(path, mode, *rest, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(SemsynthError, match=r"train-000001\.tar: the disk is full"):
        write(tmp_path / "parts")
    monkeypatch.undo()
    assert sorted(contents(tmp_path / "parts")) == [".index.partial.json", "train-000000.idx", "train-000000.tar"]
    write(tmp_path / "parts")
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda w: w.add("train", "a", members(0)), "two samples 'a' in train"),
        (lambda w: w.add("train", "b", {"image.jpg": b""}), "'b' consists of image, the samples of train before it of"),
        (lambda w: w.add("train", "", members(0)), "needs a name"),
        (lambda w: w.add("train", "b", {}), "needs a name and members"),
        (lambda w: w.add("tr/ain", "b", members(0)), "'tr/ain' is no name for a split"),
        (lambda w: w.add("train", "b", {"label .png": b""}), "'label .png' is no suffix"),
    ],
)
def test_wrong_samples_are_named(tmp_path: Path, wrong: Callable[[ShardWriter], None], message: str) -> None:
    writer = ShardWriter(tmp_path, None)
    writer.add("train", "a", members(0))
    with pytest.raises(SemsynthError, match=message):
        wrong(writer)
    writer.abandon()
    assert contents(tmp_path) == {}

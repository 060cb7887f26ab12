"""Shards as they are written: the format, sizes, checksums, interruptions."""

from __future__ import annotations

import errno
import hashlib
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from semsynth.classes import builtin
from semsynth.cli.main import app
from semsynth.config import load_config
from semsynth.data.shards.index import ShardIndex, key_of, name_of, parse_idx, parse_size
from semsynth.data.shards.sharding import shard_folder
from semsynth.data.shards.tar import header
from semsynth.data.shards.writer import ShardWriter
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.files import sha256

NAMES = ("plain_0001", "with.dots.v2", "blank and /slash", "Straße", "x" * 120)
SIZE = 12_000


def members(number: int) -> dict[str, bytes]:
    return {"image.jpg": bytes([number]) * (1000 + 777 * number), "label.png": b"label %d" % number, "json": b"{}"}


def write(root: Path, names: tuple[str, ...] = NAMES, size: int = SIZE) -> ShardIndex:
    with ShardWriter(root, builtin("cmp_facades"), size) as writer:
        for number, name in enumerate(names):
            if name not in writer.written("train"):
                writer.add("train", name, members(number))
    return writer.index


def contents(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.iterdir()}


@pytest.mark.parametrize("name", ["a", "frame_0001.image.jpg", "x" * 100, "x" * 101, "y" * 300])
@pytest.mark.parametrize("size", [0, 1, 511, 8**11 - 1, 8**11])
def test_headers_are_those_of_tarfile(name: str, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size = size
    assert header(name, size) == info.tobuf(tarfile.PAX_FORMAT)


@given(st.text(min_size=1))
def test_keys_hold_nothing_that_tar_or_webdataset_would_split(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:  # a lone surrogate is no text
        return
    key = key_of(name)
    assert name_of(key) == name
    assert key.isascii()
    assert not set(key) & set("./ \t\r\n\\")


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


def test_killed_and_started_again_makes_the_same_bytes(toy: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle of a shard leaves a hidden part, which the next start removes."""
    script = """
import os, signal, sys
from pathlib import Path
from semsynth.data.shards.sharding import shard_folder
def progress(done, total):
    if done == 7:
        os.kill(os.getpid(), signal.SIGKILL)
shard_folder(Path(sys.argv[1]), Path(sys.argv[2]), 9000, progress=progress)
"""
    killed = subprocess.run([sys.executable, "-c", script, str(toy), str(tmp_path / "parts")], check=False)
    assert killed.returncode == -signal.SIGKILL
    names = {path.name for path in (tmp_path / "parts").iterdir()}
    assert {name for name in names if name.endswith(".part")}
    assert "index.json" not in names
    shard_folder(toy, tmp_path / "whole", 9000)
    shard_folder(toy, tmp_path / "parts", 9000)
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


def test_folder_and_shards_hold_the_same_files(toy: Path, tmp_path: Path) -> None:
    index = shard_folder(toy, tmp_path, 9000)
    assert index.classes == TOY_CLASSES
    folders = {"image": "images", "label": "labels", "instance": "instances"}
    for split, entry in index.splits.items():
        assert len(entry.shards) > 1
        names = []
        for shard in entry.shards:
            data = (tmp_path / shard.file).read_bytes()
            for sample in parse_idx((tmp_path / shard.file).with_suffix(".idx").read_text(), shard.file):
                names.append(sample.name)
                for member in sample.members:
                    file = toy / split / folders[member.kind] / f"{sample.name}.png"
                    assert data[member.offset : member.offset + member.size] == file.read_bytes()
        assert names == sorted(path.stem for path in (toy / split / "labels").iterdir())


def test_files_larger_than_any_buffer_go_in_as_they_are(toy: Path, tmp_path: Path) -> None:
    """Nothing is decoded, so any bytes will do for the photos."""
    shutil.copytree(toy, tmp_path / "data")
    photos = sorted((tmp_path / "data" / "val" / "images").iterdir())
    for path, size in zip(photos, (2**20 - 512, 5_000_003, 2**21), strict=True):
        path.write_bytes(random.Random(size).randbytes(size))
    index = shard_folder(tmp_path / "data", tmp_path / "shards")
    (shard,) = index.splits["val"].shards
    with tarfile.open(tmp_path / "shards" / shard.file) as archive:
        for folder, kind in (("images", "image"), ("labels", "label"), ("instances", "instance")):
            for path in (tmp_path / "data" / "val" / folder).iterdir():
                file = archive.extractfile(f"{path.stem}.{kind}.png")
                assert file is not None
                assert file.read() == path.read_bytes(), path
    assert sha256(tmp_path / "shards" / shard.file) == shard.sha256


def test_an_unreadable_file_is_named(toy: Path, tmp_path: Path) -> None:
    shutil.copytree(toy, tmp_path / "data")
    victim = sorted((tmp_path / "data" / "train" / "images").iterdir())[4]
    victim.unlink()
    victim.mkdir()
    with pytest.raises(SemsynthError, match=f"cannot read {re.escape(str(victim))}: "):
        shard_folder(tmp_path / "data", tmp_path / "shards")
    assert contents(tmp_path / "shards") == {}


def test_shuffling_changes_the_order_of_training_alone(toy: Path, tmp_path: Path) -> None:
    def names(root: Path, split: str, index: ShardIndex) -> list[str]:
        files = [(root / shard.file).with_suffix(".idx") for shard in index.splits[split].shards]
        return [sample.name for file in files for sample in parse_idx(file.read_text(), file)]

    plain, one, again, other = (
        (root, shard_folder(toy, root, 9000, shuffle=seed))
        for root, seed in zip(map(tmp_path.joinpath, "abcd"), (None, 1, 1, 2), strict=True)
    )
    assert contents(one[0]) == contents(again[0])
    assert names(one[0], "train", one[1]) != names(other[0], "train", other[1])
    assert sorted(names(one[0], "train", one[1])) == names(plain[0], "train", plain[1])
    assert names(one[0], "val", one[1]) == names(plain[0], "val", plain[1])


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


def test_folders_of_other_shards_are_left_alone(toy: Path, tmp_path: Path) -> None:
    write(tmp_path / "whole")
    before = contents(tmp_path / "whole")
    with pytest.raises(SemsynthError, match="complete shards already"):
        write(tmp_path / "whole")
    assert contents(tmp_path / "whole") == before

    writer = ShardWriter(tmp_path / "begun", TOY_CLASSES, 1)
    writer.add("train", "other", members(0))
    writer.add("train", "another", members(1))
    writer.abandon()
    with pytest.raises(SemsynthError, match="unfinished shards of other classes"):
        write(tmp_path / "begun")
    with pytest.raises(SemsynthError, match="unfinished shards of other data"):
        shard_folder(toy, tmp_path / "begun", 1)
    (tmp_path / "begun" / "train-000000.tar").unlink()
    with pytest.raises(SemsynthError, match=r"train-000000\.tar is missing"):
        ShardWriter(tmp_path / "begun", TOY_CLASSES)
    with pytest.raises(SemsynthError, match="no samples"), ShardWriter(tmp_path / "empty", None):
        pass


@pytest.mark.parametrize(
    ("text", "size"), [("500MB", 500_000_000), ("2 GiB", 2**31), ("1.5kB", 1500), ("12", 12), ("7b", 7)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-5MB", "0GB", "5 furlongs", "5MBB"])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(SemsynthError, match="is no size: write it as 500MB"):
        parse_size(text)


class TestCommand:
    @staticmethod
    def run(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["data", *map(str, arguments)])
        assert "Traceback" not in result.output
        return result.exit_code, result.output

    @pytest.fixture
    def shards(self, toy: Path, tmp_path: Path) -> Path:
        code, output = self.run("shard", toy, "--out", tmp_path / "shards", "--size", "9kB")
        assert code == 0
        assert "train 9 samples in" in output
        assert "val 3 samples in" in output
        return tmp_path / "shards"

    def test_check_finds_nothing_wrong_and_the_same_as_in_the_folder(self, toy: Path, shards: Path) -> None:
        code, output = self.run("check", shards)
        assert code == 0
        assert output == self.run("check", toy)[1]

    def test_check_names_what_is_wrong(self, shards: Path) -> None:
        truncated, flipped = shards / "train-000000.tar", shards / "train-000001.tar"
        truncated.write_bytes(truncated.read_bytes()[:-100])
        data = bytearray(flipped.read_bytes())
        data[-1] ^= 1
        flipped.write_bytes(data)
        (shards / "val-000000.tar").unlink()
        code, output = self.run("check", shards)
        assert code == 1
        assert f"problem: {truncated} is truncated" in output
        assert f"problem: {flipped}: its checksum is not that of index.json" in output
        assert f"problem: {shards / 'val-000000.tar'} is missing" in output
        assert "3 problems" in output

    def test_only_some_splits(self, toy: Path, tmp_path: Path) -> None:
        assert self.run("shard", toy, "--out", tmp_path / "s", "--splits", "val")[0] == 0
        assert list(json.loads((tmp_path / "s" / "index.json").read_text())["splits"]) == ["val"]
        code, output = self.run("shard", toy, "--out", tmp_path / "t", "--splits", "val,test")
        assert code == 2
        assert "has no split 'test' (found: train, val)" in output

    def test_unfinished_shards_are_no_data(self, shards: Path) -> None:
        (shards / "index.json").rename(shards / ".index.partial.json")
        code, output = self.run("check", shards)
        assert code == 2
        assert "not complete: start the command that writes them again" in output

    @pytest.mark.parametrize("damage", ["{}", '{"format": 2, "classes": null, "splits": {}}', "nonsense"])
    def test_a_damaged_index_is_named(self, shards: Path, damage: str) -> None:
        (shards / "index.json").write_text(damage)
        code, output = self.run("check", shards)
        assert code == 2
        assert str(shards / "index.json") in output

    def test_checksums_of_the_index_are_those_of_sha256sum(self, shards: Path) -> None:
        index = load_config(ShardIndex, shards / "index.json")
        assert all(
            sha256(shards / shard.file) == shard.sha256 for split in index.splits.values() for shard in split.shards
        )

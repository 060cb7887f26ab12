"""Folders of data as shards: the same files, whatever interrupts the writing."""

from __future__ import annotations

import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from shard_files import contents, members, write

from semsynth.data.shards.index import IndexedSample, ShardIndex, idx_lines, parse_idx_line
from semsynth.data.shards.sharding import shard_folder
from semsynth.data.shards.writer import ShardWriter
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.files import sha256


def indexed(path: Path) -> list[IndexedSample]:
    return [parse_idx_line(line, path) for line in idx_lines(path.read_text(), path)]


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
            for sample in indexed((tmp_path / shard.file).with_suffix(".idx")):
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
    with pytest.raises(SemsynthError, match=f"cannot read {re.escape(str(victim))}: "):
        shard_folder(tmp_path / "data", tmp_path / "shards", progress=lambda *_: victim.unlink(missing_ok=True))
    assert contents(tmp_path / "shards") == {}


def test_shuffling_changes_the_order_of_training_alone(toy: Path, tmp_path: Path) -> None:
    def names(root: Path, split: str, index: ShardIndex) -> list[str]:
        files = [(root / shard.file).with_suffix(".idx") for shard in index.splits[split].shards]
        return [sample.name for file in files for sample in indexed(file)]

    plain, one, again, other = (
        (root, shard_folder(toy, root, 9000, shuffle=seed))
        for root, seed in zip(map(tmp_path.joinpath, "abcd"), (None, 1, 1, 2), strict=True)
    )
    assert contents(one[0]) == contents(again[0])
    assert names(one[0], "train", one[1]) != names(other[0], "train", other[1])
    assert sorted(names(one[0], "train", one[1])) == names(plain[0], "train", plain[1])
    assert names(one[0], "val", one[1]) == names(plain[0], "val", plain[1])


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

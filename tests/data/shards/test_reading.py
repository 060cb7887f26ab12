"""Shards as datasets: the same samples as the folder, and damage that is named or skipped."""

from __future__ import annotations

import logging
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from semsynth.classes import NO_CLASSES
from semsynth.config import dump_config, load_config
from semsynth.data.condition_folder import ConditionFolder
from semsynth.data.folder import DatasetFolder
from semsynth.data.sample import Sample
from semsynth.data.shards.index import ShardIndex
from semsynth.data.shards.reading import TRIES, ShardSplit
from semsynth.data.shards.sharding import shard_folder
from semsynth.data.source import FolderSource, ShardSource, open_source
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.images import save_png
from semsynth.layout import ConditionPicture


@pytest.fixture
def shards(toy_shards: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    shutil.copytree(toy_shards, tmp_path / "shards")
    return tmp_path / "shards"


def opened(root: Path, split: str = "train", skip_damaged: bool = False) -> ShardSplit:
    source = open_source(root, skip_damaged)
    assert isinstance(source, ShardSource)
    return source.open(split, instances=True)


def assert_equal(one: Sample, other: Sample) -> None:
    assert one.name == other.name
    assert one.image is not None
    assert other.image is not None
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.condition.colors(), other.condition.colors())
    if not isinstance(one.condition, ConditionPicture):
        np.testing.assert_array_equal(one.layout.labels, other.layout.labels)
        assert one.layout.instances is not None
        assert other.layout.instances is not None
        np.testing.assert_array_equal(one.layout.instances, other.layout.instances)
        assert one.layout.classes == other.layout.classes


@pytest.mark.parametrize("split", ["train", "val"])
def test_samples_are_those_of_the_folder(toy: Path, toy_shards: Path, split: str) -> None:
    folder, shards = DatasetFolder(toy, split, instances=True), opened(toy_shards, split)
    assert len(shards) == len(folder)
    assert shards.names == folder.names
    assert shards.classes == TOY_CLASSES
    for index in (*range(len(folder)), 0):
        assert_equal(shards[index], folder[index])
    for index in (-1, len(folder)):
        with pytest.raises(IndexError):
            shards[index]


def test_what_is_not_asked_for_is_not_decoded(toy_shards: Path) -> None:
    sample = open_source(toy_shards).open("train", images=False)[0]
    assert sample.image is None
    assert sample.layout.instances is None


def test_a_split_goes_to_other_processes(toy_shards: Path) -> None:
    shards = opened(toy_shards)
    assert_equal(pickle.loads(pickle.dumps(shards))[4], shards[4])


def test_sources_say_what_samples_consist_of(toy: Path, toy_shards: Path) -> None:
    folder, shards = open_source(toy), open_source(str(toy_shards))
    assert isinstance(folder, FolderSource)
    for source in (folder, shards):
        assert source.splits == ("train", "val")
        assert source.classes == TOY_CLASSES
        assert source.kinds("val") == {"image", "label", "instance"}
        assert source.kinds("test") == frozenset()


def test_pictures_as_conditions(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(3):
        for kind in ("images", "conditions"):
            save_png(tmp_path / f"data/train/{kind}/{number}.png", rng.integers(0, 256, (9, 7, 3), np.uint8))
    shard_folder(tmp_path / "data", tmp_path / "shards")
    source = open_source(tmp_path / "shards")
    assert source.classes == NO_CLASSES
    folder = ConditionFolder(tmp_path / "data", "train")
    shards = source.open("train")
    for number in range(3):
        assert_equal(shards[number], folder[number])
    report = source.report()
    assert report.problems == ()
    assert [(split.conditions, split.photos, split.sizes) for split in report.splits] == [(3, 3, ((9, 7), (9, 7)))]


def test_missing_members_and_splits_are_named(toy: Path, tmp_path: Path, toy_shards: Path) -> None:
    shutil.copytree(toy, tmp_path / "data")
    shutil.rmtree(tmp_path / "data/train/instances")
    shard_folder(tmp_path / "data", tmp_path / "shards")
    with pytest.raises(SemsynthError, match="the shards of train hold no instance"):
        opened(tmp_path / "shards")
    with pytest.raises(SemsynthError, match=r"has no split 'test' \(found: train, val\)"):
        opened(toy_shards, "test")


def test_a_truncated_shard_is_fatal_at_once(shards: Path) -> None:
    path = shards / "train-000001.tar"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(
        SemsynthError, match=r"train-000001\.tar is truncated: 3000 bytes, index\.json says \d+: restore"
    ):
        opened(shards)
    path.unlink()
    with pytest.raises(SemsynthError, match=r"train-000001\.tar is missing: restore it"):
        opened(shards)


def test_a_truncated_shard_is_skipped_on_demand(
    shards: Path, toy: Path, caplog: pytest.LogCaptureFixture, toy_shards: Path
) -> None:
    """Its place is taken by other samples, the same in every session; it is named once."""
    counts = [shard.samples for shard in load_config(ShardIndex, shards / "index.json").splits["train"].shards]
    lost = range(counts[0], counts[0] + counts[1])
    (shards / "train-000001.tar").write_bytes(b"")
    folder = DatasetFolder(toy, "train", instances=True)
    with caplog.at_level(logging.WARNING):
        split = opened(shards, skip_damaged=True)
        assert len(split) == len(folder)
        names = [split[index].name for index in (*range(len(split)), *lost)]
    for index in range(len(split)):
        assert (names[index] == folder.names[index]) == (index not in lost)
    assert not {folder.names[index] for index in lost} & set(names)
    assert names == [opened(shards, skip_damaged=True)[index].name for index in (*range(len(split)), *lost)]
    (line,) = [record.getMessage() for record in caplog.records if record.name.startswith("semsynth")][:1]
    assert line.startswith(
        f"skipped, with its {counts[1]} samples: {shards / 'train-000001.tar'} is truncated: 0 bytes"
    )


@pytest.mark.parametrize("part", ["header", "picture"])
def test_damage_inside_is_named_or_skipped(shards: Path, caplog: pytest.LogCaptureFixture, part: str) -> None:
    split = opened(shards)
    name, path = split.names[1], shards / "train-000000.tar"
    data = bytearray(path.read_bytes())
    at = data.index(f"{name}.label.png".encode())
    begin = at if part == "header" else at + 512 + 41  # inside of IDAT: the checksum of the chunk is wrong
    data[begin] ^= 0xFF
    path.write_bytes(data)
    damage = "is truncated or damaged at byte" if part == "header" else f"{name}.label.png"
    with pytest.raises(SemsynthError, match=damage) as error:
        opened(shards)[1]
    assert str(error.value).startswith(str(path))
    assert opened(shards)[0].name == split.names[0]
    other = opened(shards, skip_damaged=True)[1]
    assert other.name in split.names
    assert other.name != name
    assert caplog.messages[-1].startswith(f"skipped: {path}")


def test_shards_of_another_index_are_noticed(shards: Path) -> None:
    path = shards / "train-000000.idx"
    head, *lines = path.read_text().splitlines()
    path.write_text("\n".join([head, *reversed(lines)]) + "\n")
    names = opened(shards).names
    path.write_text("\n".join([head, *lines[1:]]) + "\n")
    with pytest.raises(SemsynthError, match=r"train-000000\.idx is damaged"):
        opened(shards)[0]
    path.write_text("\n".join([f"v1.2 {len(lines) - 1}", *lines[1:]]) + "\n")
    with pytest.raises(SemsynthError, match=rf"train-000000\.idx lists {len(lines) - 1} samples, the shard has"):
        opened(shards)[0]
    moved = [line.replace(" ", " 1", 1) for line in lines]  # other offsets
    path.write_text("\n".join([head, *moved]) + "\n")
    with pytest.raises(SemsynthError, match=r"train-000000\.tar"):
        opened(shards)[0]
    path.write_text("\n".join([head, *("x" for _ in lines)]) + "\n")
    with pytest.raises(SemsynthError, match="the index has the line 'x'"):
        opened(shards)[0]
    assert len(names) == len(opened(shards))


def test_nothing_but_damage_ends(shards: Path) -> None:
    for path in shards.glob("train-*.tar"):
        path.write_bytes(b"")
    with pytest.raises(SemsynthError, match=f"{TRIES} samples of train in a row are damaged"):
        opened(shards, skip_damaged=True)[0]


def test_skipping_is_for_shards(toy: Path) -> None:
    with pytest.raises(SemsynthError, match="skip_damaged applies to shards"):
        open_source(toy, skip_damaged=True)


def test_old_indexes_with_unknown_keys_are_refused(shards: Path) -> None:
    index = load_config(ShardIndex, shards / "index.json")
    dump_config(index, shards / "index.json")
    text = (shards / "index.json").read_text()
    (shards / "index.json").write_text(text.replace('"format": 1', '"format": 1, "colour": "red"'))
    with pytest.raises(SemsynthError, match="unknown key 'colour'"):
        open_source(shards)

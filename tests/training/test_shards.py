"""Training from shards: the same weights as from the folder, the same order after resuming."""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from command_line import invoke, sets, train
from hypothesis import given
from hypothesis import strategies as st

from semsynth.data.shards import remote
from semsynth.data.shards.remote import StreamedSplit
from semsynth.data.shards.sharding import shard_folder
from semsynth.errors import SemsynthError
from semsynth.training.data import _order, seed_from
from semsynth.training.start import open_data
from semsynth.training.trainer import Trainer

Start = Callable[..., Trainer]


@pytest.fixture(scope="module")
def shards(toy_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy data in shards of two samples or so."""
    root = tmp_path_factory.mktemp("shards")
    index = shard_folder(toy_data, root, 30_000)
    assert len(index.splits["train"].shards) >= 3
    return root


@pytest.fixture
def address(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same at an address, two shards read at a time."""
    import fsspec

    monkeypatch.setenv("SEMSYNTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "SHUFFLED_TOGETHER", 2)
    memory = fsspec.filesystem("memory")
    memory.put(str(shards) + "/", "/toy/", recursive=True)
    yield "memory://toy"
    memory.rm("/toy", recursive=True)


def assert_same_weights(one: Trainer, other: Trainer) -> None:
    for name, network in one.recipe.networks.items():
        for key, value in network.state_dict().items():
            assert torch.equal(value, other.recipe.networks[name].state_dict()[key]), (name, key)


@given(
    blocks=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    together=st.integers(1, 5),
    seed=st.integers(0, 99),
    epoch=st.integers(0, 3),
)
def test_an_epoch_reads_everything_once_and_few_blocks_at_a_time(
    blocks: list[int], together: int, seed: int, epoch: int
) -> None:
    order = _order(seed, epoch, tuple(blocks), together)
    assert sorted(order) == list(range(sum(blocks)))
    block_of = [number for number, length in enumerate(blocks) for _ in range(length)]
    read = [block_of[index] for index in order]
    open_at_once = [
        sum(1 for block in set(read) if block in read[:end] and block in read[end:]) for end in range(1, len(read))
    ]
    assert max(open_at_once, default=0) <= together


def test_one_block_is_shuffled_as_ever() -> None:
    """Runs that were begun before there were shards go on in their order."""
    order = list(range(50))
    random.Random(seed_from(7, "order", 2)).shuffle(order)
    assert _order(7, 2, (50,), 1) == tuple(order)


def test_orders_of_shards_differ_by_epoch_and_seed() -> None:
    orders = {_order(seed, epoch, (5,) * 6, 2) for seed, epoch in itertools.product(range(3), range(3))}
    assert len(orders) == 9


def test_training_from_shards_equals_training_from_the_folder(
    start: Start, shards: Path, styled: tuple[str, ...]
) -> None:
    folder, sharded = start("folder", *styled), start("shards", *styled, "training.workers=2", data=shards)
    folder.fit()
    sharded.fit()
    assert_same_weights(folder, sharded)


def test_streamed_training_resumes_to_the_same_bits(start: Start, address: str) -> None:
    """Five steps of two images: into the second epoch of six."""
    whole = start("whole", "training.steps=5", data=address)
    assert isinstance(whole.batches.samples, StreamedSplit)
    names = [whole.batches[number].names for number in range(5)]
    assert len({name for batch in names[:3] for name in batch}) == 6
    whole.fit()
    start("parts", "training.steps=2", data=address).fit()
    rest = start("parts", "training.steps=5", data=address, resume=True)
    assert rest.step == 2
    assert [rest.batches[number].names for number in range(2, 5)] == names[2:]
    rest.fit()
    assert_same_weights(rest, whole)


def test_command_takes_shards_and_knows_them_again(
    toy_data: Path, shards: Path, tmp_path: Path, tiny_settings: tuple[str, ...]
) -> None:
    mine, out = tmp_path / "shards", tmp_path / "run"
    shutil.copytree(shards, mine)
    code, text = train("spade", "--data", mine, "--out", out, "--device", "cpu", *sets(tiny_settings), "--steps", 1)
    assert code == 0, text
    code, text = train("spade", "--resume", out, "--device", "cpu", "--steps", 2)
    assert code == 0, text
    shutil.rmtree(mine)
    shard_folder(toy_data, mine, 30_000, shuffle=1)
    code, text = train("spade", "--resume", out, "--device", "cpu", "--steps", 3)
    assert code == 2
    assert f"{mine} has changed since the training began (it does not hold the same shards)" in text


def test_command_skips_damaged_shards_on_demand(
    shards: Path, tmp_path: Path, tiny_settings: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    mine, out = tmp_path / "shards", tmp_path / "run"
    shutil.copytree(shards, mine)
    damaged = mine / "train-000001.tar"
    damaged.write_bytes(damaged.read_bytes()[:-15_000])
    new = ("spade", "--data", mine, "--out", out, "--device", "cpu", *sets(tiny_settings), "--steps", 3)
    code, text = train(*new)
    assert code == 2
    assert f"{damaged} is truncated" in text
    assert not out.exists()
    code, text = train(*new, "--skip-damaged")
    assert code == 0, text
    assert [message for message in caplog.messages if f"{damaged} is truncated" in message]
    code, text = train("spade", "--resume", out, "--device", "cpu", "--steps", 4)  # the record remembers it
    assert code == 0, text


def test_comparison_takes_shards(shards: Path, tmp_path: Path) -> None:
    small = ("--width-scale", 0.05, "--set", "data.crop_size=64", "--set", "loss.kind=image_space", "--device", "cpu")
    options = ("--recipes", "encoder_decoder", "--steps", 1, *small)
    code, text = invoke("compare", "--out", tmp_path / "page", "--data", shards, *options)
    assert code == 0, text
    assert (tmp_path / "page" / "index.html").is_file()


def test_a_shard_damaged_during_training_ends_it_with_one_line(start: Start, shards: Path, tmp_path: Path) -> None:
    mine = tmp_path / "shards"
    shutil.copytree(shards, mine)
    trainer = start("run", "training.workers=1", data=mine)
    for path in mine.glob("train-*.tar"):
        path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(SemsynthError, match=r"train-00000\d\.tar") as error:
        trainer.fit()
    assert "\n" not in str(error.value)


def test_data_without_a_training_split(shards: Path, tmp_path: Path, toy_data: Path) -> None:
    shard_folder(toy_data, tmp_path / "val", splits=["val"])
    with pytest.raises(SemsynthError, match="has no split 'train'"):
        open_data(tmp_path / "val")
    shard_folder(toy_data, tmp_path / "train", splits=["train"])
    data: Any = open_data(tmp_path / "train")
    assert data.val is data.train

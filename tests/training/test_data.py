"""The stream of batches: a pure function of the seed and the step."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semsynth.config import override
from semsynth.data.sample import Batch
from semsynth.data.toy import TOY_CLASSES
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.recipes.base import Collate
from semsynth.training.data import MicroBatches, Share, read_batches, seed_from
from semsynth.training.start import open_data


@pytest.fixture
def collate(tiny_settings: tuple[str, ...]) -> Collate:
    config = override(RECIPES["spade"].presets["default"](TOY_CLASSES, True), tiny_settings)
    return Collate(config.generator, config.discriminator)  # type: ignore[attr-defined]


def stream(data: Path, collate: Collate, share: Share, seed: int = 0, flip: bool = True) -> MicroBatches:
    pipeline = Pipeline(load_size=72, crop_size=64, flip=flip)
    return MicroBatches(open_data(data).train, pipeline, collate, seed, share)


def assert_equal(one: Batch, other: Batch) -> None:
    assert one.names == other.names
    assert torch.equal(one.image, other.image)
    assert torch.equal(one.layout.full.symbols, other.layout.full.symbols)


def test_seeds_never_change() -> None:
    """Fixed numbers: a change would break the resuming of every run there is."""
    assert seed_from(0, "order", 0) == 4819849257279361181
    assert seed_from(1, "augmentation", 5) != seed_from(15, "augmentation")
    assert 0 <= seed_from("x") < 2**63


def test_every_epoch_shows_every_image_once_in_its_own_order(toy_data: Path, collate: Collate) -> None:
    batches = stream(toy_data, collate, Share(batch_size=2))
    epochs = [[name for step in range(3 * epoch, 3 * epoch + 3) for name in batches[step].names] for epoch in range(4)]
    assert all(sorted(epoch) == sorted(epochs[0]) and len(set(epoch)) == 6 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_batch_larger_than_the_dataset_goes_around(toy_data: Path, collate: Collate) -> None:
    names = stream(toy_data, collate, Share(batch_size=9))[0].names
    assert sorted(Counter(names).values()) == [1, 1, 1, 2, 2, 2]


def test_same_seed_same_pictures_other_seed_others(toy_data: Path, collate: Collate) -> None:
    share = Share(batch_size=6)
    assert_equal(stream(toy_data, collate, share)[3], stream(toy_data, collate, share)[3])
    assert not torch.equal(stream(toy_data, collate, share)[3].image, stream(toy_data, collate, share, seed=1)[3].image)


def test_an_image_is_augmented_differently_in_every_epoch(toy_data: Path, collate: Collate) -> None:
    batches = stream(toy_data, collate, Share(batch_size=6))
    pictures = [dict(zip(batch.names, batch.image, strict=True)) for batch in (batches[0], batches[1])]
    assert any(not torch.equal(picture, pictures[1][name]) for name, picture in pictures[0].items())


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_loader_processes_change_nothing(toy_data: Path, collate: Collate, workers: int) -> None:
    batches = stream(toy_data, collate, Share(batch_size=2))
    for number, batch in zip(range(3, 7), read_batches(batches, range(3, 7), workers, pin=False), strict=True):
        assert_equal(batch, batches[number])


@given(per_part=st.integers(1, 4), accumulate=st.integers(1, 3), world=st.integers(1, 4), step=st.integers(0, 50))
def test_parts_of_all_processes_make_the_whole_batch(per_part: int, accumulate: int, world: int, step: int) -> None:
    size = per_part * accumulate * world
    parts = []
    for micro in range(step * accumulate, (step + 1) * accumulate):
        for rank in range(world):
            share = Share(size, accumulate, rank, world)
            assert share.micro_batch_size == per_part
            parts += share.draws(micro)
    assert parts == list(Share(size).draws(step))


def test_indivisible_batch_names_the_way_out() -> None:
    with pytest.raises(SemsynthError, match=r"batch_size=6 .* 4 device\(s\) x 1 micro-batch\(es\): use 4 or 8"):
        Share(6, 1, 0, 4)
    with pytest.raises(SemsynthError, match=r"use 4 \(`overrides=training\.batch_size=4`\)$"):
        Share(3, 2, 0, 2)

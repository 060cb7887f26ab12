"""Training pairs: true pixels in other shapes, and layouts with noise."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from semsynth.bank.batches import CanvasCollate, CanvasPipeline, CanvasSample
from semsynth.bank.canvas import Canvas
from semsynth.bank.memory import MemoryBank
from semsynth.bank.pairs import PairRules, Stencil, add_label_noise, find_stencils, make_pair, recoloured
from semsynth.bank.settings import CanvasSettings
from semsynth.classes import VOID
from semsynth.data.folder import DatasetFolder
from semsynth.data.sample import Sample
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutEncoding

PLAIN = PairRules(recoloured=0, elision=0)
"""Neither other colours nor borders."""


@pytest.fixture
def sample(scenes: Path) -> Sample:
    return DatasetFolder(scenes, "train")[0]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pair(sample: Sample, memory: MemoryBank, rules: PairRules = PLAIN, faithful: bool = True, seed: int = 0) -> Canvas:
    return make_pair(sample, memory, rules, faithful, rng(seed))


def test_the_pixels_are_those_of_the_photo(sample: Sample, scene_bank: MemoryBank) -> None:
    made = pair(sample, scene_bank)
    assert sample.image is not None
    assert 0.1 < made.filled.mean() < 1
    assert np.allclose(made.colour[made.filled], sample.image[made.filled] / 255)
    assert not made.colour[~made.filled].any()
    assert np.array_equal(made.labels, sample.layout.labels)


def test_shapes_are_those_of_other_photos(sample: Sample, scene_bank: MemoryBank) -> None:
    stencils = find_stencils(sample, scene_bank, PLAIN, rng())
    assert stencils
    own = scene_bank.photos.index(sample.name)
    assert own not in {one.photo for one in stencils}
    for one in stencils:
        assert (sample.layout.labels[one.own] == one.class_id).all()
    places = [scene_bank.order.index(one.class_id) for one in stencils]
    assert places == sorted(places)


def test_one_drawn_photo_gives_all_shapes(sample: Sample, scene_bank: MemoryBank) -> None:
    stencils = find_stencils(sample, scene_bank, PairRules(photos=1), rng())
    assert len({one.photo for one in stencils}) == 1


def test_pairs_are_drawn_by_the_seed_alone(sample: Sample, scene_bank: MemoryBank) -> None:
    rules = PairRules(photos=2)
    first, again, other = (pair(sample, scene_bank, rules, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.colour, again.colour)
    assert not np.array_equal(first.colour, other.colour)


def test_borders_lose_pixels_inside_and_outside(sample: Sample, scene_bank: MemoryBank) -> None:
    plain, elided = pair(sample, scene_bank), pair(sample, scene_bank, PairRules(recoloured=0))
    white = (elided.colour == 1).all(2)
    assert (white & plain.filled).any()
    assert (white & ~plain.filled).any()
    assert elided.filled[white].all()


def test_a_recoloured_box_has_the_statistics_of_the_other_photo() -> None:
    photo = rng(1).random((16, 16, 3)).astype(np.float32)
    other = (100 + 40 * rng(2).random((32, 32, 3))).astype(np.uint8)
    own = np.zeros((16, 16), bool)
    own[4:12, 2:10] = True
    made = recoloured(photo, own, other)
    assert np.allclose(made[4:12, 2:10].mean((0, 1)), other[8:24, 4:20].mean((0, 1)) / 255, atol=1e-4)
    assert np.array_equal(made[~own], photo[~own])


def test_recoloured_pieces_are_seen_in_canvases(sample: Sample, scene_bank: MemoryBank) -> None:
    plain, changed = pair(sample, scene_bank), pair(sample, scene_bank, PairRules(recoloured=1, elision=0))
    assert np.array_equal(plain.filled, changed.filled)
    assert np.abs(plain.colour - changed.colour).max() > 0.05


def test_label_noise_by_hand() -> None:
    own, other = np.zeros((2, 12, 12), bool)
    own[4:8, 4:8], other[4:8, 6:10] = True, True
    labels = np.full((12, 12), 3, np.uint16)
    add_label_noise(labels, Stencil(1, own, other, 0), 0.0)
    assert (labels[own] == 1).all()
    assert (labels[other & ~own] == VOID).all()
    assert (labels == 3).sum() == 144 - 16 - 8
    wide = np.zeros((12, 12), bool)
    wide[4:8, 2:10] = True
    turned = np.full((12, 12), 3, np.uint16)
    add_label_noise(turned, Stencil(1, wide, wide, 0), 90.0)
    assert (turned[wide] == 1).all()
    assert np.array_equal(turned == VOID, wide.T & ~wide)


def test_as_published_layouts_are_noisy(sample: Sample, scene_bank: MemoryBank) -> None:
    made = pair(sample, scene_bank, faithful=False)
    changed = made.labels != sample.layout.labels
    assert changed.any()
    assert (made.labels[changed] == VOID).all()


def test_a_photo_is_needed(sample: Sample, scene_bank: MemoryBank) -> None:
    with pytest.raises(SemsynthError, match="has no photo"):
        pair(Sample(sample.name, sample.condition), scene_bank)


# In the data workers ------------------------------------------------------------------------------------------------


def pipeline(memory: MemoryBank, faithful: bool = True) -> CanvasPipeline:
    return CanvasPipeline(
        Pipeline(mode="fixed", crop_size=64, flip=False), memory, PairRules(), CanvasSettings(faithful=faithful)
    )


def test_training_makes_pairs_and_previews_retrieve(sample: Sample, scene_bank: MemoryBank) -> None:
    made = [pipeline(scene_bank).apply(sample, random.Random(seed), train) for seed, train in ((0, True), (1, False))]
    trained, shown = (one.canvas for one in made)
    assert trained is not None
    assert shown is not None
    assert trained.photos == ()
    assert shown.photos == (scene_bank.photos.index(sample.name),)  # it finds itself


@pytest.mark.parametrize("faithful", [True, False])
def test_batches(sample: Sample, scene_bank: MemoryBank, faithful: bool) -> None:
    encoding = LayoutEncoding(num_classes=scene_bank.classes.num_classes, void="after")
    samples = [pipeline(scene_bank, faithful).apply(sample, random.Random(seed), True) for seed in range(2)]
    batch = CanvasCollate(encoding, faithful)(samples)
    assert isinstance(samples[0], CanvasSample)
    assert batch.canvas is not None
    assert batch.canvas.shape == (2, 4, 64, 64)
    assert set(batch.canvas[:, 3].unique().tolist()) == {0.0, 1.0}
    assert (batch.changed is None) == faithful
    void = scene_bank.classes.num_classes
    assert bool((batch.shown.full.symbols == void).any()) != faithful
    assert not (batch.true_layout.full.symbols == void).any()
    moved = batch.to("meta")
    assert (moved.canvas.device.type, moved.shown.full.symbols.device.type) == ("meta", "meta")
    assert str(batch.double().canvas.dtype) == "torch.float64"

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from semsynth.classes import VOID, ClassInfo, ClassSet
from semsynth.data.sample import Batch, Sample
from semsynth.data.transforms import Draw, Mode, Pipeline
from semsynth.errors import SemsynthError
from semsynth.images import to_tensor
from semsynth.layout import Layout, LayoutEncoding

CLASSES = ClassSet(name="ten", classes=tuple(ClassInfo(id=i, name=str(i), color=(i, i, i)) for i in range(10)))
CROPPING = ("resize_and_crop", "crop", "scale_width_and_crop", "scale_shortside_and_crop")
MODES: tuple[Mode, ...] = (*CROPPING, "scale_width", "scale_shortside", "fixed", "none")


def make_sample(height: int, width: int, seed: int = 0, classes: ClassSet = CLASSES) -> Sample:
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes.ids, (height, width)).astype(np.uint16)
    image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Sample("s", Layout(labels, classes, labels.astype(np.int32) * 1000 + 1), image)


def coordinates(height: int, width: int) -> Sample:
    """A sample whose instances number the pixels and whose photo shows row and column."""
    rows, columns = np.mgrid[:height, :width]
    image = np.stack([rows, columns, rows * 0], -1).astype(np.uint8)
    labels = (rows % 10).astype(np.uint16)
    return Sample("c", Layout(labels, CLASSES, (rows * 1000 + columns).astype(np.int32)), image)


heights = st.integers(1, 90)


@given(st.sampled_from(MODES), heights, heights, st.booleans(), st.integers(0, 2**31), st.sampled_from([0.5, 1.0, 2.0]))
@example("scale_width", 1, 41, False, 0, 1.0)  # less than half a row is left
def test_results_are_paired_and_of_the_promised_size(
    mode: Mode, height: int, width: int, train: bool, seed: int, aspect_ratio: float
) -> None:
    pipeline = Pipeline(mode=mode, load_size=40, crop_size=32, aspect_ratio=aspect_ratio)
    result = pipeline.apply(make_sample(height, width, seed), random.Random(seed), train)
    assert result.image is not None
    assert result.layout.instances is not None
    assert result.image.shape[:2] == result.layout.size
    assert np.array_equal(result.layout.instances, result.layout.labels.astype(np.int32) * 1000 + 1)
    assert pipeline.output_size in (None, result.layout.size)
    if mode in (*CROPPING, "fixed"):
        assert result.layout.size == (round(32 / aspect_ratio), 32)
    if mode == "none":
        assert all(side % 32 == 0 for side in result.layout.size)
    if mode == "scale_width":
        assert result.layout.size[1] == 40
    if mode == "scale_shortside":
        assert min(result.layout.size) == 40


@given(st.sampled_from(MODES), heights, heights, st.integers(0, 2**31))
def test_a_pipeline_repeats_itself_and_is_fixed_outside_training(
    mode: Mode, height: int, width: int, seed: int
) -> None:
    pipeline = Pipeline(mode=mode, load_size=40, crop_size=32)
    sample = make_sample(height, width)
    first, again = (pipeline.apply(sample, random.Random(seed), True) for _ in range(2))
    assert np.array_equal(first.layout.labels, again.layout.labels)
    still, other = (pipeline.apply(sample, random.Random(s), False) for s in (seed, seed + 1))
    assert still.image is not None
    assert other.image is not None
    assert np.array_equal(still.image, other.image)


def test_crops_are_windows_of_the_sample() -> None:
    sample = coordinates(40, 60)
    pipeline = Pipeline(mode="crop", crop_size=16, flip=False)
    seen = set()
    for seed in range(60):
        result = pipeline.apply(sample, random.Random(seed), True)
        assert result.layout.instances is not None
        assert result.image is not None
        y, x = divmod(int(result.layout.instances[0, 0]), 1000)
        assert np.array_equal(result.layout.instances, sample.layout.instances[y : y + 16, x : x + 16])
        assert result.image[0, 0].tolist() == [y, x, 0]
        seen.add((y, x))
    assert len(seen) > 40
    assert max(y for y, _ in seen) <= 24
    assert max(x for _, x in seen) <= 44
    centre = pipeline.apply(sample, random.Random(0), False).layout.instances
    assert centre is not None
    assert divmod(int(centre[0, 0]), 1000) == (12, 22)


def test_flips_mirror_everything_half_of_the_time() -> None:
    sample = coordinates(8, 8)
    pipeline = Pipeline(mode="crop", crop_size=8)
    flips = 0
    for seed in range(200):
        result = pipeline.apply(sample, random.Random(seed), True)
        assert result.layout.instances is not None
        assert result.image is not None
        flipped = int(result.layout.instances[0, 0]) == 7
        flips += flipped
        step = -1 if flipped else 1
        assert np.array_equal(result.layout.instances, sample.layout.instances[:, ::step])
        assert np.array_equal(result.image, sample.image[:, ::step])
        assert np.array_equal(result.layout.labels, sample.layout.labels[:, ::step])
    assert 70 < flips < 130
    assert not any(pipeline.draw((8, 8), random.Random(seed), False).flip for seed in range(20))


def test_photos_are_resized_bicubically_with_antialiasing() -> None:
    sample = make_sample(50, 70)
    result = Pipeline(mode="fixed", crop_size=32, flip=False).apply(sample, random.Random(0), True)
    expected = Image.fromarray(sample.image).resize((32, 32), Image.Resampling.BICUBIC)
    assert np.array_equal(result.image, np.asarray(expected))
    assert set(np.unique(result.layout.labels)) <= set(np.unique(sample.layout.labels))


def test_small_pictures_are_enlarged_to_cover_the_crop() -> None:
    for mode in CROPPING:
        pipeline = Pipeline(mode=mode, load_size=40, crop_size=32)
        for size in ((10, 50), (50, 10), (7, 7)):
            result = pipeline.apply(make_sample(*size), random.Random(0), True)
            assert result.layout.size == (32, 32)
            assert VOID not in result.layout.labels


def test_scale_shortside_scales_the_short_side() -> None:
    size = Pipeline(mode="scale_shortside", load_size=40).apply(make_sample(44, 66), random.Random(0), True).layout.size
    assert size == (40, 60)
    official = Pipeline(mode="scale_shortside", load_size=40, official="spade")
    assert official.apply(make_sample(44, 66), random.Random(0), True).layout.size == (44, 60)


def test_official_crops_leave_the_picture_as_pillow_pads() -> None:
    sample = make_sample(20, 40)
    pipeline = Pipeline(mode="crop", crop_size=32, flip=False, official="spade")
    draw = pipeline.draw((20, 40), random.Random(3), True)
    result = pipeline.apply(sample, random.Random(3), True)
    box = (draw.x, draw.y, draw.x + 32, draw.y + 32)
    assert draw.y == 0
    assert np.array_equal(result.image, np.asarray(Image.fromarray(sample.image).crop(box)))
    labels = Image.fromarray(sample.layout.labels.astype(np.int32)).crop(box)
    assert np.array_equal(result.layout.labels, np.asarray(labels))
    small = pipeline.model_copy(update={"official": "pix2pixhd"}).apply(make_sample(20, 24), random.Random(3), True)
    assert small.layout.size == (20, 24)


def test_official_padding_is_void_where_no_class_has_id_0() -> None:
    classes = ClassSet(name="x", classes=(ClassInfo(id=4, name="a", color=(1, 1, 1)),))
    pipeline = Pipeline(mode="crop", crop_size=8, flip=False, official="spade")
    labels = pipeline.apply(make_sample(6, 8, classes=classes), random.Random(0), True).layout.labels
    assert (labels[:6] == 4).all()
    assert (labels[6:] == VOID).all()


def test_official_draws_x_then_y_then_flip_in_every_mode() -> None:
    for mode in MODES:
        rng, reference = random.Random(5), random.Random(5)
        pipeline = Pipeline(mode=mode, load_size=40, crop_size=32, official="spade")
        draw = pipeline.draw((50, 70), rng, train=False)
        width, height = {
            "resize_and_crop": (40, 40),
            "scale_width_and_crop": (40, 28),
            "scale_shortside_and_crop": (56, 50),
        }.get(mode, (70, 50))
        expected = Draw(
            reference.randint(0, max(0, width - 32)),
            reference.randint(0, max(0, height - 32)),
            reference.random() > 0.5,
        )
        assert draw == expected
        assert rng.random() == reference.random()


def test_official_crops_at_test_time_are_random_ours_are_not() -> None:
    sample = coordinates(40, 60)
    for official, distinct in (("spade", True), (False, False)):
        pipeline = Pipeline(mode="crop", crop_size=16, official=official)
        corners = {int(pipeline.apply(sample, random.Random(seed), False).layout.instances[0, 0]) for seed in range(10)}
        assert (len(corners) > 1) == distinct


@pytest.mark.parametrize("mode", MODES)
def test_single_pixels_and_slivers(mode: Mode) -> None:
    pipeline = Pipeline(mode=mode, load_size=40, crop_size=32)
    for size in ((1, 1), (1, 900), (900, 1)):
        result = pipeline.apply(make_sample(*size), random.Random(0), False)
        assert min(result.layout.size) >= 1
        assert pipeline.output_size in (None, result.layout.size)


def test_slivers_never_fill_the_memory() -> None:
    sliver = make_sample(9000, 1)
    with pytest.raises(SemsynthError, match="'s' of 1x9000 would have to be scaled to 286x2574000"):
        Pipeline(mode="scale_width_and_crop").apply(sliver, random.Random(0), True)


def test_wrong_settings() -> None:
    for wrong in ({"mode": "resize"}, {"crop_size": 0}, {"aspect_ratio": 0.0}, {"official": True}, {"crop": 3}):
        with pytest.raises(ValidationError):
            Pipeline.model_validate(wrong)


def test_label_only_samples_go_through() -> None:
    sample = make_sample(30, 30)
    layout = Layout(sample.layout.labels, CLASSES)
    result = Pipeline(crop_size=16, load_size=20).apply(Sample("x", layout), random.Random(0), True)
    assert result.image is None
    assert result.layout.instances is None
    assert result.layout.size == (16, 16)


def test_samples_of_two_sizes_are_refused() -> None:
    layout = make_sample(4, 6).layout
    with pytest.raises(SemsynthError, match="'x': the photo is 5x4, the label map 6x4"):
        Sample("x", layout, np.zeros((4, 5, 3), np.uint8))


def test_batches() -> None:
    samples = [make_sample(5, 6, seed) for seed in range(3)]
    encoding = LayoutEncoding(num_classes=10, void="after", edges=True)
    batch = Batch.from_samples(samples, encoding)
    assert len(batch) == len(batch.layout) == 3
    assert batch.names == ("s", "s", "s")
    assert torch.equal(batch.image[1], to_tensor(samples[1].image))
    moved = batch.to("cpu")
    assert torch.equal(moved.image, batch.image)
    assert torch.equal(moved.layout.full.symbols, batch.layout.full.symbols)
    with pytest.raises(SemsynthError, match="'x' has no photo"):
        Batch.from_samples([Sample("x", samples[0].layout)], encoding)


def test_real_photos_keep_their_classes(shared: Path) -> None:
    from semsynth.data.folder import DatasetFolder

    folder = DatasetFolder(shared / "data/cmp_facades", "val")
    pipeline = Pipeline()
    for index in range(3):
        sample = folder[index]
        result = pipeline.apply(sample, random.Random(index), True)
        assert result.layout.size == (256, 256)
        assert set(np.unique(result.layout.labels)) <= set(np.unique(sample.layout.labels))

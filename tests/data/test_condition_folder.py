"""Pictures as conditions: samples, transforms, the folder and its check."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from semsynth.classes import NO_CLASSES
from semsynth.data.check_conditions import check_conditions
from semsynth.data.condition_folder import ConditionFolder
from semsynth.data.folder import holds_conditions, load_classes
from semsynth.data.sample import Batch, Sample
from semsynth.data.toy import draw_scene, write_toy
from semsynth.data.transforms import Mode, Pipeline
from semsynth.errors import SemsynthError
from semsynth.images import save_png
from semsynth.layout import ConditionPicture


def smooth(seed: int, height: int = 40, width: int = 56) -> np.ndarray:
    """A picture whose values keep away from black and white, where resampling would clip."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(80, 176, (5, 7, 3), dtype=np.uint8))
    return np.asarray(coarse.resize((width, height), Image.Resampling.BILINEAR))


def negative(seed: int) -> Sample:
    """The condition is the photo's negative, so that every misplaced pixel shows."""
    image = smooth(seed)
    return Sample(f"s{seed}", ConditionPicture(255 - image), image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    for split, seeds in (("train", (0, 1, 2)), ("val", (3,))):
        for seed in seeds:
            sample = negative(seed)
            assert sample.image is not None
            save_png(root / split / "images" / f"{seed}.png", sample.image)
            save_png(root / split / "conditions" / f"{seed}.png", sample.picture.pixels)
    return root


@pytest.mark.parametrize("mode", get_args(Mode))
@pytest.mark.parametrize("train", [True, False])
def test_condition_and_photo_stay_aligned(mode: Mode, train: bool) -> None:
    pipeline = Pipeline(mode=mode, load_size=36, crop_size=24, multiple=16)
    sizes = set()
    for seed in range(6):
        result = pipeline.apply(negative(seed), random.Random(seed), train)
        assert result.image is not None
        sizes.add(result.size)
        difference = result.picture.pixels.astype(int) + result.image - 255
        assert np.abs(difference).max() <= 2  # Pillow resamples in two passes and rounds after each
        assert result.image.std() > 5
    assert len(sizes) == 1
    assert pipeline.output_size in (None, *sizes)


def test_mirrored_and_cropped_like_a_layout() -> None:
    """The same draws move label maps and pictures to the same place."""
    scene = draw_scene(3, 48)
    assert scene.image is not None
    twin = Sample("twin", ConditionPicture(scene.layout.colors()), scene.image)
    pipeline = Pipeline(mode="crop", crop_size=20)
    for seed in range(8):
        one, other = (pipeline.apply(sample, random.Random(seed), True) for sample in (scene, twin))
        assert np.array_equal(one.layout.colors(), other.picture.pixels)
        assert np.array_equal(one.image, other.image)


def test_batches() -> None:
    batch = Batch.from_pictures([negative(0), negative(1)])
    assert isinstance(batch.layout, torch.Tensor)
    assert batch.layout.shape == batch.image.shape == (2, 3, 40, 56)
    assert torch.allclose(batch.layout, -batch.image, atol=1e-6)
    assert batch.names == ("s0", "s1")
    assert isinstance(moved := batch.to("cpu").double().layout, torch.Tensor)
    assert moved.dtype == torch.float64
    with pytest.raises(SemsynthError, match="'s0' has no photo"):
        Batch.from_pictures([Sample("s0", negative(0).picture)])


def test_conditions_of_the_other_kind_are_told() -> None:
    scene, picture = draw_scene(0, 16), negative(0)
    with pytest.raises(SemsynthError, match="condition of 's0' is a picture, and label maps are needed"):
        _ = picture.layout
    with pytest.raises(SemsynthError, match="condition of 'toy_00000' is a label map, and pictures are needed"):
        Batch.from_pictures([scene])
    with pytest.raises(SemsynthError, match="the photo is 4x3, the condition 56x40; they must be equal"):
        Sample("s", picture.picture, np.zeros((3, 4, 3), np.uint8))


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_pictures_are_read_as_rgb(mode: str, tmp_path: Path) -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[1:3, 2:5] = 255
    picture = Image.fromarray(pixels).convert(mode)
    picture.save(tmp_path / "a.png")
    for source in (picture, tmp_path / "a.png", str(tmp_path / "a.png"), pixels, pixels[..., 0]):
        assert np.array_equal(ConditionPicture.open(source).pixels, pixels)


@pytest.mark.parametrize("array", [np.zeros((3, 3), np.int32), np.zeros((3, 3, 4), np.uint8), np.zeros(3, np.uint8)])
def test_arrays_that_are_no_pictures(array: np.ndarray) -> None:
    with pytest.raises(SemsynthError, match=r"a picture is \[H,W,3\] or \[H,W\] uint8, 0 to 255: got"):
        ConditionPicture.open(array)


def test_folder(folder: Path) -> None:
    train = ConditionFolder(folder, "train")
    assert (len(train), train.names) == (3, ("0", "1", "2"))
    travelled = pickle.loads(pickle.dumps(train))[1]
    assert np.array_equal(travelled.image, smooth(1))
    assert np.array_equal(travelled.picture.pixels, 255 - smooth(1))
    assert load_classes(folder) == NO_CLASSES
    assert ConditionFolder(folder, "val", images=False)[0].image is None


def test_kinds_of_folders(folder: Path, tmp_path: Path) -> None:
    write_toy(tmp_path / "toy", 5, size=16)
    assert holds_conditions(folder)
    assert not holds_conditions(tmp_path / "toy")
    assert not holds_conditions(tmp_path / "none")
    assert not holds_conditions(folder / "train")


def test_folder_misses(folder: Path) -> None:
    with pytest.raises(SemsynthError, match=r"has no split 'test' \(found: train, val\)"):
        ConditionFolder(folder, "test")
    save_png(folder / "val/conditions/3.png", np.zeros((5, 6), np.uint8))
    with pytest.raises(SemsynthError, match="val: '3': the photo is 56x40, the condition 6x5"):
        ConditionFolder(folder, "val")[0]
    (folder / "train/images/1.png").rename(folder / "train/images/one.png")
    with pytest.raises(SemsynthError, match="1 condition has no partner in images/: 1; 1 file in images/ has no cond"):
        ConditionFolder(folder, "train")


def test_check_of_a_good_folder(folder: Path) -> None:
    save_png(folder / "test/conditions/x.png", np.zeros((60, 80), np.uint8))
    steps: list[tuple[int, int]] = []
    report = check_conditions(folder, lambda *step: steps.append(step))
    assert report.problems == ()
    assert report.notes == (
        f"{folder / 'test'} has conditions only, no photos: enough for synthesis, not for training",
    )
    found = {split.name: (split.conditions, split.photos, split.sizes) for split in report.splits}
    assert found == {
        "train": (3, 3, ((40, 56), (40, 56))),
        "val": (1, 1, ((40, 56), (40, 56))),
        "test": (1, 0, ((60, 80), (60, 80))),
    }
    assert steps[-1] == (5, 5)


def test_check_lists_every_problem(folder: Path) -> None:
    save_png(folder / "train/conditions/0.png", np.zeros((5, 6), np.uint8))
    (folder / "train/conditions/1.png").write_bytes(b"nothing")
    (folder / "train/images/2.png").rename(folder / "train/images/two.png")
    (folder / "val/conditions/3.png").rename(folder / "3.png")
    (folder / "val/conditions").rmdir()
    report = check_conditions(folder)
    problems = report.problems
    assert len(problems) == 5
    assert [note.partition(":")[0] for note in report.notes] == [f"{folder} has no split 'val'"]
    for part in (
        f"{folder / 'val'} has photos but no conditions/",
        "1 condition has no partner in images/: 2",
        "1 file in images/ has no condition: two",
        f"{folder / 'train/images/0.png'} is 56x40, its condition 6x5: make them equal",
        f"{folder / 'train/conditions/1.png'} is not a picture",
    ):
        assert any(part in problem for problem in problems), part

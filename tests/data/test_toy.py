from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semsynth.data.check import check_dataset
from semsynth.data.toy import GRASS, HOUSE, ROAD, ROOF, SKY, SUN, TOY_CLASSES, TREE, draw_scene, write_toy
from semsynth.errors import SemsynthError


def test_a_seed_is_a_scene() -> None:
    first, again, other = draw_scene(4, 48), draw_scene(4, 48), draw_scene(5, 48)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.layout.labels, again.layout.labels)
    assert not np.array_equal(first.layout.labels, other.layout.labels)


@pytest.mark.parametrize("size", [16, 63, 128])
def test_sizes(size: int) -> None:
    sample = draw_scene(1, size)
    assert sample.layout.size == (size, size)
    assert sample.image is not None
    assert sample.image.shape == (size, size, 3)


def test_scenes_show_every_class_and_look_like_it() -> None:
    scenes = [draw_scene(seed, 64) for seed in range(40)]
    labels = np.stack([scene.layout.labels for scene in scenes])
    photos = np.stack([scene.image for scene in scenes if scene.image is not None]).astype(float)
    shares = np.bincount(labels.ravel(), minlength=8) / labels.size
    assert (shares > 0.004).all()
    means = {label: photos[labels == label].mean(0) for label in range(8)}
    assert means[SKY][2] > means[SKY][0]
    assert means[GRASS].argmax() == means[TREE].argmax() == 1
    assert np.ptp(means[ROAD]) < 12
    assert means[SUN].mean() > 200
    assert means[ROOF].argmax() == 0
    # Not one flat colour per class: there is something to learn beyond a palette.
    assert all(photos[labels == label].std(0).mean() > 5 for label in range(8) if label != SUN)


def test_instances_number_the_objects() -> None:
    layout = draw_scene(8, 96).layout
    assert layout.instances is not None
    things = np.isin(layout.labels, (HOUSE, ROOF, TREE))
    assert (layout.instances[things] // 1000 == layout.labels[things]).all()
    assert np.array_equal(layout.instances[~things], layout.labels[~things])
    houses = {seed: draw_scene(seed, 96).layout for seed in range(20)}
    assert any(len(np.unique(one.instances[one.labels == TREE])) > 1 for one in houses.values())


def test_the_dataset_is_sound_and_repeatable(tmp_path: Path) -> None:
    write_toy(tmp_path, 7, size=24, seed=3)
    report = check_dataset(tmp_path)
    assert report.problems == ()
    assert report.classes == TOY_CLASSES
    assert {split.name: split.photos for split in report.splits} == {"train": 5, "val": 2}
    files = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    write_toy(tmp_path, 7, size=24, seed=3)
    assert files == {path: path.read_bytes() for path in tmp_path.rglob("*.png")}


@pytest.mark.parametrize(("count", "size"), [(1, 64), (4, 8)])
def test_too_little(tmp_path: Path, count: int, size: int) -> None:
    with pytest.raises(SemsynthError, match="are no dataset"):
        write_toy(tmp_path / "out", count, size)
    assert not (tmp_path / "out").exists()

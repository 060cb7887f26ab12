from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsynth.data.check import check_dataset, in_between
from semsynth.data.facades import draw_facade
from semsynth.data.folder import save_classes
from semsynth.data.grammars import FACADES
from semsynth.data.shards.sharding import shard_folder
from semsynth.data.source import open_source
from semsynth.data.toy import draw_scene, write_toy
from semsynth.errors import SemsynthError
from semsynth.images import save_png
from semsynth.layout import Layout


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    write_toy(tmp_path / "toy", 6, size=32)
    return tmp_path / "toy"


def problems(root: Path) -> str:
    return "\n".join(check_dataset(root).problems)


def test_a_sound_folder(toy: Path) -> None:
    steps: list[tuple[int, int]] = []
    report = check_dataset(toy, lambda *step: steps.append(step))
    assert report.problems == report.notes == ()
    assert steps == [(i, 6) for i in range(1, 7)]
    train, val = report.splits
    assert (train.name, train.layouts, train.photos, train.instances) == ("train", 5, 5, 5)
    assert val.layouts == 1
    assert train.sizes == ((32, 32), (32, 32))
    labels = draw_scene(1, 32).layout.labels
    assert val.pixels.tolist() == [*np.bincount(labels.ravel(), minlength=8), 0]


def test_label_only_splits_are_allowed_and_said(tmp_path: Path) -> None:
    FACADES.write(tmp_path, 2, (64, 64))
    report = check_dataset(tmp_path)
    assert report.problems == ()
    assert any("test has label maps only, no photos" in note for note in report.notes)


def test_missing_splits(toy: Path, tmp_path: Path) -> None:
    for path in (toy / "val").rglob("*.png"):
        path.unlink()
    assert "val/labels holds no pictures" in problems(toy)
    (toy / "val").rename(tmp_path / "away")
    report = check_dataset(toy)
    assert not report.problems
    assert [note.partition(":")[0] for note in report.notes] == [f"{toy} has no split 'val'"]
    shard_folder(toy, tmp_path / "shards")
    assert [note.partition(":")[2] for note in open_source(tmp_path / "shards").report().notes] == [
        note.partition(":")[2] for note in report.notes
    ]
    (toy / "train").rename(toy / "val")
    report = check_dataset(toy)
    assert not report.problems
    assert [note.partition(":")[0] for note in report.notes] == [f"{toy} has no split 'train'"]
    (toy / "val").rename(toy / "train")
    (toy / "train/labels").rename(tmp_path / "labels")
    found = problems(toy)
    assert "has no split: a sub-folder such as train/" in found
    assert "train has photos but no labels/" in found


def test_pairing(toy: Path) -> None:
    (toy / "train/images/toy_00002.png").unlink()
    (toy / "train/instances/toy_00003.png").rename(toy / "train/instances/x.png")
    found = problems(toy)
    assert "1 label map has no partner in images/: toy_00002" in found
    assert "1 file in instances/ has no label map: x" in found


def test_damage_and_sizes(toy: Path) -> None:
    photo = toy / "train/images/toy_00000.png"
    photo.write_bytes(photo.read_bytes()[:500])
    save_png(toy / "train/images/toy_00002.png", np.zeros((30, 32, 3), np.uint8))
    save_png(toy / "train/instances/toy_00003.png", np.zeros((32, 30), np.uint16))
    (toy / "train/labels/toy_00004.png").write_bytes(b"")
    found = problems(toy)
    assert "toy_00000.png is truncated or damaged" in found
    assert "toy_00002.png is 32x30, its label map 32x32" in found
    assert "toy_00003.png: the instance map is 30x32, the label map 32x32" in found
    assert "labels/toy_00004.png is empty" in found
    assert len(check_dataset(toy).problems) == 4


def test_unknown_ids(toy: Path) -> None:
    labels = np.zeros((32, 32), np.uint8)
    labels[:2] = 77
    save_png(toy / "train/labels/toy_00000.png", labels)
    assert "toy_00000.png: ids outside the class set 'toy': 77 (64 pixels)" in problems(toy)


def test_jpeg_and_antialiased_maps(toy: Path) -> None:
    label = toy / "train/labels/toy_00000.png"
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(label, "JPEG")
    assert "is a JPEG file: its compression invents ids" in problems(toy)
    colors = draw_scene(0, 64).layout.colors()
    Image.fromarray(colors).resize((32, 32), Image.Resampling.BILINEAR).save(label)
    assert "export it without anti-aliasing" in problems(toy)
    ids = Image.fromarray(draw_scene(0, 64).layout.labels.astype(np.uint8))
    ids.resize((32, 32), Image.Resampling.BILINEAR).save(label)
    assert "toy_00000.png looks anti-aliased or compressed" in problems(toy)


def test_antialiased_maps_are_recognised_among_unknown_ids(toy: Path) -> None:
    wide = draw_scene(0, 64).layout.labels.astype(np.uint8) * 30
    Image.fromarray(wide).resize((32, 32), Image.Resampling.BILINEAR).save(toy / "train/labels/toy_00000.png")
    found = problems(toy)
    assert "ids outside the class set" in found
    assert "looks anti-aliased" in found


def test_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"no classes\.json"):
        check_dataset(tmp_path)


def test_in_between_by_hand() -> None:
    assert in_between(np.array([[0, 0, 3, 3]])) == (0, 2)
    assert in_between(np.array([[0, 0, 2, 3, 3], [5, 5, 6, 9, 9]])) == (1, 6)
    assert in_between(np.array([[0, 0, 2, 3, 3]] * 4)) == (0, 12)  # one kind of border: a thin class
    assert in_between(np.zeros((5, 5), np.uint8)) == (0, 0)
    assert in_between(np.array([[4]])) == (0, 0)


def smoothed(layout: Layout) -> list[Layout]:
    """What goes wrong with label maps: bicubic scaling, and JPEG."""
    image = Image.fromarray(layout.labels.astype(np.uint8))
    height, width = layout.size
    scaled = image.resize((width * 2 // 3, height * 2 // 3), Image.Resampling.BICUBIC)
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=92)
    with Image.open(buffer) as compressed:
        return [
            Layout(np.minimum(np.asarray(bad), layout.classes.num_classes - 1).astype(np.uint16), layout.classes)
            for bad in (scaled, compressed)
        ]


@pytest.mark.parametrize("size", [64, 200])
def test_smoothed_maps_are_found_and_drawn_ones_are_not(tmp_path: Path, size: int) -> None:
    for seed in range(10):
        for layout in (draw_facade(seed, size), draw_scene(seed, size).layout):
            folder = tmp_path / f"{seed}_{layout.classes.name}"
            save_classes(folder, layout.classes)
            for name, one in zip(("drawn", "scaled", "compressed"), (layout, *smoothed(layout)), strict=True):
                one.save(folder / "test/labels" / f"{name}.png")
            found = problems(folder)
            assert "drawn" not in found
            assert "scaled.png looks anti-aliased" in found
            assert "compressed.png looks anti-aliased" in found


@pytest.mark.parametrize("name", ["cityscapes_sample", "cocostuff_sample"])
def test_shared_samples_are_sound(shared: Path, name: str) -> None:
    assert check_dataset(shared / "data" / name).problems == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cmp_facades", "camvid", "labelmefacade"])
def test_shared_data_are_sound(shared: Path, name: str) -> None:
    assert check_dataset(shared / "data" / name).problems == ()

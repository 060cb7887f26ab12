from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsynth.classes import ClassInfo, ClassSet
from semsynth.data.check import check_dataset
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
    assert "is a JPEG file: its compression invents numbers" in problems(toy)
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


def dataset(root: Path, classes: ClassSet, labels: dict[str, np.ndarray | Image.Image]) -> Path:
    """A dataset folder with one split of label maps and grey photos."""
    save_classes(root, classes)
    for name, one in labels.items():
        path = root / "train/labels" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = one if isinstance(one, Image.Image) else Image.fromarray(one)
        image.save(path)
        save_png(root / "train/images" / f"{name}.png", np.full((image.height, image.width, 3), 128, np.uint8))
    return root


THREE = ClassSet(
    name="three",
    classes=tuple(
        ClassInfo(id=i, name=n, color=(9 * i + 9, 99, 9)) for i, n in enumerate(("cell", "membrane", "void!"))
    ),
)


def test_masks_of_0_and_255_are_a_problem(tmp_path: Path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[:2] = 255
    found = check_dataset(dataset(tmp_path, THREE, {"a": mask}))
    (line,) = found.problems
    assert "train: 6% of the pixels are void, and 'membrane' (1), 'void!' (2) never occur" in line
    assert "--map 255:CLASS" in line


def test_nothing_but_void_is_a_problem(tmp_path: Path) -> None:
    root = dataset(tmp_path, THREE, {"a": np.full((32, 32), 255, np.uint8)})
    (line,) = check_dataset(root).problems
    assert "train holds nothing but void, 1024 pixels" in line


def palette_map(indices: np.ndarray, colors: list[int]) -> Image.Image:
    image = Image.fromarray(indices).convert("P")
    image.putpalette(colors)
    return image


def test_palettes_that_differ_from_file_to_file(tmp_path: Path) -> None:
    maps = np.zeros((32, 32), np.uint8)
    maps[:9] = 1
    one, other = palette_map(maps, [1, 2, 3, 200, 0, 0]), palette_map(maps, [200, 0, 0, 1, 2, 3])
    same = dataset(
        tmp_path / "same", THREE, {"a": one, "b": one, "c": palette_map(maps, [1, 2, 3, 200, 0, 0, 7, 7, 7])}
    )
    assert "palettes" not in problems(same)
    found = problems(dataset(tmp_path / "different", THREE, {"a": one, "b": other, "c": other}))
    assert "the palettes of label maps differ: " in found
    assert "b.png draws 0 in #c80000, and " in found
    assert "a.png in #010203 (and 1 more)" in found


def photo_with(orientation: int, size: tuple[int, int], path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (size[1], size[0]), (200, 100, 50)).save(path, exif=exif)


def test_photos_that_are_turned_are_told(tmp_path: Path) -> None:
    root = dataset(tmp_path, THREE, {name: np.arange(6, dtype=np.uint8).reshape(3, 2) % 3 for name in "abc"})
    photo_with(3, (3, 2), root / "train/images/a.png")
    photo_with(6, (2, 3), root / "train/images/b.png")
    found = check_dataset(root)
    assert found.problems == ()
    (note,) = (note for note in found.notes if "EXIF" in note)
    assert "2 photos are read turned or mirrored" in note
    assert "a.png (3), " in note
    assert "b.png (6)" in note
    photo_with(6, (3, 2), root / "train/images/c.png")
    (problem,) = check_dataset(root).problems
    assert "c.png is stored on its side (EXIF orientation 6): it is 3x2 as viewers show it" in problem
    assert "its label map is 2x3" in problem


def cells(thin: int, size: int = 96) -> np.ndarray:
    """Three kinds of cells 0, 2 and 4, each with a membrane of one pixel."""
    labels = np.zeros((size, size), np.uint8)
    for place, kind in enumerate((4, 2) * 4):
        top, left = divmod(place, 4)
        labels[top * 40 + 4 : top * 40 + 24, left * 22 + 4 : left * 22 + 20] = thin
        labels[top * 40 + 5 : top * 40 + 23, left * 22 + 5 : left * 22 + 19] = kind
    return labels


FIVE = ClassSet(name="five", classes=tuple(ClassInfo(id=i, name=str(i), color=(i, 0, 9)) for i in range(5)))


def test_outlines_are_not_called_anti_aliased(tmp_path: Path) -> None:
    assert "anti-aliased" not in problems(dataset(tmp_path, FIVE, {"a": cells(1)}))


def test_thin_classes_can_be_named(tmp_path: Path) -> None:
    labels = cells(1)
    labels[:, ::2][labels[:, ::2] == 1] = 3  # two thin classes between the same sides
    root = dataset(tmp_path, FIVE, {"a": labels})
    assert "--thin CLASS" in problems(root)
    assert check_dataset(root, thin=("1", "3")).problems == ()

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from semsynth.classes import ClassInfo, ClassSet, builtin
from semsynth.data.folder import DatasetFolder, save_classes, splits
from semsynth.data.listing import list_pictures
from semsynth.data.toy import TOY_CLASSES, draw_scene, write_toy
from semsynth.errors import SemsynthError
from semsynth.images import save_png


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy")
    write_toy(root, 12, size=32)
    return root


def rewritten(root: Path, copy: Path) -> Path:
    """A copy whose files may be spoiled."""
    for path in root.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return copy


def test_samples_are_what_was_written(toy: Path) -> None:
    folder = DatasetFolder(toy, "train", instances=True)
    assert folder.classes == TOY_CLASSES
    assert len(folder) == 9
    assert folder.names == tuple(f"toy_{i:05d}" for i in range(12) if i % 5 != 1)
    sample, expected = folder[2], draw_scene(3, 32)
    assert sample.name == "toy_00003"
    assert sample.image is not None
    assert np.array_equal(sample.image, expected.image)
    assert np.array_equal(sample.layout.labels, expected.layout.labels)
    assert np.array_equal(sample.layout.instances, expected.layout.instances)


def test_what_is_not_asked_for_is_not_read(toy: Path, tmp_path: Path) -> None:
    root = rewritten(toy, tmp_path)
    for path in (*(root / "val/images").iterdir(), *(root / "val/instances").iterdir()):
        path.unlink()
    sample = DatasetFolder(root, "val", images=False)[0]
    assert sample.image is None
    assert sample.layout.instances is None
    with pytest.raises(SemsynthError, match="holds no pictures"):
        DatasetFolder(root, "val")
    with pytest.raises(SemsynthError, match="holds no pictures"):
        DatasetFolder(root, "val", images=False, instances=True)


def test_a_folder_travels_to_worker_processes(toy: Path) -> None:
    folder = pickle.loads(pickle.dumps(DatasetFolder(toy, "val")))
    assert np.array_equal(folder[0].layout.labels, DatasetFolder(toy, "val")[0].layout.labels)


def test_names_pair_in_natural_order_whatever_the_suffix(tmp_path: Path) -> None:
    save_classes(tmp_path, TOY_CLASSES)
    for name in ("f10", "f9", "f1"):
        save_png(tmp_path / "train/labels" / f"{name}.png", np.zeros((4, 4), np.uint8))
        (tmp_path / "train/images").mkdir(exist_ok=True)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "train/images" / f"{name}.JPG", "JPEG")
    (tmp_path / "train/images/notes.txt").write_text("not a picture")
    (tmp_path / "train/images/._f1.jpg").write_text("what some systems leave behind")
    assert DatasetFolder(tmp_path, "train").names == ("f1", "f9", "f10")


def test_names_without_partner_are_listed(toy: Path, tmp_path: Path) -> None:
    root = rewritten(toy, tmp_path)
    (root / "train/images/toy_00003.png").rename(root / "train/images/other.png")
    with pytest.raises(SemsynthError) as caught:
        DatasetFolder(root, "train")
    assert "1 label map has no partner in images/: toy_00003" in str(caught.value)
    assert "1 file in images/ has no label map: other" in str(caught.value)
    (root / "val/instances/toy_00001.png").unlink()
    with pytest.raises(SemsynthError, match="1 label map has no partner in instances/: toy_00001"):
        DatasetFolder(root, "val", instances=True)


def test_long_lists_are_cut(toy: Path, tmp_path: Path) -> None:
    root = rewritten(toy, tmp_path)
    for path in list((root / "train/images").iterdir())[:7]:
        path.unlink()
    with pytest.raises(SemsynthError, match=r"7 label maps .* and 4 more"):
        DatasetFolder(root, "train")


def test_two_files_of_one_name(toy: Path, tmp_path: Path) -> None:
    root = rewritten(toy, tmp_path)
    (root / "val/images/toy_00001.jpg").write_bytes((root / "val/images/toy_00001.png").read_bytes())
    with pytest.raises(SemsynthError, match=r"toy_00001\.(png|jpg) have one name"):
        DatasetFolder(root, "val")


def test_pairs_of_two_sizes(toy: Path, tmp_path: Path) -> None:
    root = rewritten(toy, tmp_path)
    save_png(root / "val/images/toy_00006.png", np.zeros((30, 31, 3), np.uint8))
    with pytest.raises(SemsynthError, match=r"val: 'toy_00006': the photo is 31x30, the label map 32x32"):
        DatasetFolder(root, "val")[1]


def test_missing_parts(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"no dataset folder .*nowhere"):
        DatasetFolder(tmp_path / "nowhere", "train")
    with pytest.raises(SemsynthError, match=r"has no classes\.json"):
        DatasetFolder(tmp_path, "train")
    with pytest.raises(SemsynthError, match=r"no split 'test' \(found: train, val\)"):
        DatasetFolder(toy, "test")
    (tmp_path / "train").mkdir()
    save_classes(tmp_path, TOY_CLASSES)
    with pytest.raises(SemsynthError, match=r"there is no folder .*train/labels"):
        DatasetFolder(tmp_path, "train")


def test_splits(toy: Path, tmp_path: Path) -> None:
    assert splits(toy) == ("train", "val")
    assert splits(tmp_path) == ()
    with pytest.raises(SemsynthError, match="no folder"):
        list_pictures(tmp_path / "x")


def test_classes_are_never_overwritten(tmp_path: Path) -> None:
    save_classes(tmp_path, TOY_CLASSES)
    save_classes(tmp_path, ClassSet(name="another name", classes=TOY_CLASSES.classes))
    with pytest.raises(SemsynthError, match="holds other classes than 'camvid'"):
        save_classes(tmp_path, builtin("camvid"))


def test_ids_may_have_gaps_and_16_bits(tmp_path: Path) -> None:
    ids = (3, 700)
    classes = ClassSet(name="x", classes=tuple(ClassInfo(id=i, name=str(i), color=(i % 256, 0, 0)) for i in ids))
    save_classes(tmp_path, classes)
    save_png(tmp_path / "val/labels/a.png", np.array([[3, 700, 65535]], np.uint16))
    layout = DatasetFolder(tmp_path, "val", images=False)[0].layout
    assert classes.index_of_id[layout.labels].tolist() == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("name", "split", "count", "instances"),
    [
        ("cmp_facades", "train", 341, False),
        ("labelmefacade", "val", 100, False),
        ("camvid", "val", 101, False),
        ("cityscapes_sample", "train", 7, True),
        ("cocostuff_sample", "val", 8, True),
    ],
)
def test_shared_data(shared: Path, name: str, split: str, count: int, instances: bool) -> None:
    folder = DatasetFolder(shared / "data" / name, split, instances=instances)
    assert len(folder) == count
    sample = folder[count // 2]
    assert sample.image is not None
    assert (sample.layout.instances is not None) == instances


def test_shared_layouts_without_photos(shared: Path) -> None:
    folder = DatasetFolder(shared / "data/cityscapes_sample", "test", images=False, instances=True)
    assert len(folder) == 15
    assert folder[0].layout.size == (512, 1024)

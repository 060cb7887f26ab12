"""What is exported and imported again is the same, to the pixel, and what a format cannot hold is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from official_trees import photo

from semsynth.api.datasets import import_dataset
from semsynth.classes import VOID, ClassInfo, ClassSet, builtin
from semsynth.data.exporters.table import FORMATS, export_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError
from semsynth.images import save_png
from semsynth.layout import Layout

STREET = ("road", "sky", "car", "person")
SIZE = (24, 32)


def street_classes() -> ClassSet:
    """Four classes with the ids, names and colours of Cityscapes."""
    known = {one.name: one for one in builtin("cityscapes").classes}
    return ClassSet(name="street", classes=tuple(known[name] for name in STREET))


def drawn(seed: int) -> Layout:
    """Regions of road and sky, objects with holes and parts and at borders, a crowd, and void."""
    classes, random = street_classes(), np.random.default_rng(seed)
    road, sky, car, person = (one.id for one in classes.classes)
    labels = np.full(SIZE, sky, np.uint16)
    labels[12:], labels[:3] = road, VOID
    instances = labels.astype(np.int32)
    instances[labels == VOID] = 255
    for number in range(6):
        top, left = random.integers(0, SIZE[0] - 6), random.integers(0, SIZE[1] - 7)
        mask = random.random((6, 7)) < (0.5, 0.8, 2)[number % 3]
        labels[top : top + 6, left : left + 7][mask] = (car, person)[number % 2]
        instances[top : top + 6, left : left + 7][mask] = 256 + number
    labels[20:, 28:], instances[20:, 28:] = car, car
    present = np.unique(instances[instances >= 256])
    instances[instances >= 256] = 256 + np.searchsorted(present, instances[instances >= 256])
    return Layout(labels, classes, instances)


def dataset(root: Path, instances: bool = True) -> Path:
    street_classes().save(root / "classes.json")
    for seed, split in enumerate(("train", "train", "val")):
        layout = drawn(seed)
        layout.save(
            root / split / f"labels/a_{seed}.png", root / split / f"instances/a_{seed}.png" if instances else None
        )
        save_png(root / split / f"images/a_{seed}.png", photo(seed, SIZE))
    return root


def regions(layout: Layout, format: str) -> np.ndarray:
    """The instance ids of a layout as the format keeps them: by rank, and void apart."""
    assert layout.instances is not None
    known = np.where(layout.labels == VOID, -1, layout.instances)
    return np.unique(known, return_inverse=True)[1].reshape(layout.size)


def same_objects(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays divide the pixels in the same way."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


@pytest.mark.parametrize("format", FORMATS)
def test_round_trip(tmp_path: Path, format: str) -> None:
    root, told = dataset(tmp_path / "data"), list[str]()
    assert export_dataset(format, root, tmp_path / "out", tell=told.append) == {"train": 2, "val": 1}
    options = {} if format in ("cityscapes", "coco") else {"classes": root / "classes.json"}
    if format in ("yolo", "cvat", "labelme"):
        options["overlap"] = "order"
    if format == "voc":  # its labelmap.txt numbers the classes anew
        options = {}
    assert import_dataset(format, tmp_path / "out", tmp_path / "again", **options) == {"train": 2, "val": 1}
    for split in ("train", "val"):
        before, after = (DatasetFolder(path, split, instances=True) for path in (root, tmp_path / "again"))
        assert before.names == after.names
        for index in range(len(before)):
            old, new = before[index].layout, after[index].layout
            names = np.array([*(one.name for one in new.classes.classes), "void"])
            found = names[new.classes.index_of_id[new.labels]]
            expected = np.array([*STREET, "unlabeled" if format == "cityscapes" else "void"])
            assert (found == expected[old.classes.index_of_id[old.labels]]).all()
            if format != "voc":
                known = old.labels != VOID
                assert (new.labels[known] == old.labels[known]).all()
            assert same_objects(regions(old, format), regions(new, format))
            if format == "coco":
                assert (old.instances == new.instances).all()
            assert (before[index].image == after[index].image).all()
    expected_notes = {
        "coco": [],
        "yolo": ["class ids became places in the class set (0, 1, ...)", "9 regions that are no single objects"],
        "voc": ["class ids became places in the class set (0, 1, ...)"],
        "cvat": ["the format has no class ids", "9 regions"],
        "labelme": ["the format has no class ids", "9 regions"],
        "cityscapes": ["void in 3 samples became the class 'unlabeled' (0)"],
    }[format]
    assert len(told) == len(expected_notes)
    assert all(line.startswith(note) for line, note in zip(told, expected_notes, strict=True))


@pytest.mark.parametrize("format", FORMATS)
def test_without_instances_components_are_objects(tmp_path: Path, format: str) -> None:
    root, told = dataset(tmp_path / "data", instances=False), list[str]()
    export_dataset(format, root, tmp_path / "out", split=["val"], tell=told.append)
    assert "every connected component of a class is an object there" in told[0]
    options = {} if format in ("cityscapes", "coco", "voc") else {"classes": root / "classes.json"}
    import_dataset(format, tmp_path / "out", tmp_path / "again", **options)
    old, new = (DatasetFolder(path, "val")[0].layout for path in (root, tmp_path / "again"))
    void = np.where(old.labels == VOID, 0 if format == "cityscapes" else VOID, old.labels)
    expected = old.classes.index_of_id[old.labels] if format == "voc" else void
    assert (
        new.labels == np.where(old.labels == VOID, VOID, expected) if format == "voc" else new.labels == expected
    ).all()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_polygons_of_coco_are_those_of_pycocotools(tmp_path: Path) -> None:
    api = pytest.importorskip("pycocotools.mask")
    root = dataset(tmp_path / "data")
    export_dataset("coco", root, tmp_path / "out")
    data = json.loads((tmp_path / "out/annotations/instances_val.json").read_text())
    layout = DatasetFolder(root, "val", instances=True)[0].layout
    assert {type(item["segmentation"]) for item in data["annotations"]} == {list, dict}
    for item in data["annotations"]:
        runs = item["segmentation"]
        if isinstance(runs, list):
            runs = api.merge(api.frPyObjects(runs, *SIZE))
        mask = api.decode(runs).astype(bool)
        assert len(np.unique(layout.labels[mask])) == 1
        assert mask.sum() == item["area"]
        left, top, width, height = item["bbox"]
        assert mask[top : top + height, left : left + width].sum() == item["area"]


def test_an_export_is_whole_or_not_there(tmp_path: Path) -> None:
    root = dataset(tmp_path / "data")
    (root / "val/labels/a_2.png").write_bytes(b"x")
    with pytest.raises(SemsynthError, match=r"a_2\.png"):
        export_dataset("yolo", root, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
    export_dataset("yolo", root, tmp_path / "out", split=["train"])
    with pytest.raises(SemsynthError, match="exists already: choose a new folder"):
        export_dataset("yolo", root, tmp_path / "out", split=["train"])
    with pytest.raises(SemsynthError, match="no format 'yol' to export; known: coco, yolo"):
        export_dataset("yol", root, tmp_path / "out2")
    with pytest.raises(SemsynthError, match="has no split 'test'"):
        export_dataset("yolo", root, tmp_path / "out2", split=["test"])


def test_what_formats_cannot_hold(tmp_path: Path) -> None:
    many = ClassSet(
        name="many", classes=tuple(ClassInfo(id=n, name=f"c{n}", color=(n % 256, 0, 0)) for n in range(300))
    )
    many.save(tmp_path / "data/classes.json")
    Layout(np.zeros(SIZE, np.uint16), many).save(tmp_path / "data/train/labels/a.png")
    with pytest.raises(SemsynthError, match="VOC's palettes hold 255 classes, and 'many' has 300"):
        export_dataset("voc", tmp_path / "data", tmp_path / "out")
    with pytest.raises(SemsynthError, match=r"Cityscapes has no class 'c0' \(300 of 300 are unknown to it\)"):
        export_dataset("cityscapes", tmp_path / "data", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_photos_of_another_folder(tmp_path: Path) -> None:
    """What was synthesised of the label maps, for a detector to learn from."""
    root, made = dataset(tmp_path / "data"), tmp_path / "made"
    for seed in range(3):
        save_png(made / f"a_{seed}.png", photo(9 + seed, SIZE))
    export_dataset("yolo", root, tmp_path / "out", photos=made)
    assert (tmp_path / "out/images/val/a_2.png").read_bytes() == (made / "a_2.png").read_bytes()
    save_png(made / "a_2.png", photo(9, (5, 5)))
    with pytest.raises(SemsynthError, match=r"made/a_2\.png is 5x5, and .*a_2\.png is 32x24: both must be equal"):
        export_dataset("yolo", root, tmp_path / "out2", photos=made)
    (made / "a_2.png").unlink()
    with pytest.raises(SemsynthError, match="has no photos of 1 label map: a_2"):
        export_dataset("yolo", root, tmp_path / "out2", photos=made)


def test_a_split_without_photos(tmp_path: Path) -> None:
    root, told = dataset(tmp_path / "data"), list[str]()
    for path in (root / "val/images").iterdir():
        path.unlink()
    (root / "val/images").rmdir()
    export_dataset("voc", root, tmp_path / "out", split=["val"], tell=told.append)
    assert any("val has no photos: annotations alone were written" in line for line in told)
    assert not (tmp_path / "out/JPEGImages").exists()

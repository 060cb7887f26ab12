from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from semsynth.api.datasets import import_dataset
from semsynth.classes import VOID, ClassSet
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.cityscapes import list_cityscapes
from semsynth.data.importers.folder import list_folder
from semsynth.data.importers.pairs import import_listing
from semsynth.data.placing import Place, copy, link
from semsynth.data.progress import Progress, silent
from semsynth.data.toy import TOY_CLASSES, draw_scene, write_toy
from semsynth.errors import SemsynthError
from semsynth.images import save_png


def import_cityscapes(source: Path, out: Path, progress: Progress = silent) -> dict[str, int]:
    return import_listing(list_cityscapes(source), out, progress=progress)


def import_folder(
    source: Path,
    out: Path,
    classes: ClassSet,
    *,
    split: str = "train",
    void: int | None = None,
    place: Place = link,
    progress: Progress = silent,
) -> dict[str, int]:
    return import_listing(list_folder(source, classes, split=split, void=void), out, place=place, progress=progress)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """images/ and labels/ of the toy scenes, undivided."""
    root = tmp_path / "plain"
    for seed in range(4):
        sample = draw_scene(seed, 16)
        assert sample.image is not None
        save_png(root / "images" / f"{seed}.png", sample.image)
        save_png(root / "labels" / f"{seed}.png", sample.layout.labels.astype(np.uint8))
    return root


def test_folder_of_ids(plain: Path, tmp_path: Path) -> None:
    assert import_folder(plain, tmp_path / "out", TOY_CLASSES, split="val") == {"val": 4}
    folder = DatasetFolder(tmp_path / "out", "val")
    for seed in range(4):
        assert np.array_equal(folder[seed].layout.labels, draw_scene(seed, 16).layout.labels)
    label = tmp_path / "out/val/labels/0.png"
    assert label.read_bytes() == (plain / "labels/0.png").read_bytes()


def test_folder_with_splits_and_instances(tmp_path: Path) -> None:
    write_toy(tmp_path / "toy", 5, size=16)
    assert import_folder(tmp_path / "toy", tmp_path / "out", TOY_CLASSES) == {"train": 4, "val": 1}
    assert DatasetFolder(tmp_path / "out", "val", instances=True)[0].layout.instances is not None


def test_folder_of_colours_becomes_ids(plain: Path, tmp_path: Path) -> None:
    for seed in range(4):
        save_png(plain / "labels" / f"{seed}.png", draw_scene(seed, 16).layout.colors())
    import_folder(plain, tmp_path / "out", TOY_CLASSES)
    assert np.array_equal(DatasetFolder(tmp_path / "out", "train")[3].layout.labels, draw_scene(3, 16).layout.labels)
    assert (tmp_path / "out/train/labels/0.png").stat().st_size < (plain / "labels/0.png").stat().st_size


def test_folder_with_a_void_id_of_its_own(plain: Path, tmp_path: Path) -> None:
    few = ClassSet(name="few", classes=TOY_CLASSES.classes[1:])
    with pytest.raises(SemsynthError, match=r"0\.png: ids outside the class set 'few': 0"):
        import_folder(plain, tmp_path / "out", few)
    import_folder(plain, tmp_path / "out", few, void=0)
    labels = draw_scene(0, 16).layout.labels
    assert np.array_equal(
        DatasetFolder(tmp_path / "out", "train")[0].layout.labels, np.where(labels == 0, np.uint16(VOID), labels)
    )
    with pytest.raises(SemsynthError, match="id 3 is a class of 'few'"):
        import_folder(plain, tmp_path / "other", few, void=3)


def test_binary_masks_become_the_class_that_is_named(tmp_path: Path) -> None:
    mask = np.zeros((16, 16), np.uint8)
    mask[4:8] = 255
    save_png(tmp_path / "in/images/0.png", np.zeros((16, 16, 3), np.uint8))
    save_png(tmp_path / "in/labels/0.png", mask)
    options = {"meaning": ["255:house"]}
    assert import_dataset("folder", tmp_path / "in", tmp_path / "out", classes=TOY_CLASSES, **options) == {"train": 1}
    labels = DatasetFolder(tmp_path / "out", "train")[0].layout.labels
    assert labels.tolist() == np.where(mask == 255, TOY_CLASSES["house"].id, 0).tolist()


def test_folder_misses(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="no folder"):
        import_folder(tmp_path / "none", tmp_path / "out", TOY_CLASSES)
    with pytest.raises(SemsynthError, match="neither labels/ nor SPLIT/labels/"):
        import_folder(plain / "images", tmp_path / "out", TOY_CLASSES)
    (plain / "labels/2.png").rename(plain / "labels/two.png")
    with pytest.raises(SemsynthError, match="has no partner in photos/: two; 1 file in photos/ has no label map: 2"):
        import_folder(plain, tmp_path / "out", TOY_CLASSES)


def test_files_are_linked_or_copied_without_a_change(plain: Path, tmp_path: Path) -> None:
    source = plain / "images/1.png"
    import_folder(plain, tmp_path / "linked", TOY_CLASSES, place=link)
    assert (tmp_path / "linked/train/images/1.png").samefile(source)
    import_folder(plain, tmp_path / "copied", TOY_CLASSES, place=copy)
    copied = tmp_path / "copied/train/images/1.png"
    assert not copied.samefile(source)
    assert not copied.is_symlink()
    assert copied.read_bytes() == source.read_bytes()


def test_links_fall_back(plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("another file system")

    source = plain / "images/1.png"
    monkeypatch.setattr(os, "link", refuse)
    link(source, tmp_path / "a/1.png")
    assert (tmp_path / "a/1.png").is_symlink()
    assert (tmp_path / "a/1.png").samefile(source)
    monkeypatch.setattr(os, "symlink", refuse)
    link(source, tmp_path / "b/1.png")
    assert not (tmp_path / "b/1.png").is_symlink()
    assert (tmp_path / "b/1.png").read_bytes() == source.read_bytes()


def test_an_interrupted_import_goes_on(plain: Path, tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        import_folder(plain, out, TOY_CLASSES, place=copy, progress=interrupt)
    done = sorted(out.rglob("*.png"))
    assert len(done) >= 4
    assert {path.name for path in out.glob("*/labels/*")} <= {path.name for path in out.glob("*/images/*")}
    times = {path: path.stat().st_mtime_ns for path in done}
    assert import_folder(plain, out, TOY_CLASSES, place=copy) == {"train": 4}
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert len(DatasetFolder(out, "train")) == 4
    assert not list(out.rglob("*.part"))


def test_links_to_removed_sources_are_renewed(plain: Path, tmp_path: Path) -> None:
    target = tmp_path / "out/train/images/0.png"
    target.parent.mkdir(parents=True)
    target.symlink_to(tmp_path / "gone.png")
    import_folder(plain, tmp_path / "out", TOY_CLASSES)
    assert target.samefile(plain / "images/0.png")


def test_another_dataset_is_not_mixed_in(plain: Path, cityscapes: Path, tmp_path: Path) -> None:
    import_folder(plain, tmp_path / "out", TOY_CLASSES)
    with pytest.raises(SemsynthError, match="holds other classes than 'cityscapes'"):
        import_cityscapes(cityscapes, tmp_path / "out")

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from annotated_tools import palette_png
from official_trees import SKY_AND_CAR, halves, photo, save_jpeg
from PIL import Image

from semsynth.api.datasets import import_dataset
from semsynth.classes import VOID, ClassSet
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.cityscapes import list_cityscapes
from semsynth.data.importers.folder import Arrangement, list_folder
from semsynth.data.importers.pairs import import_listing
from semsynth.data.placing import Place, copy, link
from semsynth.data.progress import Progress, silent
from semsynth.data.toy import TOY_CLASSES, draw_scene, write_toy
from semsynth.errors import SemsynthError
from semsynth.images import encode_png, save_png


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


def toy_png(seed: int) -> bytes:
    return encode_png(draw_scene(seed, 16).layout.labels.astype(np.uint8))


def test_sub_folders_become_names_and_splits_become_splits(plain: Path, tmp_path: Path) -> None:
    for kind in ("images", "labels"):
        for seed, place in enumerate(("street/0.png", "street/1.png", "2.png", "deep/er/3.png")):
            (plain / kind / place).parent.mkdir(parents=True, exist_ok=True)
            (plain / kind / f"{seed}.png").rename(plain / kind / place)
    assert import_folder(plain, tmp_path / "out", TOY_CLASSES) == {"train": 4}
    assert DatasetFolder(tmp_path / "out", "train").names == ("2", "deep_er_3", "street_0", "street_1")
    for kind in ("images", "labels"):
        (plain / kind / "street").rename(plain / kind / "validation")
        (plain / kind / "deep").rename(plain / kind / "train")
        (plain / kind / "2.png").unlink()
    assert import_folder(plain, tmp_path / "split", TOY_CLASSES) == {"train": 1, "val": 2}
    assert DatasetFolder(tmp_path / "split", "val").names == ("0", "1")


@pytest.mark.parametrize(
    ("arrangement", "photo", "label"),
    [
        (Arrangement(label_suffix="_mask"), "{}.png", "{}_mask.png"),
        (Arrangement(label_suffix=".jpg"), "{}.png", "{}.jpg.png"),
        (Arrangement(label_prefix="gt-", photo_suffix="_rgb"), "{}_rgb.png", "gt-{}.png"),
        (Arrangement(), "{}.png", "{}.png.png"),
        (Arrangement(photo_prefix="é"), "e\u0301{}.png", "{}.PNG"),
    ],
)
def test_names_with_a_beginning_or_an_end(
    plain: Path, tmp_path: Path, arrangement: Arrangement, photo: str, label: str
) -> None:
    for seed in range(4):
        (plain / f"images/{seed}.png").rename(plain / "images" / photo.format(seed))
        (plain / f"labels/{seed}.png").rename(plain / "labels" / label.format(seed))
    (plain / "labels/other.txt").write_text("no map")
    listing = list_folder(plain, TOY_CLASSES, arrangement)
    assert import_listing(listing, tmp_path / "out") == {"train": 4}
    assert DatasetFolder(tmp_path / "out", "train").names == ("0", "1", "2", "3")
    with pytest.raises(SemsynthError, match="has the form 'NAME_x'"):
        list_folder(plain, TOY_CLASSES, Arrangement(label_suffix="_x"))


def test_folders_of_other_names(plain: Path, tmp_path: Path) -> None:
    (plain / "images").rename(plain / "JPEGImages")
    (plain / "labels").rename(plain / "SegmentationClass")
    with pytest.raises(SemsynthError, match=r"but JPEGImages, SegmentationClass: .*`images` and `labels`"):
        list_folder(plain, TOY_CLASSES)
    named = Arrangement(images="JPEGImages", labels="SegmentationClass")
    assert import_listing(list_folder(plain, TOY_CLASSES, named), tmp_path / "out") == {"train": 4}


def test_photos_without_label_maps_are_left_out_and_said(plain: Path, tmp_path: Path) -> None:
    (plain / "labels/1.png").unlink()
    told: list[str] = []
    assert import_listing(list_folder(plain, TOY_CLASSES), tmp_path / "out", tell=told.append) == {"train": 3}
    assert told == [f"{plain}, train: 1 photo without label map left out: 1"]
    (plain / "images/2.png").unlink()
    with pytest.raises(SemsynthError, match=r"1 label map has no partner in photos/: 2; .*`skip_unpaired`"):
        list_folder(plain, TOY_CLASSES)
    listing = list_folder(plain, TOY_CLASSES, Arrangement(skip_unpaired=True))
    assert [pair.name for pair in listing.pairs] == ["0", "3"]
    assert [note.partition(", ")[2] for note in listing.notes] == [
        "train: 1 label map without photo left out: 2",
        "train: 1 photo without label map left out: 1",
    ]
    for name in ("0", "3"):
        (plain / f"images/{name}.png").unlink()
    with pytest.raises(SemsynthError, match="3 label maps have no partner"):
        list_folder(plain, TOY_CLASSES, Arrangement(skip_unpaired=True))


@pytest.mark.parametrize("form", ["BMP", "TIFF", "WEBP"])
def test_label_maps_of_lossless_formats_become_png(plain: Path, tmp_path: Path, form: str) -> None:
    for path in list((plain / "labels").iterdir()):
        image = Image.open(path)
        path.unlink()
        (image.convert("RGB") if form == "WEBP" else image).save(path.with_suffix(f".{form.lower()}"), lossless=True)
    import_folder(plain, tmp_path / "out", TOY_CLASSES)
    for seed in range(4):
        assert (tmp_path / f"out/train/labels/{seed}.png").read_bytes() == toy_png(seed)


def photos_and_maps(root: Path, names: list[str]) -> Path:
    for name in names:
        sample = draw_scene(len(name), 16)
        assert sample.image is not None
        save_png(root / "images" / f"{name}.png", sample.image)
        save_png(root / "labels" / f"{name}.png", sample.layout.labels.astype(np.uint8))
    return root


def divided(source: Path, out: Path) -> dict[str, str]:
    import_listing(list_folder(source, TOY_CLASSES, val_share=0.2), out)
    return {path.stem: path.parent.parent.name for path in out.glob("*/labels/*")}


def test_a_share_for_val_is_chosen_by_names_and_more_photos_move_none(tmp_path: Path) -> None:
    source = photos_and_maps(tmp_path / "in", [f"a{n}" for n in range(3)])
    first = divided(source, tmp_path / "out")
    assert set(first.values()) == {"train", "val"}
    photos_and_maps(source, [f"b{n}" for n in range(40)])
    more = divided(source, tmp_path / "out")
    assert first.items() < more.items()
    assert 4 <= list(more.values()).count("val") <= 14
    with pytest.raises(SemsynthError, match="`val_share` divides an undivided source"):
        list_folder(source, TOY_CLASSES, split="test", val_share=0.2)
    with pytest.raises(SemsynthError, match="`val_share` divides an undivided source"):
        list_folder(tmp_path / "out", TOY_CLASSES, val_share=0.2)


def content(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("place", [link, copy])
def test_importing_again_makes_anew_what_changed_and_names_what_is_gone(
    plain: Path, tmp_path: Path, place: Place
) -> None:
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    import_folder(plain, out, TOY_CLASSES, place=place)
    stamps = {path: path.stat().st_mtime_ns for path in out.glob("*/*/*")}
    for path in (plain / "labels/1.png", plain / "images/2.png", plain / "images/3.png", plain / "labels/3.png"):
        path.unlink()  # programs write new files and rename them
    (plain / "labels/1.png").write_bytes(toy_png(9))
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(plain / "images/2.jpg")
    told: list[str] = []
    import_listing(list_folder(plain, TOY_CLASSES), out, place=place, tell=told.append)
    assert told == [
        f"{out} holds 1 sample that is no longer in the source: train/3; remove the files, or import into a new folder"
    ]
    assert len(DatasetFolder(out, "train")) == 4
    assert {p for p, stamp in stamps.items() if p.exists() and p.stat().st_mtime_ns == stamp} >= set(
        out.glob("*/*/0.*")
    )
    for path in out.glob("*/*/3.png"):
        path.unlink()
    import_listing(list_folder(plain, TOY_CLASSES), fresh, place=place)
    made, expected = (content(root / "train") for root in (out, fresh))
    assert made == expected


def test_other_settings_make_label_maps_anew(plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for settings, void in (("", None), ("void", ["#123456"]), ("", None)):
        import_listing(list_folder(plain, TOY_CLASSES, void=void), out, settings=settings)
        assert np.array_equal(DatasetFolder(out, "train")[1].layout.labels, draw_scene(1, 16).layout.labels)
    (plain / "labels/1.png").write_bytes(encode_png(draw_scene(1, 16).layout.colors()))
    import_folder(plain, out, TOY_CLASSES)
    assert (out / "train/labels/1.png").read_bytes() == toy_png(1)


def test_a_damaged_record_makes_everything_anew(plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    import_folder(plain, out, TOY_CLASSES)
    before = content(out)
    for damage in (b"", b"\xff\x00\n\n  ", before[".import"][:-20], b"x" * 1000):
        (out / ".import").write_bytes(damage)
        import_folder(plain, out, TOY_CLASSES)
        assert content(out / "train") == {name[6:]: data for name, data in before.items() if name.startswith("train/")}


def test_nothing_is_imported_onto_itself(plain: Path, tmp_path: Path) -> None:
    import_folder(plain, tmp_path / "out", TOY_CLASSES)
    before = content(tmp_path)
    for source in (tmp_path / "out", tmp_path / "out/train"):
        with pytest.raises(SemsynthError, match=r"lies in .* which the import writes"):
            import_folder(source, tmp_path / "out", TOY_CLASSES)
    assert content(tmp_path) == before


def test_palettes_in_another_order_are_read_by_their_colours(tmp_path: Path) -> None:
    """As ImageJ and GIMP write them: the palette holds the class set's colours, and the indices are not the ids."""
    source, told = tmp_path / "in", list[str]()
    SKY_AND_CAR.save(source / "classes.json")
    save_jpeg(source / "images/a.jpg", photo())
    palette_png(source / "labels/a.png", halves(1, 2), {1: (255, 0, 0), 2: (0, 0, 255)})
    import_listing(list_folder(source, SKY_AND_CAR), tmp_path / "out", tell=told.append)
    assert DatasetFolder(tmp_path / "out", "train")[0].layout.labels[0].tolist() == [2, 2, 2, 2, 1, 1, 1, 1]
    assert "a.png and files like it hold the class set's colours at other indices than the ids" in told[0]
    import_listing(list_folder(source, SKY_AND_CAR, holds="ids"), tmp_path / "ids")
    assert DatasetFolder(tmp_path / "ids", "train")[0].layout.labels[0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2]
    palette_png(source / "labels/a.png", halves(1, 3), {1: (255, 0, 0), 3: (9, 9, 9)})
    with pytest.raises(SemsynthError, match="its palette contradicts its indices"):
        import_listing(list_folder(source, SKY_AND_CAR), tmp_path / "other")

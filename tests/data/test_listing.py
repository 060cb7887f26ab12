"""Folders as people have them: what is data, what pairs, and what messages say of the rest."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from semsynth.data.listing import is_picture, list_pictures, name_of_file, pairing_problems
from semsynth.errors import SemsynthError


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


@pytest.mark.parametrize(
    "name",
    [
        *("._a.png", ".DS_Store", ".a.png", "Thumbs.db", "desktop.ini", "notes.txt", "a.png.part", "a.png~", "apng"),
        *("__MACOSX/a.png", "__MACOSX/._a.png", "@eaDir/a.png", ".ipynb_checkpoints/a.png", "a.json", "b.png/c.txt"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_what_systems_and_programs_leave_behind_is_no_data(tmp_path: Path, name: str, nested: bool) -> None:
    files(tmp_path, "a.png", name)
    assert list_pictures(tmp_path, nested=nested) == {"a": tmp_path / "a.png"}


@pytest.mark.parametrize(
    "suffix", ["png", "jpg", "jpe", "jfif", "webp", "bmp", "dib", "tif", "tiff", "ppm", "PNG", "Jpg", "JPEG"]
)
def test_suffixes_of_pictures_in_either_case(tmp_path: Path, suffix: str) -> None:
    assert is_picture(f"a.b.{suffix}")
    assert list(list_pictures(files(tmp_path, f"a.b.{suffix}"))) == ["a.b"]


def test_accents_have_one_spelling(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Café-ü-Å") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert name_of_file(Path(f"{decomposed}.png")) == composed
    assert not pairing_problems(
        list_pictures(files(tmp_path / "labels", f"{decomposed}.png")),
        list_pictures(files(tmp_path / "images", f"{composed}.jpg")),
        "images",
    )
    with pytest.raises(SemsynthError, match="have one name"):
        list_pictures(files(tmp_path / "images", f"{decomposed}.jpg"))


def test_names_are_in_natural_order(tmp_path: Path) -> None:
    assert list(list_pictures(files(tmp_path, "f10.png", "f9.JPG", "f1.png", "F2.png"))) == ["F2", "f1", "f9", "f10"]


def test_sub_folders_count_where_they_are_asked_for(tmp_path: Path) -> None:
    files(tmp_path, "a.png", "street/a.png", "street/2/b.png", "street/10/b.png")
    assert list(list_pictures(tmp_path)) == ["a"]
    assert list(list_pictures(tmp_path, nested=True)) == ["a", "street_2_b", "street_10_b", "street_a"]
    files(tmp_path, "street_a.png")
    with pytest.raises(SemsynthError, match=r"street_a\.png.* have one name"):
        list_pictures(tmp_path, nested=True)


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    files(tmp_path / "elsewhere", "a.png")
    root = tmp_path / "root"
    files(root, "b.png")
    (root / "street").symlink_to(tmp_path / "elsewhere")
    (root / "again").symlink_to(root)
    assert sorted(list_pictures(root, nested=True)) == ["b", "street_a"]


def test_a_link_whose_file_is_gone_is_named(tmp_path: Path) -> None:
    files(tmp_path, "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(SemsynthError, match=r"b\.png is a link whose file is gone"):
        list_pictures(tmp_path)


def test_pipes_and_folders_named_like_pictures_are_none(tmp_path: Path) -> None:
    files(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    assert list(list_pictures(tmp_path)) == ["a"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], r"holds no pictures \(\.png.*\)$"),
        (["a.gif", "b.json"], r"but 2 other files: a\.gif, b\.json"),
        (["street/a.png", "street/b.png", "c/d/e.png"], r"sub-folders do: c/d/ \(1\), street/ \(2\); give one of them"),
        ([f"{n}/a.png" for n in range(9)], r"0/ \(1\), 1/ \(1\), 2/ \(1\) and 6 more"),
    ],
)
def test_a_folder_without_pictures_says_what_it_holds(tmp_path: Path, names: list[str], said: str) -> None:
    with pytest.raises(SemsynthError, match=said):
        list_pictures(files(tmp_path, *names))


@pytest.mark.parametrize("name", ["nowhere", "a" * 300, "a" * 5000, "nul\0l"])
def test_a_folder_that_cannot_be_is_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(SemsynthError, match="no folder") as caught:
        list_pictures(tmp_path / name)
    assert len(str(caught.value)) < 300


def numbered(start: str, end: str, count: int = 12) -> list[str]:
    return [f"{start}im{number}{end}" for number in range(count)]


@pytest.mark.parametrize(
    ("labels", "photos", "options"),
    [
        (numbered("", "_mask"), numbered("", ""), "--label-suffix _mask"),
        (numbered("", ".jpg"), numbered("", ""), "--label-suffix .jpg"),
        (numbered("", "_mask")[:3], numbered("", ""), "--label-suffix _mask"),
        (numbered("mask_", ""), numbered("", ""), "--label-prefix mask_"),
        (numbered("", ""), numbered("", "_rgb"), "--photo-suffix _rgb"),
        (numbered("", ""), numbered("photo-", ""), "--photo-prefix photo-"),
        (numbered("", "_mask"), numbered("", "_rgb"), "--label-suffix mask --photo-suffix rgb"),
    ],
)
def test_names_that_differ_in_one_way_are_explained(labels: list[str], photos: list[str], options: str) -> None:
    problems = pairing_problems(labels, photos, "photos")
    assert f"'semsynth data import folder SRC DATA {options}' pairs them" in problems[-1]
    assert f"{len(labels)} label maps have no partner in photos/" in problems[0]
    assert f"and {len(photos) - 3} more" in problems[1]


def test_unpaired_names_are_counted_and_three_are_shown() -> None:
    assert not pairing_problems(["a"], ["a"], "photos")
    assert pairing_problems(["a"], [], "photos") == ["1 label map has no partner in photos/: a"]
    assert pairing_problems([], ["q"], "photos", "sample") == ["1 file in photos/ has no sample: q"]
    many = pairing_problems([f"x{n}" for n in range(2000)], ["y"], "photos")
    assert many == [
        "2,000 label maps have no partner in photos/: x0, x1, x2 and 1,997 more",
        "1 file in photos/ has no label map: y",
    ]
    assert "upper and lower case" in pairing_problems(["Im0"], ["im0"], "photos")[-1]

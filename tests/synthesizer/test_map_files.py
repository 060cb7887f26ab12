"""Which files are label maps, and whether their photos can be written."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from semsynth.errors import SemsynthError
from semsynth.synthesizer.map_files import check_outputs, list_maps


def files(root: Path, *names: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / name).write_bytes(b"x")
    return root


def test_folders_are_listed_by_the_rule_of_all_commands(tmp_path: Path) -> None:
    folder = files(tmp_path / "maps", "._front.png", ".DS_Store", "10.png", "9.PNG", "b.tif", "notes.txt")
    assert [one.path.name for one in list_maps(folder, tmp_path)] == ["9.PNG", "10.png", "b.tif"]
    with pytest.raises(SemsynthError, match=r"sub-folders do: maps/ \(3\)"):
        list_maps(tmp_path, tmp_path)


def test_instance_maps_pair_by_name_whatever_the_suffix_and_spelling(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    maps = files(tmp_path / "maps", f"{decomposed}.png", "a.png")
    instances = files(tmp_path / "instances", f"{composed}.png", "a.tif", "other.png")
    listed = list_maps(maps, tmp_path, instances=instances)
    assert [one.instances for one in listed] == [instances / "a.tif", instances / f"{composed}.png"]
    files(maps, "b.png")
    with pytest.raises(SemsynthError, match=r"1 label map of 3 without an instance map .*: b\.png"):
        list_maps(maps, tmp_path, instances=instances)


@pytest.mark.parametrize("name", ["a" * 300 + ".png", "a" * 5000])
def test_names_that_cannot_be_are_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="name is too long") as caught:
        list_maps(tmp_path / name, tmp_path)
    assert len(str(caught.value)) < 800


def test_a_photo_s_name_that_cannot_fit_is_said_before(tmp_path: Path) -> None:
    maps = files(tmp_path / "maps", "a" * 251 + ".png")
    check_outputs(list_maps(maps, tmp_path / "out"), tmp_path / "out")
    with pytest.raises(SemsynthError, match=r"photo of a.* would have a name of 261 bytes, and 255 fit"):
        check_outputs(list_maps(maps, tmp_path / "out", numbers=(3, 4000)), tmp_path / "out")

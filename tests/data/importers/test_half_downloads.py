"""Downloads of one split only: it is imported, and the other is left out with a note."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from official_trees import ade20k_challenge, camvid_segnet, coco_panoptic, halves, photo

from semsynth.data.importers.ade20k import list_ade20k
from semsynth.data.importers.camvid import list_camvid
from semsynth.data.importers.cityscapes import list_cityscapes
from semsynth.data.importers.coco_panoptic import list_coco_panoptic
from semsynth.data.importers.coco_stuff import list_coco_stuff
from semsynth.data.importers.pairs import Listing
from semsynth.errors import SemsynthError
from semsynth.images import save_png

Case = tuple[Callable[[Path], Listing], dict[str, Path]]
"""What lists a download, and where the photos of its splits lie."""


@pytest.fixture(params=["cityscapes", "ade20k", "coco-stuff", "coco-panoptic", "camvid"])
def download(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    def below(root: Path, *folders: str) -> dict[str, Path]:
        return {folder.rpartition("/")[2][:2]: root / folder for folder in folders}

    source = tmp_path / "in"
    if request.param == "cityscapes":
        source = request.getfixturevalue("cityscapes")
        return (lambda _: list_cityscapes(source)), below(source, "leftImg8bit/train", "leftImg8bit/val")
    if request.param == "ade20k":
        inside = ade20k_challenge(source) / "ADEChallengeData2016"
        return (lambda _: list_ade20k(source)), below(inside, "images/training", "images/validation")
    if request.param == "coco-stuff":
        for split in ("train2017", "val2017"):
            save_png(source / split / f"{split}.png", photo())
            save_png(source / "stuffthingmaps" / split / f"{split}.png", halves(0, 1))
        return (lambda _: list_coco_stuff(source, instances=False)), below(source, "train2017", "val2017")
    if request.param == "coco-panoptic":
        coco_panoptic(source)
        return (lambda _: list_coco_panoptic(source)), below(source, "train2017", "val2017")
    camvid_segnet(source)
    return (lambda _: list_camvid(source)), below(source / "CamVid", "train", "val")


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("absent", ["tr", "va"])
def test_a_split_without_any_photos_is_left_out(download: Case, absent: str, empty: bool, tmp_path: Path) -> None:
    listed, photos = download
    whole = listed(tmp_path)
    assert not whole.notes
    for folder in photos.values():
        assert folder.is_dir()
    shutil.rmtree(photos[absent])
    if empty:
        photos[absent].mkdir()
    listing = listed(tmp_path)
    split = {"tr": "train", "va": "val"}[absent]
    assert {pair.name for pair in listing.pairs} == {pair.name for pair in whole.pairs if pair.split != split}
    assert listing.pairs
    assert f"{split} has label maps but no photos; looked for " in listing.notes[0]
    for folder in photos.values():
        shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(photos["va"].parent / "test", ignore_errors=True)
    with pytest.raises(SemsynthError, match=r"train has label maps but no photos.*val has label maps but no photos"):
        listed(tmp_path)

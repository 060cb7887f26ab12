from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from official_trees import celebamask_hq, halves

from semsynth.classes import builtin
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.celebamask_hq import PARTS, list_celebamask_hq
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError
from semsynth.images import save_png


def test_celebamask_hq(tmp_path: Path) -> None:
    source, out = celebamask_hq(tmp_path / "in"), tmp_path / "out"
    assert import_listing(list_celebamask_hq(source), out) == {"train": 1, "val": 1, "test": 1}
    assert [DatasetFolder(out, split).names for split in ("train", "val", "test")] == [("0",), ("2000",), ("29999",)]
    sample = DatasetFolder(out, "train")[0]
    assert sample.layout.classes == builtin("celebamask_hq")
    # hair (13) over skin (1), the left eye (4) over skin, background (0); every pixel twice as wide and high
    row = np.repeat([13, 13, 13, 1, 4, 4, 1, 1], 2).tolist()
    assert sample.layout.labels.tolist() == [row] * 12
    assert check_dataset(out).problems == ()


def test_parts_are_painted_in_the_data_sets_order() -> None:
    names = [item.name for item in builtin("celebamask_hq").classes]
    short = {
        "eyeglasses": "eye_g",
        "earring": "ear_r",
        "necklace": "neck_l",
        "upper lip": "u_lip",
        "lower lip": "l_lip",
    }
    sides = {"left ": "l_", "right ": "r_"}
    expected = []
    for name in names[1:]:
        side = next((prefix for prefix in sides if name.startswith(prefix)), "")
        expected.append(short.get(name, sides.get(side, "") + name.removeprefix(side).replace("eyebrow", "brow")))
    assert list(PARTS) == expected


def test_celebas_partition(tmp_path: Path) -> None:
    source = celebamask_hq(tmp_path / "in")
    partition = tmp_path / "list_eval_partition.txt"
    partition.write_text("119614.jpg 2\n162772.jpg 0\n182639.jpg 1\n")
    by_split = {pair.split: pair.name for pair in list_celebamask_hq(source, partition).pairs}
    assert by_split == {"train": "2000", "val": "29999", "test": "0"}
    partition.write_text("119614.jpg 2\n")
    with pytest.raises(SemsynthError, match=r"does not tell the split of 2 pictures: 162772\.jpg, 182639\.jpg"):
        list_celebamask_hq(source, partition)
    with pytest.raises(SemsynthError, match=r"none\.txt is missing: it is a part of CelebA"):
        list_celebamask_hq(source, tmp_path / "none.txt")


def test_celebamask_hq_misses(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"CelebA-HQ-img is missing: it comes with CelebAMask-HQ\.zip of https"):
        list_celebamask_hq(tmp_path)
    source = celebamask_hq(tmp_path / "in") / "CelebAMask-HQ"
    masks = source / "CelebAMask-HQ-mask-anno"
    save_png(masks / "0" / "00001_skin.png", halves(0, 255))
    with pytest.raises(SemsynthError, match="1 pictures have masks but no photo in CelebA-HQ-img: 1"):
        list_celebamask_hq(source)
    (masks / "0" / "00001_skin.png").rename(masks / "0" / "00000_beard.png")
    with pytest.raises(SemsynthError, match=r"00000_beard\.png is a mask of no known part"):
        list_celebamask_hq(source)
    (masks / "0" / "00000_beard.png").unlink()
    for path in (masks / "14").iterdir():
        path.unlink()
    with pytest.raises(SemsynthError, match="1 photos have no masks in CelebAMask-HQ-mask-anno: 29999"):
        list_celebamask_hq(source)
    (source / "CelebA-HQ-to-CelebA-mapping.txt").write_text("idx\n0\n")
    with pytest.raises(SemsynthError, match="does not hold the columns idx, orig_idx and orig_file"):
        list_celebamask_hq(source)


def test_masks_of_two_sizes(tmp_path: Path) -> None:
    source = celebamask_hq(tmp_path / "in")
    save_png(source / "CelebAMask-HQ/CelebAMask-HQ-mask-anno/0/00000_l_eye.png", halves(0, 255, (3, 4)))
    with pytest.raises(SemsynthError, match=r"00000_l_eye\.png is 4x3, the masks before it 8x6"):
        import_listing(list_celebamask_hq(source), tmp_path / "out")

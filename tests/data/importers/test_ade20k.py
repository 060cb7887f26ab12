from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from official_trees import MAP_FROM_ADE, ade20k_challenge, ade20k_full, halves, names, seg_png

from semsynth.classes import VOID, builtin
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.ade20k import list_ade20k, read_mapping
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError
from semsynth.images import save_png


def test_the_challenges_form(tmp_path: Path) -> None:
    source = ade20k_challenge(tmp_path / "in")
    out = tmp_path / "out"
    assert import_listing(list_ade20k(source), out) == {"train": 2, "val": 1}
    folder = DatasetFolder(out, "train")
    assert folder.classes == builtin("ade20k")
    assert folder[0].layout.labels.tolist() == [[VOID] * 4 + [1] * 4] * 6
    assert folder[1].layout.labels.tolist() == [[21] * 4 + [150] * 4] * 6
    assert folder[1].image is not None
    assert folder[1].image.shape == (6, 8, 3)  # a grey photo
    assert check_dataset(out).problems == ()
    assert not (out / "train/instances").exists()
    inside = list_ade20k(source / "ADEChallengeData2016")
    assert names(inside) == names(list_ade20k(source))


def test_the_challenges_instances(tmp_path: Path) -> None:
    source = ade20k_challenge(tmp_path / "in")
    objects = source / "ADEChallengeData2016" / "annotations_instance"
    for folder, name in (("training", "ADE_train_00000001"), ("training", "ADE_train_00000002")):
        colors = np.zeros((6, 8, 3), np.uint8)
        colors[:, 3:6] = (12, 2, 0)  # category 12 of 100, object 2
        colors[:, 7:] = (12, 1, 0)
        save_png(objects / folder / f"{name}.png", colors)
    import_listing(list_ade20k(source), tmp_path / "out")
    first, second = DatasetFolder(tmp_path / "out", "train", instances=True)
    assert first.layout.instances is not None
    assert first.layout.instances[0].tolist() == [255, 255, 255, 255, 257, 257, 1, 256]  # void has no object
    assert second.layout.instances is not None
    assert second.layout.instances[0].tolist() == [21, 21, 21, 257, 258, 258, 150, 256]  # on two classes: two objects
    assert not (tmp_path / "out/val/instances").exists()


def test_unknown_ids_name_the_file(tmp_path: Path) -> None:
    source = ade20k_challenge(tmp_path / "in")
    save_png(source / "ADEChallengeData2016/annotations/validation/ADE_val_00000001.png", halves(151, 3))
    with pytest.raises(SemsynthError, match=r"ADE_val_00000001\.png holds ids .*: 151 \(24 pixels\)"):
        import_listing(list_ade20k(source), tmp_path / "out")


def test_missing_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"neither annotations/training \(ADEChallengeData2016\.zip of http"):
        list_ade20k(tmp_path)
    source = ade20k_challenge(tmp_path / "in")
    inside = source / "ADEChallengeData2016"
    with pytest.raises(SemsynthError, match="needs no `mapping`"):
        list_ade20k(source, tmp_path / "mapFromADE.txt")
    (inside / "annotations/training/ADE_train_00000002.png").unlink()
    with pytest.raises(SemsynthError, match="1 file in photos/ has no label map: ADE_train_00000002"):
        list_ade20k(source)


def test_the_full_form(tmp_path: Path) -> None:
    source = ade20k_full(tmp_path / "in") / "ADE20K_2021_17_01"
    out = tmp_path / "out"
    assert import_listing(list_ade20k(source), out) == {"train": 2, "val": 1}
    folder = DatasetFolder(out, "train", instances=True)
    assert folder.names == ("ADE_train_00000007", "ADE_train_00016869")
    layout = folder[1].layout
    assert layout.labels[0].tolist() == [21, 21, 21, 21, VOID, VOID, VOID, VOID]
    assert layout.labels[5].tolist() == [1] * 8
    assert layout.instances is not None
    assert layout.instances[0].tolist() == [256, 256, 257, 257, 255, 255, 255, 255]
    assert layout.instances[5].tolist() == [258] * 8
    assert check_dataset(out).problems == ()


def test_the_full_form_needs_the_table(tmp_path: Path) -> None:
    source = ade20k_full(tmp_path / "in")
    with pytest.raises(SemsynthError, match=r"mapFromADE\.txt is missing: it says which .*CSAILVision/sceneparsing"):
        list_ade20k(source)
    table = source / "ADE20K_2021_17_01" / "mapFromADE.txt"
    assert len(list_ade20k(source, table).pairs) == 3
    for line in ("151 3", "1", "a b", "1 2 3", "1 70000"):
        table.write_text(f"1 2978\n{line}\n")
        with pytest.raises(SemsynthError, match=rf"mapFromADE\.txt: '{line}' is not a class from 1 to 150"):
            list_ade20k(source, table)


def test_the_official_tables_blanks(tmp_path: Path) -> None:
    (tmp_path / "map.txt").write_text(MAP_FROM_ADE)
    table = read_mapping(tmp_path / "map.txt")
    assert table == {2978: 1, 312: 2, 1831: 13, 774: 15, 783: 15, 401: 21, 2994: 22, 1735: 23}


def test_pictures_that_are_no_full_form(tmp_path: Path) -> None:
    source = ade20k_full(tmp_path / "in") / "ADE20K_2021_17_01"
    path = source / "images/ADE/training/urban/street/ADE_train_00016869_seg.png"
    colors = seg_png(np.full((6, 8), 401), np.ones((6, 8), int))
    colors[2, 2, 0] = 13
    save_png(path, colors)
    with pytest.raises(SemsynthError, match=r"ADE_train_00016869_seg\.png holds red 13"):
        import_listing(list_ade20k(source), tmp_path / "out")

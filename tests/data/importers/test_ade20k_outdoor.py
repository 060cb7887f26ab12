from __future__ import annotations

from pathlib import Path

import pytest
from official_trees import ade20k_challenge, ade20k_full, names

from semsynth.data.importers.ade20k_outdoor import list_ade20k_outdoor
from semsynth.errors import SemsynthError


def test_outdoor_by_the_full_forms_own_word(tmp_path: Path) -> None:
    source = ade20k_full(tmp_path / "in") / "ADE20K_2021_17_01"
    assert names(list_ade20k_outdoor(source)) == ["ADE_train_00016869", "ADE_val_00000003"]
    scenes = tmp_path / "scenes.txt"
    scenes.write_text("bedroom\ncoast_rocky\n")
    assert names(list_ade20k_outdoor(source, wanted=scenes)) == ["ADE_train_00000007", "ADE_val_00000003"]
    broken = source / "images/ADE/training/urban/street/ADE_train_00016869.json"
    broken.write_text('{"annotation": {}}')
    with pytest.raises(SemsynthError, match=r"ADE_train_00016869\.json does not tell the scene"):
        list_ade20k_outdoor(source)
    broken.unlink()
    with pytest.raises(SemsynthError, match=r"ADE_train_00016869\.json is missing"):
        list_ade20k_outdoor(source)


def test_outdoor_of_the_challenge_by_list_table_or_column(tmp_path: Path) -> None:
    source = ade20k_challenge(tmp_path / "in")
    with pytest.raises(SemsynthError, match=r"does not say whether 3 scenes .*: abbey, airport_terminal, street;"):
        list_ade20k_outdoor(source)
    listed, table = tmp_path / "list.txt", tmp_path / "IO.txt"
    listed.write_text("# ours\ntraining/ADE_train_00000001.jpg\nabbey\n")
    assert names(list_ade20k_outdoor(source, wanted=listed)) == ["ADE_train_00000001", "ADE_val_00000001"]
    table.write_text("/a/airport_terminal 1\n/s/street 2\n/z/zoo 2\n")
    with pytest.raises(SemsynthError, match=r"IO\.txt does not say whether 1 scenes .*: abbey"):
        list_ade20k_outdoor(source, table=table)
    table.write_text("/a/airport_terminal 1\n/s/street 2\nabbey\toutdoor\n")
    assert names(list_ade20k_outdoor(source, table=table)) == ["ADE_train_00000002", "ADE_val_00000001"]
    column = source / "ADEChallengeData2016/sceneCategories.txt"
    column.write_text(
        "ADE_train_00000001 airport indoor\nADE_train_00000002 street outdoor\nADE_val_00000001 abbey 2\n"
    )
    assert names(list_ade20k_outdoor(source)) == ["ADE_train_00000002", "ADE_val_00000001"]


def test_what_says_too_little_or_too_much(tmp_path: Path) -> None:
    source = ade20k_challenge(tmp_path / "in")
    listed, table = tmp_path / "list.txt", tmp_path / "table.txt"
    listed.write_text("ADE_train_00000009\nabbey\nmoon\n")
    with pytest.raises(SemsynthError, match=r"list\.txt names 2 pictures or scenes .*: ADE_train_00000009, moon;"):
        list_ade20k_outdoor(source, wanted=listed)
    with pytest.raises(SemsynthError, match="give one of them"):
        list_ade20k_outdoor(source, wanted=listed, table=table)
    table.write_text("street yes\n")
    with pytest.raises(SemsynthError, match=r"table\.txt: 'street yes' is not a scene followed by"):
        list_ade20k_outdoor(source, table=table)
    table.write_text("street indoor\nabbey indoor\nairport_terminal indoor\n")
    with pytest.raises(SemsynthError, match="none of the 3 pictures is outdoors"):
        list_ade20k_outdoor(source, table=table)
    (source / "ADEChallengeData2016/sceneCategories.txt").unlink()
    with pytest.raises(SemsynthError, match="does not tell the scene of 3 pictures: ADE_train_00000001"):
        list_ade20k_outdoor(source, table=table)
    listed.write_text("ADE_val_00000001\n")
    assert names(list_ade20k_outdoor(source, wanted=listed)) == ["ADE_val_00000001"]

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from semsynth.classes import BUILTIN_CLASS_SETS, UNKNOWN, VOID, ClassInfo, ClassSet, builtin
from semsynth.errors import SemsynthError

GAPS = ClassSet(
    name="gaps",
    classes=(
        ClassInfo(id=7, name="road", color=(128, 64, 128)),
        ClassInfo(id=300, name="sky", color=(70, 130, 180)),
        ClassInfo(id=0, name="tree", color=(1, 2, 3)),
    ),
)


def test_ids_map_to_channels_in_the_given_order() -> None:
    assert GAPS.index_of_id[[7, 300, 0, VOID, 1]].tolist() == [0, 1, 2, 3, UNKNOWN]
    assert GAPS.ids.tolist() == [7, 300, 0]
    assert GAPS.palette.tolist() == [[128, 64, 128], [70, 130, 180], [1, 2, 3], [0, 0, 0]]
    assert GAPS["sky"].id == 300
    assert not GAPS.fits_8bit


def test_id_255_needs_16_bits() -> None:
    color = (1, 1, 1)
    assert ClassSet(name="x", classes=(ClassInfo(id=254, name="a", color=color),)).fits_8bit
    assert not ClassSet(name="x", classes=(ClassInfo(id=255, name="a", color=color),)).fits_8bit


def test_save_and_load(tmp_path: Path) -> None:
    GAPS.save(tmp_path / "classes.json")
    assert ClassSet.open(tmp_path / "classes.json") == GAPS


def test_the_plain_list_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text(json.dumps([{"id": 3, "name": "a", "color": [1, 2, 3]}]))
    classes = ClassSet.open(tmp_path / "classes.json")
    assert classes.name == tmp_path.name
    assert classes["a"].color == (1, 2, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "not valid JSON"),
        ("[]", "classes"),
        (
            '[{"id": 1, "name": "a", "color": [0, 0, 0]}, {"id": 1, "name": "b", "color": [0, 0, 1]}]',
            "both 'a' and 'b'",
        ),
        ('[{"id": 65535, "name": "a", "color": [0, 0, 0]}]', "65535"),
        ('[{"id": -1, "name": "a", "color": [0, 0, 0]}]', "-1"),
        ('[{"id": 1, "name": "a", "color": [0, 0, 256]}]', "256"),
        ('[{"id": 1, "name": "a", "farbe": [0, 0, 2]}]', "unknown key 'farbe' (known: id, name, color, group)"),
    ],
)
def test_wrong_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "classes.json"
    path.write_text(content)
    with pytest.raises(SemsynthError, match=r"classes\.json.*") as caught:
        ClassSet.open(path)
    assert message in str(caught.value)


def test_equal_sets_are_equal_whatever_is_cached() -> None:
    first, second = (ClassSet.model_validate(GAPS.model_dump()) for _ in range(2))
    assert first.index_of_id is not second.index_of_id
    assert first == second
    assert hash(first) == hash(second)
    assert first != ClassSet(name=first.name, classes=first.classes[:-1])
    assert first != ClassSet(name="other", classes=first.classes)


def test_unknown_names_list_the_known_ones() -> None:
    with pytest.raises(SemsynthError, match="no class 'car'; it has road, sky, tree"):
        GAPS["car"]
    with pytest.raises(SemsynthError, match=r"no class set 'city'; known: .*cityscapes"):
        builtin("city")


def test_a_class_set_is_opened_by_name_or_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    GAPS.save("camvid")
    assert ClassSet.open("camvid") == builtin("camvid")
    assert ClassSet.open("./camvid") == GAPS
    assert ClassSet.open(Path("camvid")) == GAPS
    with pytest.raises(SemsynthError, match=r"no class set camvit: give the path of a classes.json, or one of ade20k"):
        ClassSet.open("camvit")


def test_a_class_set_in_a_notebook() -> None:
    assert repr(GAPS) == f"ClassSet('{GAPS.name}', 3 classes)"
    hostile = ClassSet(name="<x>", classes=(ClassInfo(id=7, name="<script>", color=(1, 2, 3), group="a & b"),))
    table = hostile._repr_html_()
    assert "<script>" not in table
    assert "&lt;script&gt;" in table
    assert "a &amp; b" in table
    assert "rgb(1, 2, 3)" in table
    assert "<td>7</td>" in table


@pytest.mark.parametrize(
    ("name", "count", "ids"),
    [
        ("cityscapes", 35, range(35)),
        ("cityscapes_19", 19, range(19)),
        ("ade20k", 150, range(1, 151)),
        ("ade20k_spade", 151, range(151)),
        ("coco_stuff", 182, range(182)),
        ("cmp_facades", 12, range(12)),
        ("camvid", 11, range(11)),
        ("ade_landscapes", 10, range(10)),
        ("labelmefacade", 8, range(8)),
        ("camvid_32", 31, range(31)),
        ("celebamask_hq", 19, range(19)),
        ("helen", 11, range(11)),
        ("nyu_depth_v2_40", 40, range(1, 41)),
    ],
)
def test_builtin_sets(name: str, count: int, ids: range) -> None:
    classes = builtin(name)
    assert classes.name == name
    assert classes.num_classes == count
    assert classes.ids.tolist() == list(ids)
    assert classes.fits_8bit
    assert len({item.name for item in classes.classes}) == count


def test_all_builtin_sets_are_tested() -> None:
    assert len(BUILTIN_CLASS_SETS) == 14


def test_coco_panoptic() -> None:
    classes = builtin("coco_panoptic")
    gaps = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}  # categories that COCO planned and never annotated
    assert classes.ids[:80].tolist() == [number for number in range(1, 91) if number not in gaps]
    assert (classes.num_classes, classes.ids[80], classes.ids[-1], classes.fits_8bit) == (133, 92, 200, True)
    assert len({item.color for item in classes.classes}) == len({item.name for item in classes.classes}) == 133
    assert (classes["truck"].id, classes["truck"].group, classes["sky-other-merged"].id) == (8, "vehicle", 187)
    assert all(item.group for item in classes.classes)


def test_builtin_facts() -> None:
    cityscapes = builtin("cityscapes")
    assert (cityscapes["road"].id, cityscapes["road"].color, cityscapes["road"].group) == (7, (128, 64, 128), "flat")
    assert (cityscapes["bicycle"].id, builtin("cityscapes_19")["bicycle"].id) == (33, 18)
    assert builtin("ade20k")["flag"].id == 150
    assert builtin("celebamask_hq")["hair"].id == 13
    assert builtin("nyu_depth_v2_40")["ceiling"].id == 22
    assert builtin("helen")["inner mouth"].id == 8
    assert builtin("camvid_32")["truck or bus"].color == (192, 128, 192)
    assert builtin("ade20k_spade")["unknown"].id == 0
    assert builtin("ade20k").classes == builtin("ade20k_spade").classes[1:]
    assert (builtin("coco_stuff")["person"].id, builtin("coco_stuff")["wood"].id) == (0, 181)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("coco_stuff", "cocostuff_sample"),
        ("cmp_facades", "cmp_facades"),
        ("camvid", "camvid"),
        ("labelmefacade", "labelmefacade"),
    ],
)
def test_builtin_sets_fit_the_shared_data(shared: Path, name: str, folder: str) -> None:
    assert builtin(name).classes == ClassSet.open(shared / "data" / folder / "classes.json").classes


def test_cityscapes_contains_the_classes_of_the_sample(shared: Path) -> None:
    sample = ClassSet.open(shared / "data/cityscapes_sample/classes.json")
    ours = {item.id: (item.name, item.color) for item in builtin("cityscapes").classes}
    assert all(ours[item.id] == (item.name, item.color) for item in sample.classes)


def test_palette_is_uint8() -> None:
    assert builtin("ade20k").palette.dtype == np.uint8
    assert builtin("ade20k").palette[0].tolist() == [120, 120, 120]


def test_the_former_name_of_open_still_works(tmp_path: Path) -> None:
    builtin("helen").save(tmp_path / "classes.json")
    with pytest.warns(DeprecationWarning, match=r"ClassSet\.open"):
        assert ClassSet.load(tmp_path / "classes.json") == builtin("helen")

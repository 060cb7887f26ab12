from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semsynth.class_files import FORM, voc_color
from semsynth.classes import ClassSet
from semsynth.errors import SemsynthError

BLUE, GREEN = (0, 0, 255), (0, 255, 0)
VOC = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)]
"""The beginning of PASCAL VOC's colour map, as its development kit prints it."""


def opened(tmp_path: Path, content: object, name: str = "classes.json") -> list[tuple[int, str, tuple[int, int, int]]]:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return [(item.id, item.name, item.color) for item in ClassSet.open(path).classes]


@pytest.mark.parametrize(
    "value",
    [
        [{"id": 0, "name": "sky", "color": "#0000ff"}, {"id": 1, "name": "grass", "color": "#00FF00"}],
        [{"id": 0, "name": "sky", "color": "0000ff"}, {"id": 1, "name": "grass", "color": [0, 255, 0]}],
        [{"id": 0, "name": "sky", "colour": BLUE}, {"id": 1, "name": "grass", "colour": GREEN}],
        {"name": "x", "classes": [{"name": "sky", "color": BLUE}, {"name": "grass", "color": GREEN}]},
        {
            "info": {},
            "categories": [
                {"id": 0, "name": "sky", "color": BLUE, "isthing": 0, "supercategory": "stuff"},
                {"id": 1, "name": "grass", "color": GREEN, "isthing": 0, "supercategory": "stuff"},
            ],
        },
        {
            "labels": [
                {"color": BLUE, "instances": False, "readable": "Sky", "name": "sky", "evaluate": True},
                {"color": GREEN, "instances": True, "readable": "Grass", "name": "grass", "evaluate": True},
            ]
        },
    ],
)
def test_lists_with_colours(tmp_path: Path, value: object) -> None:
    assert opened(tmp_path, value) == [(0, "sky", BLUE), (1, "grass", GREEN)]


@pytest.mark.parametrize(
    "value",
    [
        ["sky", "grass", "house"],
        [{"id": 0, "name": "sky"}, {"id": 1, "name": "grass"}, {"id": 2, "name": "house"}],
        [{"id": 0, "name": "sky", "color": None}, {"id": 1, "name": "grass"}, {"id": 2, "name": "house"}],
        {"0": "sky", "1": "grass", "2": "house"},
        {"sky": 0, "grass": 1, "house": 2},
        {"architectures": ["X"], "id2label": {"0": "sky", "1": "grass", "2": "house"}, "label2id": {"sky": 0}},
        {"names": {"0": "sky", "1": "grass", "2": "house"}},
    ],
)
def test_lists_without_colours_get_those_of_voc(tmp_path: Path, value: object) -> None:
    assert opened(tmp_path, value) == [(0, "sky", VOC[0]), (1, "grass", VOC[1]), (2, "house", VOC[2])]


def test_ids_are_kept(tmp_path: Path) -> None:
    assert opened(tmp_path, {"4": "sky", "1": "grass"}) == [(4, "sky", VOC[4]), (1, "grass", VOC[1])]


def test_super_categories_are_groups(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('[{"id": 1, "name": "car", "supercategory": "vehicle"}]')
    assert ClassSet.open(tmp_path / "c.json")["car"].group == "vehicle"


def test_supervisely_numbers_its_masks_from_1(tmp_path: Path) -> None:
    items = [
        {"title": "sky", "shape": "any", "color": "#0000FF", "id": 3712, "geometry_config": {}, "hotkey": ""},
        {"title": "grass", "shape": "bitmap", "color": "#00FF00", "id": 3711, "geometry_config": {}, "hotkey": ""},
    ]
    assert opened(tmp_path, {"classes": items, "tags": []}, "meta.json") == [(1, "sky", BLUE), (2, "grass", GREEN)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labelmap.txt", "# label:color_rgb:parts:actions\nsky:0,0,255::\ngrass:0,255,0::\n"),
        ("labelmap.txt", "\ufeffsky:0,0,255:a,b:walk\r\ngrass:0,255,0::\r\n"),
        ("label_colors.txt", "0 0 255 sky\n0\t255\t0\tgrass\n\n"),
    ],
)
def test_text_files_with_colours(tmp_path: Path, name: str, text: str) -> None:
    assert opened(tmp_path, text, name) == [(0, "sky", BLUE), (1, "grass", GREEN)]


def test_text_files_of_names(tmp_path: Path) -> None:
    expected = [(0, "_background_", VOC[0]), (1, "traffic light", VOC[1])]
    assert opened(tmp_path, "_background_\ntraffic light\n", "class_names.txt") == expected
    assert opened(tmp_path, "__ignore__\n_background_\ntraffic light", "labels.txt") == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"id": i, "name": f"c{i}", "color": "blue"} for i in range(150)], "not 'blue' (150 of 150 classes are so)"),
        ([{"id": 0, "name": "a", "color": [0, 0]}], "not [0, 0] (1 of 1 classes is so)"),
        ([{"id": 0, "name": "a", "color": [0.5, 0, 1]}], "not [0.5, 0, 1]"),
        ([{"id": 0, "name": "a", "color": [True, 0, 1]}], "not [True, 0, 1]"),
        ([{"id": 0, "name": "a"}, {"name": "b"}], "1 of 2 classes is without an id, such as 'b'"),
        ([{"name": "a", "color": BLUE}, {"name": "b"}], "1 of 2 classes is without a color, such as 'b'"),
        ([{"id": 0}], "a class has no name"),
        ([{"id": 0, "name": "a", "misspelt": 1}], "unknown key 'misspelt'"),
        ([{"name": "sky"}, 3], "1 of 2 classes is not of the form"),
        ([], "lists no classes"),
        ({}, "lists no classes"),
        (3, "lists no classes"),
        ({"a": "b"}, "lists no classes (a)"),
        ({"images": [1], "annotations": []}, "lists no classes (images, annotations)"),
        ({"999999": "sky"}, "lists no classes"),
        (["a"] * 70_000, "lists 70,000 classes"),
    ],
)
def test_what_is_wrong_is_said_once_with_the_form(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "classes.json"
    path.write_text(json.dumps(content))
    with pytest.raises(SemsynthError) as caught:
        ClassSet.open(path)
    text = str(caught.value)
    assert message in text
    assert str(path) in text
    assert len(text) < len(str(path)) + 500
    assert FORM in text or "70,000" in text
    assert text.count('color"') <= 2


@pytest.mark.parametrize("text", ["", "# only a comment\n", "a:1,2,3::\nb\n", b"\xff\xfe\xff".decode("latin-1") * 9])
def test_text_files_that_are_no_lists(tmp_path: Path, text: str) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SemsynthError, match=r"labels\.txt"):
        ClassSet.open(path)


def test_colours_of_voc() -> None:
    assert [voc_color(number) for number in range(5)] == VOC
    assert voc_color(255) == (224, 224, 192)
    assert len({voc_color(number) for number in range(65536)}) == 65536


KEYS = st.sampled_from(["id", "name", "color", "classes", "title", "0"]) | st.text()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(KEYS, x)
)


@given(VALUES)
def test_whatever_json_holds_is_a_class_set_or_a_line(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.mktemp("c") / "classes.json"
    path.write_text(json.dumps(value))
    try:
        count = ClassSet.open(path).num_classes
    except SemsynthError as error:
        count = "\n" not in str(error)
    assert count

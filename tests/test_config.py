from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from semsynth.config import Config, Overrides, dump_config, load_config, override, validated
from semsynth.errors import SemsynthError


class Wheels(Config):
    count: int = Field(4, ge=1)
    sizes: tuple[int, ...] = (16, 16)


class Car(Config):
    name: str
    wheels: Wheels = Wheels()
    trailer: Wheels | None = None
    weight: float = 1.0


CAR = Car(name="beetle")


def message(action: object, *arguments: object) -> str:
    assert callable(action)
    with pytest.raises(SemsynthError) as caught:
        action(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_configs_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        CAR.name = "mini"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("wheels.count=3", Car(name="beetle", wheels=Wheels(count=3))),
        ("wheels.sizes=[1, 2, 3]", Car(name="beetle", wheels=Wheels(sizes=(1, 2, 3)))),
        ("weight=2", Car(name="beetle", weight=2.0)),
        ("weight=1e-3", Car(name="beetle", weight=0.001)),
        ("name=a=b", Car(name="a=b")),
        ("name=two words", Car(name="two words")),
        (" wheels.count =5", Car(name="beetle", wheels=Wheels(count=5))),
        ('trailer={"count": 2}', Car(name="beetle", trailer=Wheels(count=2))),
    ],
)
def test_an_assignment_changes_one_value(assignment: str, expected: Car) -> None:
    assert override(CAR, [assignment]) == expected
    assert Car(name="beetle") == CAR


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"wheels.count": 3, "wheels.sizes": (1, 2, 3)}, Car(name="beetle", wheels=Wheels(count=3, sizes=(1, 2, 3)))),
        ({"name": "3"}, Car(name="3")),
        ({"name": "null", "weight": 0.1}, Car(name="null", weight=0.1)),
        ({"trailer": {"count": 2}}, Car(name="beetle", trailer=Wheels(count=2))),
        ({"trailer": Wheels(count=2)}, Car(name="beetle", trailer=Wheels(count=2))),
        ({"trailer": None}, CAR),
        ("wheels.count=3", Car(name="beetle", wheels=Wheels(count=3))),
        ({}, CAR),
    ],
)
def test_a_mapping_or_one_text_changes_values(overrides: Overrides, expected: Car) -> None:
    assert override(CAR, overrides) == expected


def test_a_value_without_a_form_in_json_is_named() -> None:
    assert message(override, CAR, {"weight": object}).startswith("override weight=<class 'object'>: expected a number")


def test_later_assignments_win_and_null_removes() -> None:
    with_trailer = override(CAR, ['trailer={"count": 2}', "trailer.count=3"])
    assert with_trailer.trailer == Wheels(count=3)
    assert override(with_trailer, ["trailer=null"]).trailer is None


@pytest.mark.parametrize(
    ("assignment", "parts"),
    [
        ("wheels.cuont=3", ("wheels.cuont=3", "no key 'cuont'", "count", "sizes")),
        ("wheel.count=3", ("no section 'wheel'", "wheels")),
        ("name.count=3", ("no section 'name'",)),
        ("trailer.count=3", ("no section 'trailer'",)),
        ("wheels.count=many", ("wheels.count", "'many'")),
        ("wheels.count=0", ("wheels.count", "greater than or equal to 1", "0")),
        ("wheels.count", ("wheels.count", "KEY=VALUE")),
    ],
)
def test_wrong_assignments_say_what_is_wrong_and_what_there_is(assignment: str, parts: tuple[str, ...]) -> None:
    text = message(override, CAR, [assignment])
    assert all(part in text for part in parts), text


def test_misspelt_keys_are_errors_wherever_they_stand() -> None:
    text = message(validated, Car, {"name": "x", "wheels": {"cuont": 3}, "wieght": 1}, "car.json")
    assert text.startswith("car.json: ")
    assert "unknown key 'wheels.cuont' (known: count, sizes)" in text
    assert "unknown key 'wieght' (known: name, wheels, trailer, weight)" in text


def test_a_missing_value_is_named() -> None:
    assert "name" in message(validated, Car, {}, "car.json")


def test_files_round_trip(tmp_path: Path) -> None:
    car = override(CAR, ["wheels.count=6", "trailer={}"])
    dump_config(car, tmp_path / "car.json")
    assert load_config(Car, tmp_path / "car.json") == car


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"name": 7}', "\x00\xff"])
def test_damaged_files_are_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "car.json"
    path.write_bytes(content.encode("latin-1"))
    assert str(path) in message(load_config, Car, path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "car.json") in message(load_config, Car, tmp_path / "car.json")

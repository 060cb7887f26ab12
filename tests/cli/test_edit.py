from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner, Result

from semsynth.classes import VOID_8BIT, builtin
from semsynth.cli.main import app
from semsynth.images import decode_image, save_png

ROAD, BUILDING, TREE, CAR = 7, 11, 21, 26


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["edit", *map(str, arguments)])
    assert "Traceback" not in result.output
    return result


def numbers(path: Path) -> NDArray[np.integer]:
    return np.asarray(Image.open(path))


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """4x8: a building (11) over a road (7), a car of 2x2 pixels at row 2, column 1, one of 1x1 at row 3, column 3."""
    drawn = np.full((4, 8), ROAD, np.uint8)
    drawn[0] = BUILDING
    drawn[2:, 1:3] = drawn[3, 3] = CAR
    instances = drawn.astype(np.uint16)
    instances[2:, 1:3], instances[3, 3] = 26000, 26001
    builtin("cityscapes").save(tmp_path / "in/classes.json")
    save_png(tmp_path / "in/val/labels/a.png", drawn)
    save_png(tmp_path / "in/val/instances/a.png", instances)
    return tmp_path / "in/val/labels/a.png"


@pytest.fixture
def instances(labels: Path) -> Path:
    return labels.parent.parent / "instances/a.png"


def test_listing_and_editing_objects_waits_for_no_torch(labels: Path, instances: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom semsynth.cli.main import app\n"
        "result = CliRunner().invoke(app, ['edit', *sys.argv[1:]])\n"
        "print(result.output, result.exit_code, 'torch' in sys.modules)"
    )
    arguments = [labels, "--instances", instances, "--remove", "26001", "--list", "--out", tmp_path / "out"]
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True)
    assert done.stdout.split()[-2:] == ["0", "False"], done.stdout + done.stderr
    assert (tmp_path / "out/labels/a.png").is_file()


def test_edits_write_labels_instances_and_a_preview(labels: Path, instances: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(labels, "--instances", instances, "--remove", 26001, "--relabel", "11:vegetation", "--out", out)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{out / 'labels/a.png'}: 2 edits\n"
    expected = numbers(labels).copy()
    expected[0], expected[3, 3] = TREE, ROAD
    made = numbers(out / "labels/a.png")
    assert made.dtype == np.uint8
    assert np.array_equal(made, expected)  # the other car is as near as the road, but does not grow
    assert numbers(out / "instances/a.png")[0].tolist() == [TREE] * 8
    assert tuple(decode_image(out / "preview/a.png")[0, 0]) == builtin("cityscapes")["vegetation"].color


def test_edits_are_made_in_the_order_given(labels: Path, instances: Path, tmp_path: Path) -> None:
    start = (labels, "--instances", instances, "--fill", "road")
    mixed = ("--relabel", "26001:truck", "--move", "27000:-3,+4", "--relabel=27000:caravan")
    assert run(*start, *mixed, "--out", tmp_path / "mixed").exit_code == 0
    assert numbers(tmp_path / "mixed/labels/a.png")[0, 7] == 29
    assert numbers(tmp_path / "mixed/instances/a.png")[0, 7] == 29000
    # One to the right twice: a copy of what was moved lies beside it, a copy made before is covered by what moves.
    for options, columns in ((("--move", "--duplicate"), [4, 5]), (("--duplicate", "--move"), [4])):
        out = tmp_path / options[0]
        words = [word for option in options for word in (option, "26001:0,1")]
        assert run(*start, *words, "--out", out).exit_code == 0
        assert np.flatnonzero(numbers(out / "labels/a.png")[3] == CAR).tolist() == [1, 2, *columns]


@pytest.mark.parametrize(
    ("fill", "beside_the_other_car"), [("stuff", ROAD), ("neighbours", CAR), ("building", BUILDING), ("21", TREE)]
)
def test_what_fills_the_hole(
    labels: Path, instances: Path, tmp_path: Path, fill: str, beside_the_other_car: int
) -> None:
    options = ("--remove", 26000, "--fill", fill, "--out", tmp_path / "out")
    assert run(labels, "--instances", instances, *options).exit_code == 0
    assert numbers(tmp_path / "out/labels/a.png")[3, 2] == beside_the_other_car


def test_list(labels: Path, instances: Path) -> None:
    result = run(labels, "--instances", instances, "--list")
    assert result.exit_code == 0
    row = next(line for line in result.stdout.splitlines() if "26000" in line)
    assert row.replace("│", " ").split() == ["26000", "26", "car", "4", "2", "1", "2x2"]
    whole = run(labels, "--list")
    assert "26000" not in whole.stdout
    assert " 5 " in next(line for line in whole.stdout.splitlines() if "car" in line)


def test_classes_by_name_file_and_folder(labels: Path, tmp_path: Path) -> None:
    moved = tmp_path / "alone.png"
    moved.write_bytes(labels.read_bytes())
    refused = run(moved, "--remove", "car", "--out", tmp_path / "out")
    assert refused.exit_code == 2
    assert "name the classes with --classes" in refused.stderr
    for given in ("cityscapes", tmp_path / "in/classes.json"):
        assert run(moved, "--classes", given, "--remove", "car", "--out", tmp_path / "out").exit_code == 0
        assert set(np.unique(numbers(tmp_path / "out/labels/alone.png"))) == {ROAD, BUILDING}


def test_whole_classes_and_void_without_instances(labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(labels, "--relabel-class", "car:void", "--relabel-class", "11:21", "--out", out).exit_code == 0
    made = numbers(out / "labels/a.png")
    assert ((made == VOID_8BIT) == (numbers(labels) == CAR)).all()
    assert (made[0] == TREE).all()
    assert not (out / "instances").exists()


def test_labels_never_lie_beside_the_instances_of_another_edit(labels: Path, instances: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(labels, "--instances", instances, "--remove", 26001, "--out", out).exit_code == 0
    before = (out / "labels/a.png").read_bytes()
    result = run(labels, "--remove", "car", "--out", out)
    assert result.exit_code == 2
    assert f"{out / 'instances/a.png'} would not fit" in result.stderr
    assert (out / "labels/a.png").read_bytes() == before


def test_components_as_objects(labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(labels, "--components", "--remove", 26000, "--fill", 7, "--out", out).exit_code == 0
    assert CAR not in numbers(out / "labels/a.png")  # the two cars touch: one component
    assert numbers(out / "instances/a.png")[0, 0] == 11000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--remove", "26009"), "--remove 26009: the layout has no instance 26009: it has 7, 11, 26000, 26001"),
        (("--remove", "car"), "'car' is not an instance id: `semsynth edit MAP.png --list` shows them"),
        (("--relabel", "26000:99"), "has no class 99"),
        (("--relabel", "26000"), "expected two parts with a colon"),
        (("--relabel-class", "car:lorry"), "has no class 'lorry'"),
        (("--move", "26000:3"), "expected ID:DOWN,RIGHT"),
        (("--move", "26000:90,0"), "lies outside the layout of 8x4"),
        (("--duplicate", "26000:0,1,2"), "--duplicate 26000:0,1,2: expected ID:DOWN,RIGHT"),
        (("--remove", "26000", "--fill", "tarmac"), "--fill tarmac: class set 'cityscapes' has no class 'tarmac'"),
        (("--remove", "26000", "--fill", "99"), "has no class 99"),
        (("--components", "--remove", "26000"), "leave one of them out"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    labels: Path, instances: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = run(labels, "--instances", instances, *arguments, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--relabel=26:7", "--move=26:1,1", "--duplicate=26:1,1"])
def test_objects_need_instances(labels: Path, tmp_path: Path, option: str) -> None:
    result = run(labels, option, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "give --instances, or make some with --components" in result.stderr
    assert ("--relabel-class" in result.stderr) == ("relabel" in option)


def test_inputs_are_not_replaced(labels: Path, instances: Path) -> None:
    before = labels.read_bytes(), instances.read_bytes()
    result = run(labels, "--remove", 26, "--out", labels.parent.parent)
    assert result.exit_code == 2
    assert f"{labels} is an input and would be replaced: choose another --out" in result.stderr
    other = labels.rename(labels.parent.parent / "a.png")
    result = run(other, "--instances", instances, "--remove", 26000, "--out", labels.parent.parent)
    assert f"{instances} is an input" in result.stderr
    assert (other.read_bytes(), instances.read_bytes()) == before


def test_there_has_to_be_something_to_do(labels: Path) -> None:
    for arguments in ((), ("--remove", 26), ("--remove", 26, "--list")):
        result = run(labels, *arguments)
        assert result.exit_code == 2
        assert "give --out DIR" in result.stderr


def test_instances_that_16_bits_cannot_hold_leave_nothing(labels: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 8), 70000, np.int32)).save(tmp_path / "large.tiff")
    options = ("--relabel-class", "7:8", "--out", tmp_path / "out")
    result = run(labels, "--instances", tmp_path / "large.tiff", *options)
    assert result.exit_code == 2
    assert "do not fit 0..65535" in result.stderr
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]

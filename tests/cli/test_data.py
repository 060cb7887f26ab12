from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from semsynth.classes import builtin
from semsynth.cli.main import app
from semsynth.data.components import PARTIAL
from semsynth.data.folder import DatasetFolder
from semsynth.data.toy import draw_scene
from semsynth.images import save_png
from semsynth.layout.instances import instances_from_components


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["data", *map(str, arguments)])
    assert "Traceback" not in result.output
    return result


def test_toy_then_check(tmp_path: Path) -> None:
    assert run("toy", tmp_path, "--count", 5, "--size", 24).exit_code == 0
    assert len(DatasetFolder(tmp_path, "train")) == 4
    result = run("check", tmp_path)
    assert result.exit_code == 0
    assert "no problems" in result.output
    assert "24x24" in result.output
    share = (draw_scene(1, 24).layout.labels == 0).mean()
    assert f"{share:.2%}" in result.output


def test_check_lists_and_exits_with_1(tmp_path: Path) -> None:
    run("toy", tmp_path, "--count", 5, "--size", 24)
    (tmp_path / "train/images/toy_00002.png").unlink()
    save_png(tmp_path / "val/labels/toy_00001.png", np.full((24, 24), 99, np.uint8))
    result = run("check", tmp_path)
    assert result.exit_code == 1
    assert "problem: " in result.output
    assert "toy_00002" in result.output
    assert "99 (576 pixels)" in result.output
    assert "2 problems" in result.output


def test_check_without_a_dataset_exits_with_2(tmp_path: Path) -> None:
    result = run("check", tmp_path / "none")
    assert result.exit_code == 2
    assert result.stderr == f"error: there is no dataset folder {tmp_path / 'none'}: check the path\n"


def test_facades(tmp_path: Path) -> None:
    assert run("facades", tmp_path, "--count", 3, "--size", 64, "--seed", 4).exit_code == 0
    folder = DatasetFolder(tmp_path, "test", images=False)
    assert folder.names == ("facade_0004", "facade_0005", "facade_0006")
    assert folder.classes == builtin("cmp_facades")
    result = run("check", tmp_path)
    assert result.exit_code == 0
    assert "label maps only" in result.output


@pytest.mark.parametrize("classes", [None, "file", "builtin"])
def test_import_folder(tmp_path: Path, classes: str | None) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    for index in range(2):
        save_png(source / "images" / f"{index}.png", np.zeros((6, 6, 3), np.uint8))
        save_png(source / "labels" / f"{index}.png", np.full((6, 6), 3 + index, np.uint8))
    options: list[object] = []
    if classes is None:
        builtin("camvid").save(source / "classes.json")
    elif classes == "file":
        builtin("camvid").save(tmp_path / "my.json")
        options = ["--classes", tmp_path / "my.json"]
    else:
        options = ["--classes", "camvid"]
    result = run("import", "folder", source, out, "--split", "val", "--copy", *options)
    assert result.exit_code == 0, result.output
    assert "val 2 pairs" in result.output
    assert DatasetFolder(out, "val").classes.classes == builtin("camvid").classes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("folder", "SRC", "OUT"), "classes.json does not exist: name the classes with --classes"),
        (("folder", "SRC", "OUT", "--classes", "camvid"), "neither labels/ nor SPLIT/labels/"),
        (("cityscapes", "SRC", "OUT"), "gtFine/SPLIT"),
        (("coco-stuff", "SRC", "OUT"), "holds no pixel maps"),
        (("cityscapes", "SRC", "OUT", "--classes", "camvid"), "'cityscapes' has no --classes: options of that name"),
    ],
)
def test_import_of_nothing_is_one_line_and_leaves_nothing(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "SRC").mkdir()
    result = run("import", *(tmp_path / a if a in ("SRC", "OUT") else a for a in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "OUT").exists()


def test_unknown_formats_list_the_known_ones(tmp_path: Path) -> None:
    result = run("import", "vok", tmp_path, tmp_path / "out")
    assert result.exit_code == 2
    assert "coco-stuff" in result.stderr


def test_components(tmp_path: Path) -> None:
    run("toy", tmp_path, "--count", 5, "--size", 24)
    shutil.rmtree(tmp_path / "train/instances")
    before = (tmp_path / "val/instances/toy_00001.png").read_bytes()
    result = run("components", tmp_path)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'train/instances'}: 4 instance maps\n"
    assert (tmp_path / "val/instances/toy_00001.png").read_bytes() == before
    folder = DatasetFolder(tmp_path, "train", instances=True)
    for sample in folder:
        expected = instances_from_components(sample.layout).instances
        assert expected is not None
        assert np.array_equal(sample.layout.instances, expected)
    assert run("check", tmp_path).exit_code == 0
    assert "nothing to do" in run("components", tmp_path).stdout


def test_components_go_on_where_they_were_interrupted(tmp_path: Path) -> None:
    run("toy", tmp_path, "--count", 5, "--size", 24)
    shutil.rmtree(tmp_path / "train/instances")
    labels = tmp_path / "train/labels/toy_00003.png"
    good = labels.read_bytes()
    save_png(labels, np.full((24, 24), 99, np.uint8))
    result = run("components", tmp_path)
    assert result.exit_code == 2
    assert str(labels) in result.stderr
    assert not (tmp_path / "train/instances").exists()
    labels.write_bytes(good)
    done = tmp_path / "train" / PARTIAL / "toy_00000.png"
    stamp = done.stat().st_mtime_ns
    assert run("components", tmp_path).exit_code == 0
    assert (tmp_path / "train/instances/toy_00000.png").stat().st_mtime_ns == stamp
    assert len(list((tmp_path / "train/instances").iterdir())) == 4
    assert not done.parent.exists()


def test_components_of_nothing_and_of_noise(tmp_path: Path) -> None:
    builtin("camvid").save(tmp_path / "classes.json")
    assert "has no split" in run("components", tmp_path).stderr
    save_png(tmp_path / "test/labels/noise.png", (np.indices((300, 300)).sum(0) % 2).astype(np.uint8))
    result = run("components", tmp_path)
    assert result.exit_code == 2
    assert "noise.png has 90000 connected components" in result.stderr
    assert not (tmp_path / "test/instances").exists()


def test_output_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in ("toy", "facades"):
        result = run(command, tmp_path / "file" / "out", "--count", 2)
        assert result.exit_code == 2
        assert "file" in result.stderr

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import semsynth
from semsynth.bulk.sources import LayoutFolder
from semsynth.cli.main import app
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_shares_are_reached_and_counted(toy: Path, tmp_path: Path) -> None:
    calls = list[tuple[int, int]]()
    result = semsynth.rebalance_dataset(
        toy, tmp_path / "out", {"house": 0.25}, max_overlap=0.9, progress=lambda *call: calls.append(call)
    )
    assert calls == [(done, 18) for done in range(1, 19)]
    source = DatasetFolder(toy, "train", images=False, instances=True)
    made = DatasetFolder(tmp_path / "out", "train", images=False, instances=True)
    assert made.names == source.names
    house = next(one for one in result.classes if one.name == "house")
    class_id = next(item.id for item in made.classes.classes if item.name == "house")
    for folder, share, count in (
        (source, house.before, house.objects_before),
        (made, house.after, house.objects_after),
    ):
        layouts = [folder[index].layout for index in range(len(folder))]
        known = np.concatenate([one.labels[one.labels < 255] for one in layouts])
        assert share == pytest.approx((known == class_id).mean())
        assert count == sum(len(np.unique(one.instances[one.labels == class_id])) for one in layouts)
    assert house.pasted > 0
    assert house.before < house.after
    assert house.objects_after <= house.objects_before + house.pasted
    assert (tmp_path / "out/rebalance.html").read_text().count("<tr") == len(made.classes.classes) + 1
    tasks = list(LayoutFolder(tmp_path / "out").tasks((0,), instances=True))
    assert len(tasks) == 9


def test_the_same_seed_makes_the_same_files(toy: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        semsynth.rebalance_dataset(toy, tmp_path / name, {"tree": 0.3}, max_overlap=0.9, seed=seed)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a") != files(tmp_path / "c")


def test_a_share_that_there_is_already_changes_nothing(toy: Path, tmp_path: Path) -> None:
    result = semsynth.rebalance_dataset(toy, tmp_path / "out", {"house": 0.001})
    assert all(one.before == one.after and not one.pasted for one in result.classes)
    made, source = (DatasetFolder(root, "train", images=False, instances=True) for root in (tmp_path / "out", toy))
    assert all((made[n].layout.labels == source[n].layout.labels).all() for n in range(len(source)))


def test_what_cannot_be_done_is_one_line_and_leaves_nothing(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "sub/out"
    for goals, message in (
        ({"boat": 0.1}, "has no class 'boat': it has "),
        ({"sky": 0.9}, "no whole object of 'sky', one that touches no border"),
        ({"house": 1.5}, "shares between 0 and 1"),
        ({}, "shares between 0 and 1"),
    ):
        with pytest.raises(SemsynthError, match=message):
            semsynth.rebalance_dataset(toy, out, goals)
        assert not out.parent.exists() or not list(out.parent.iterdir())
    with pytest.raises(SemsynthError, match="exists already"):
        semsynth.rebalance_dataset(toy, toy, {"house": 0.2})


def test_the_command(toy: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["data", "rebalance", *map(str, arguments)], env={"COLUMNS": "200"})
        return result.exit_code, result.output

    code, said = run(toy, tmp_path / "out", "--class", "house=25%", "--max-overlap", "0.9")
    assert code == 0, said
    assert "9 layouts in train" in said
    assert "asked for 25.00%" in said
    code, said = run(toy, tmp_path / "new", "--class", "house=150%")
    assert code == 2
    assert "--class house=150%: expected NAME=SHARE with a share below 100%" in said

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from annotated import SIZE
from annotated_tools import (
    classes,
    imported,
    yolo_tree,
)

from semsynth.data.importers.pairs import import_listing
from semsynth.data.importers.yolo import list_yolo
from semsynth.errors import SemsynthError


def test_yolo(tmp_path: Path) -> None:
    layout = imported(list_yolo(yolo_tree(tmp_path / "in"), overlap="area"), tmp_path / "out", "val")
    assert classes(layout) == [(0, "tree"), (1, "red car")]
    expected = np.zeros(SIZE)
    expected[2:5, 2:6] = 1
    assert (layout.labels == expected).all()
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == ["train", "val"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.5 0.5 0.2 0.2", "line 1 is a box"),
        ("7 0 0 1 0 1 1", r"line 1 has class 7, and the classes are \[0, 1\]"),
        ("car 0 0 1 0 1 1", "line 1 has class car"),
        ("0 0 0 1 0 1 1 1", "line 1 has 7 coordinates"),
        ("0 0 0 1 0 1 x", "line 1 has values that are not numbers"),
        ("0 0 0 1 0 1 inf", "line 1: its outline has coordinates"),
        ("0 0 0", "line 1: its outline has 1 points"),
    ],
)
def test_yolo_broken(tmp_path: Path, line: str, message: str) -> None:
    source = yolo_tree(tmp_path / "in", line)
    with pytest.raises(SemsynthError, match=rf"a_jpg\.rf\.0f3a\.txt.*{message}.*`skip_broken` leaves it out"):
        import_listing(list_yolo(source), tmp_path / "out")


def test_yolo_without_names(tmp_path: Path) -> None:
    source = yolo_tree(tmp_path / "in")
    (source / "data.yaml").write_text("nc: 2\n")
    with pytest.raises(SemsynthError, match=r"no data\.yaml with names and no classes\.txt"):
        list_yolo(source)
    (source / "classes.txt").write_text("tree\ncar\n")
    assert [one.name for one in list_yolo(source).classes.classes] == ["tree", "car"]

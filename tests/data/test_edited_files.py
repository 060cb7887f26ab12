from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from semsynth.classes import builtin
from semsynth.data.edited_files import EditedFiles, edit_file
from semsynth.errors import SemsynthError
from semsynth.images import decode_image
from semsynth.layout import Layout, edits

CLASSES = builtin("cityscapes")


@pytest.fixture
def street(tmp_path: Path) -> Layout:
    """Also in a dataset folder; two cars on a road."""
    labels = np.full((6, 8), 7, np.uint16)
    labels[1:3, 1:3] = labels[4:6, 5:7] = 26
    instances = labels.astype(np.int32)
    instances[1:3, 1:3], instances[4:6, 5:7] = 26000, 26001
    layout = Layout(labels, CLASSES, instances)
    CLASSES.save(tmp_path / "in/classes.json")
    layout.save(tmp_path / "in/val/labels/a.png", tmp_path / "in/val/instances/a.png")
    return layout


def test_edits_of_a_file_are_those_of_the_layout_in_their_order(street: Layout, tmp_path: Path) -> None:
    path, instances = tmp_path / "in/val/labels/a.png", tmp_path / "in/val/instances/a.png"
    made = edit_file(path, [("move", "26000:3,0"), ("remove", "26001")], instances=instances)
    expected = edits.remove(edits.move(street, 26000, (3, 0)), 26001)
    assert np.array_equal(made.labels, expected.labels)
    with pytest.raises(SemsynthError, match=r"a\.png, `remove=26009`: the layout has no instance 26009"):
        edit_file(path, [("remove", "26009")], instances=instances)
    with pytest.raises(SemsynthError, match="leave one of them out"):
        edit_file(path, [], instances=instances, components=True)


def test_what_is_written_is_read_again(street: Layout, tmp_path: Path) -> None:
    files = EditedFiles.named(tmp_path / "out", tmp_path / "in/val/labels/a.png")
    files.write(street)
    again = Layout.open(files.labels, CLASSES, files.instances)
    assert np.array_equal(again.labels, street.labels)
    assert np.array_equal(again.instances, street.instances)  # type: ignore[arg-type]
    assert np.array_equal(decode_image(files.preview), street.colors())
    with pytest.raises(SemsynthError, match="would not fit the labels written without instances"):
        files.write(Layout(street.labels, CLASSES))
    with pytest.raises(SemsynthError, match="is an input and would be replaced"):
        EditedFiles.named(tmp_path / "in/val", tmp_path / "in/val/labels/a.png")

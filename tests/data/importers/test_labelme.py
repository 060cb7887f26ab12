from __future__ import annotations

from pathlib import Path

import pytest
from annotated import labelme_file, labelme_shape, labelme_tree, save_json
from official_trees import photo, save_jpeg

from semsynth.classes import VOID
from semsynth.data.check import check_dataset
from semsynth.data.folder import DatasetFolder
from semsynth.data.importers.labelme import list_labelme
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError


def test_shapes_and_groups(tmp_path: Path) -> None:
    told: list[str] = []
    counts = import_listing(list_labelme(labelme_tree(tmp_path / "in")), tmp_path / "out", tell=told.append)
    assert counts == {"train": 1}
    sample = DatasetFolder(tmp_path / "out", "train", instances=True)[0]
    assert sample.name == "bäume 1"
    layout = sample.layout
    assert [(one.id, one.name) for one in layout.classes.classes] == [(0, "Auto"), (1, "tree")]
    assert layout.labels[:3].tolist() == [
        [1, 1, VOID, VOID, VOID, VOID, 1, 1],
        [1, 1, 1, 1, 1, VOID, 1, 1],
        [VOID, 1, 0, 0, 1, VOID, VOID, VOID],
    ]
    assert layout.labels[5, 7] == VOID
    assert layout.instances is not None
    assert layout.instances[1].tolist() == [256, 258, 258, 258, 258, 255, 256, 256]  # two polygons are one object
    assert told == [f"{tmp_path / 'in'}: 1 annotation without an area (points, lines, tags) left out"]
    assert check_dataset(tmp_path / "out").problems == ()


def test_a_circle(tmp_path: Path) -> None:
    circle = labelme_shape("ball", [[4, 3], [4, 0.9]], "circle")
    save_json(tmp_path / "in/ann/a.json", labelme_file("..\\img\\a.jpg", [circle]))
    save_jpeg(tmp_path / "in/img/a.jpg", photo())
    import_listing(list_labelme(tmp_path / "in"), tmp_path / "out")
    labels = DatasetFolder(tmp_path / "out", "train")[0].layout.labels
    assert (labels == 0).sum() == 12  # of radius 2.1: 2, 4, 4 and 2 pixels


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (labelme_shape("a", [[0, 0], [1, 1]]), r"shape 1 \('a'\): its outline has 2 points"),
        (labelme_shape("a", [[0, 0]], "rectangle"), r"shape 1 \('a'\): not enough values"),
        (labelme_shape("a", [[0, 0], [1, 1]], "mask"), "its mask is missing or not base64"),
        (labelme_shape("a", [[0, 0], [1, 1]], "mask", mask="AAAA"), "its mask is not a picture"),
        (labelme_shape("a", "abc"), "not pairs of numbers"),
        (labelme_shape(3, [[0, 0]]), "its label is not a name: 3"),  # type: ignore[arg-type]
        ({"label": "a"}, "it lacks 'points'"),
        (7, "it is malformed"),
    ],
)
def test_a_broken_shape(tmp_path: Path, shape: dict[str, object], message: str) -> None:
    save_json(tmp_path / "in/a.json", labelme_file("a.jpg", [shape]))
    save_jpeg(tmp_path / "in/a.jpg", photo())
    with pytest.raises(SemsynthError, match=rf"a\.json.*{message}.*`skip_broken` leaves it out"):
        import_listing(list_labelme(tmp_path / "in"), tmp_path / "out")


def test_no_files(tmp_path: Path) -> None:
    tmp_path.joinpath("a.json").write_text("{}")
    with pytest.raises(SemsynthError, match=r"holds no \.json files with shapes and imagePath"):
        list_labelme(tmp_path)
    with pytest.raises(SemsynthError, match=r"there is no folder .*: check the path"):
        list_labelme(tmp_path / "a.zip")


def test_folders_behind_links_are_looked_into_once(tmp_path: Path) -> None:
    source = labelme_tree(tmp_path / "elsewhere")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/linked").symlink_to(source)
    (source / "round").symlink_to(tmp_path / "in")
    (tmp_path / "in/.ipynb_checkpoints").mkdir()
    (tmp_path / "in/.ipynb_checkpoints/bäume 1.json").write_text("{}")
    assert [pair.name for pair in list_labelme(tmp_path / "in").pairs] == ["linked_bäume 1"]

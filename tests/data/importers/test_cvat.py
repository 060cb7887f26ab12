from __future__ import annotations

from pathlib import Path

import pytest
from annotated import RING
from annotated_tools import (
    classes,
    cvat_tree,
    cvat_xml,
    imported,
)

from semsynth.data.importers.cvat import list_cvat
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError


def test_cvat(tmp_path: Path) -> None:
    layout = imported(list_cvat(cvat_tree(tmp_path / "in")), tmp_path / "out")
    assert classes(layout) == [(0, "road"), (1, "car")]
    assert layout.classes.classes[1].color == (0, 0, 142)
    expected = RING.copy()
    expected[2:5, 2:6] = True  # the polygon has the highest z_order, and the box the lowest
    assert ((layout.labels == 1) == expected).all()
    assert layout.instances is not None
    # objects by z_order: the box, the mask, the polygon
    assert layout.instances[2].tolist() == [256, 257, 258, 258, 258, 258, 256, 256]
    assert layout.instances[1].tolist() == [256, 257, 257, 257, 257, 256, 256, 256]


def test_cvat_says_what_is_left_out(tmp_path: Path) -> None:
    assert list_cvat(cvat_tree(tmp_path / "in")).notes == (
        f"{tmp_path / 'in'}: 2 annotations without an area (points, lines, tags) left out",
    )


CVAT_BROKEN = [
    ('<polygon label="car" points="1,1;2,2"/>', r"polygon 1 \('car'\): its outline has 2 points"),
    ('<polygon label="car" points="1,1;2"/>', "its points are not pairs of numbers"),
    ('<polygon label="car" points="1,a;2,2;3,3"/>', "its points or runs are not numbers"),
    ('<box label="car" xtl="1" ytl="1" xbr="3"/>', "its ybr is missing"),
    (
        '<mask label="car" rle="3, 4" left="0" top="0" width="2" height="2"/>',
        "its runs have 7 pixels and the mask is 2x2",
    ),
    ('<mask label="car" rle="3" left="0" top="0" width="99999" height="99999"/>', "does not fit the picture"),
    ('<mask label="car" rle="-3, 7" left="0" top="0" width="2" height="2"/>', "not a list of whole numbers"),
    ('<polygon points="1,1;2,2;3,1"/>', "its label is not a name: None"),
    ('<polygon label="car" z_order="x" points="1,1;2,2;3,1"/>', "malformed"),
]


@pytest.mark.parametrize(("shape", "message"), CVAT_BROKEN)
def test_cvat_broken(tmp_path: Path, shape: str, message: str) -> None:
    source = cvat_tree(tmp_path / "in", cvat_xml(shape))
    with pytest.raises(SemsynthError, match=rf"annotations\.xml, image 0.*{message}.*`skip_broken` leaves it out"):
        import_listing(list_cvat(source), tmp_path / "out")


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotations><image id="0"/></annotations>', "declares a document type"),
        ("<annotations><image id='0'>", "not valid XML"),
        ("<annotations>" + "<image a='1'>" * 99 + "</image>" * 99 + "</annotations>", "nests deeper than 64 levels"),
    ],
)
def test_cvat_is_not_read_beyond_limits(tmp_path: Path, xml: str, message: str) -> None:
    with pytest.raises(SemsynthError, match=rf"annotations\.xml.*{message}"):
        list_cvat(cvat_tree(tmp_path, xml))


def test_cvat_of_videos(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"'CVAT for video': export the task as 'CVAT for images 1\.1'"):
        list_cvat(cvat_tree(tmp_path, '<annotations><track id="0" label="car"></track></annotations>'))
    (tmp_path / "annotations.xml").unlink()
    with pytest.raises(SemsynthError, match=r"holds no \.xml file .*`semsynth data import voc`"):
        list_cvat(tmp_path)

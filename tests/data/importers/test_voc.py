from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from annotated import SIZE
from annotated_tools import (
    classes,
    cvat_mask_tree,
    imported,
    palette_png,
    voc_tree,
)

from semsynth.classes import VOID
from semsynth.data.importers.pairs import import_listing
from semsynth.data.importers.voc import list_voc
from semsynth.errors import SemsynthError


def test_voc(tmp_path: Path) -> None:
    source = voc_tree(tmp_path / "in")
    listing = list_voc(source)
    assert [(pair.split, pair.name) for pair in listing.pairs] == [("train", "2007_000032"), ("val", "2007_000033")]
    assert "1 label maps that no list" in listing.notes[0]
    layout = imported(listing, tmp_path / "out", "val")
    assert layout.labels[0].tolist() == [15, VOID, 7, 7, 7, 0, 7, 7]
    assert layout.instances is not None
    assert layout.instances[0].tolist() == [256, 255, 257, 257, 257, 0, 258, 258]  # background is one region


def test_voc_of_cvat(tmp_path: Path) -> None:
    layout = imported(list_voc(cvat_mask_tree(tmp_path / "in")), tmp_path / "out")
    assert classes(layout) == [(0, "background"), (1, "car"), (2, "road")]
    assert layout.labels[2].tolist() == [0, 1, 1, 0, 2, 2, 2, 2]
    assert layout.instances is not None
    assert len(set(layout.instances[2].tolist())) == 3


def test_voc_with_a_palette_in_another_order(tmp_path: Path) -> None:
    """ImageJ and GIMP sort palettes: colours say the class, not indices."""
    source = cvat_mask_tree(tmp_path / "in")
    indices = np.zeros(SIZE, np.uint8)
    indices[:, 4:] = 3
    palette_png(source / "SegmentationClass/img1.png", indices, {0: (36, 179, 83), 3: (0, 0, 0)})
    assert imported(list_voc(source), tmp_path / "out").labels[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0]


def test_voc_broken(tmp_path: Path) -> None:
    source = cvat_mask_tree(tmp_path / "in")
    palette_png(source / "SegmentationObject/img1.png", np.zeros((3, 3)))
    with pytest.raises(
        SemsynthError, match=r"SegmentationObject/img1\.png is 3x3, and .*SegmentationClass/img1\.png is 8x6"
    ):
        import_listing(list_voc(source), tmp_path / "out")
    (source / "SegmentationObject/img1.png").rename(source / "SegmentationObject/img2.png")
    with pytest.raises(SemsynthError, match=r"its instance map .*img1\.png is missing; correct it, or `skip_broken`"):
        list_voc(source)
    with pytest.raises(SemsynthError, match="every record is broken"):
        list_voc(source, skip_broken=True)
    (source / "JPEGImages/img1.jpg").unlink()
    (source / "SegmentationObject/img2.png").rename(source / "SegmentationObject/img1.png")
    with pytest.raises(SemsynthError, match=r"its photo 'JPEGImages/img1\.jpg' is not in .*holds 0 pictures; name"):
        list_voc(source)

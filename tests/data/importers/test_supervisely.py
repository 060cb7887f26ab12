from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotated import RING, SIZE
from annotated_tools import (
    classes,
    imported,
    supervisely_file,
    supervisely_object,
    supervisely_tree,
)

from semsynth.classes import VOID
from semsynth.data.importers.pairs import import_listing
from semsynth.data.importers.supervisely import list_supervisely
from semsynth.errors import SemsynthError


def test_supervisely(tmp_path: Path) -> None:
    layout = imported(list_supervisely(supervisely_tree(tmp_path / "in")), tmp_path / "out")
    assert classes(layout) == [(1, "bike"), (2, "lawn")]
    expected = np.full(SIZE, 2)
    expected[:2, 5:7], expected[4:, 6:] = VOID, 1
    expected[RING] = 1
    assert (layout.labels == expected).all()
    assert layout.instances is not None
    assert layout.instances[4].tolist() == [256, 257, 257, 257, 257, 256, 258, 258]


SUPERVISELY_BROKEN = [
    (supervisely_object("bitmap", "bike", bitmap={"data": "AAAA", "origin": [0, 0]}), "its mask is not compressed"),
    (supervisely_object("bitmap", "bike", bitmap={"data": "A", "origin": [0, 0]}), "its mask is not base64"),
    (
        supervisely_object("bitmap", "bike", bitmap={"data": "AAAA", "origin": [0]}),
        "its points are not pairs of numbers",
    ),
    (supervisely_object("bitmap", "bike"), "its bitmap is missing"),
    (supervisely_object("polygon", "bike", points={"exterior": [[0, 0]], "interior": []}), "its outline has 1 points"),
    (supervisely_object("polygon", "bike"), "its points are missing"),
]


@pytest.mark.parametrize(("item", "message"), SUPERVISELY_BROKEN)
def test_supervisely_broken(tmp_path: Path, item: dict[str, Any], message: str) -> None:
    source = supervisely_tree(tmp_path / "in", [item])
    with pytest.raises(
        SemsynthError, match=rf"a\.jpeg\.json, object 7 \('bike'\): {message}.*`skip_broken` leaves it out"
    ):
        import_listing(list_supervisely(source), tmp_path / "out")


def test_supervisely_without_meta(tmp_path: Path) -> None:
    source = supervisely_tree(tmp_path / "in", [supervisely_object("alien", "other"), *supervisely_file()["objects"]])
    (source / "meta.json").unlink()
    assert classes(imported(list_supervisely(source), tmp_path / "out")) == [(0, "bike"), (1, "lawn")]

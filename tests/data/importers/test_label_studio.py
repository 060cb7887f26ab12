from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from annotated import RING, SIZE, save_json
from annotated_tools import (
    classes,
    imported,
    label_studio_pngs,
    label_studio_tasks,
    label_studio_tree,
    packed_brush,
    region,
)

from semsynth.classes import VOID
from semsynth.data.importers.label_studio import list_label_studio
from semsynth.data.importers.pairs import import_listing
from semsynth.errors import SemsynthError


def test_label_studio(tmp_path: Path) -> None:
    layout = imported(list_label_studio(label_studio_tree(tmp_path / "in")), tmp_path / "out")
    assert classes(layout) == [(0, "door"), (1, "wall")]
    expected = np.full(SIZE, VOID)
    expected[:, :4], expected[2:5, 2:6] = 1, 0
    expected[RING] = 1  # the brush is the last one
    assert (layout.labels == expected).all()
    assert layout.instances is not None
    assert layout.instances[2].tolist() == [256, 258, 257, 257, 258, 257, 255, 255]


def test_label_studio_png(tmp_path: Path) -> None:
    layout = imported(list_label_studio(label_studio_pngs(tmp_path / "in"), overlap="area"), tmp_path / "out")
    assert classes(layout) == [(0, "front door"), (1, "wall")]
    assert ((layout.labels == 0) == RING).all()
    (tmp_path / "in/5.jpg").rename(tmp_path / "in/wall.jpg")
    with pytest.raises(SemsynthError, match=r"task 5: its photo '5\.png' is not in"):
        list_label_studio(tmp_path / "in")
    save_json(tmp_path / "in/tasks.json", label_studio_tasks())  # which say that task 5 is wall.jpg
    assert [pair.name for pair in list_label_studio(tmp_path / "in").pairs] == ["wall"]


LABEL_STUDIO_BROKEN: list[tuple[Any, str]] = [
    (region("brushlabels", "a", {"rle": packed_brush(RING)[:-5]}), "its runs are cut off"),
    (region("brushlabels", "a", {"rle": [1, 2]}), "its runs are cut off"),
    (region("brushlabels", "a", {}), "its runs are cut off"),
    (region("polygonlabels", "a", {"points": [[1, 1]]}), "its outline has 1 points"),
    (region("rectanglelabels", "a", {"x": 1, "y": 2, "width": 3}), "its height is missing"),
    (region("polygonlabels", "a", {}) | {"image_rotation": 90}, "its photo was turned"),
    (region("polygonlabels", "a", {}) | {"original_width": 0}, "its size 0x6 is not one of a picture"),
    (region("polygonlabels", "a", {}) | {"value": {"points": []}}, "its region 1 has no labels"),
]


@pytest.mark.parametrize(("result", "message"), LABEL_STUDIO_BROKEN)
def test_label_studio_broken(tmp_path: Path, result: dict[str, Any], message: str) -> None:
    source = label_studio_tree(tmp_path / "in", label_studio_tasks([result]))
    with pytest.raises(SemsynthError, match=rf"project-1-at-2026-11-30\.json, task 5.*{message}.*`skip_broken`"):
        import_listing(list_label_studio(source), tmp_path / "out")

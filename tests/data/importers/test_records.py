from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotated_tools import (
    cvat_tree,
    cvat_xml,
    label_studio_tasks,
    label_studio_tree,
    region,
    supervisely_object,
    supervisely_tree,
    yolo_tree,
)

from semsynth.data.importers.cvat import list_cvat
from semsynth.data.importers.label_studio import list_label_studio
from semsynth.data.importers.pairs import Listing, import_listing
from semsynth.data.importers.supervisely import list_supervisely
from semsynth.data.importers.yolo import list_yolo
from semsynth.errors import SemsynthError

SKIPS: list[tuple[Callable[..., Path], Callable[..., Listing], Any]] = [
    (cvat_tree, list_cvat, cvat_xml('<polygon label="car" points="1,1;2,2"/>')),
    (label_studio_tree, list_label_studio, label_studio_tasks([region("brushlabels", "a", {"rle": [1]})])),
    (supervisely_tree, list_supervisely, [supervisely_object("bitmap", "bike")]),
    (yolo_tree, list_yolo, "0 0.5 0.5 0.2 0.2"),
]


@pytest.mark.parametrize(("tree", "list_format", "broken"), SKIPS)
def test_nothing_is_written_of_broken_records(
    tmp_path: Path, tree: Callable[..., Path], list_format: Callable[..., Listing], broken: Any
) -> None:
    source = tree(tmp_path / "in", broken)
    with pytest.raises(SemsynthError, match="every record is broken; the first: "):
        import_listing(list_format(source, skip_broken=True), tmp_path / "out")
    assert not list((tmp_path / "out").glob("*/*/*"))

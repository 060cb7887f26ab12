from __future__ import annotations

from pathlib import Path

import pytest
from annotated_tools import (
    classes,
    imported,
    vistas_tree,
)

from semsynth.data.importers.vistas import list_vistas
from semsynth.errors import SemsynthError


@pytest.mark.parametrize("version", ["v2.0", "v1.2", ""])
def test_vistas(tmp_path: Path, version: str) -> None:
    layout = imported(list_vistas(vistas_tree(tmp_path / "in", version)), tmp_path / "out", "val")
    assert [number for number, _ in classes(layout)] == [0, 1, 2]
    assert layout.labels[:3, 0].tolist() == [2, 0, 1]
    assert layout.instances is not None
    assert layout.instances[2].tolist() == [256, 256, 257, 257, 0, 0, 0, 0]
    assert set(layout.instances[0].tolist()) == {2}


def test_vistas_misses(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"zip of https://www\.mapillary\.com"):
        list_vistas(tmp_path)
    source = vistas_tree(tmp_path / "in")
    with pytest.raises(SemsynthError, match=r"config\.json is missing"):
        list_vistas(source, version="v1.2")
    (source / "training/v2.0/instances/M2kh.png").rename(source / "training/v2.0/instances/x.png")
    with pytest.raises(SemsynthError, match="no partner in instances/: M2kh"):
        list_vistas(source)

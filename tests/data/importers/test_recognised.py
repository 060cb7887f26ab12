from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from annotated import coco_tree, labelme_tree
from annotated_tools import (
    cvat_mask_tree,
    cvat_tree,
    label_studio_pngs,
    label_studio_tree,
    supervisely_tree,
    vistas_tree,
    voc_tree,
    yolo_tree,
)
from official_trees import SKY_AND_CAR, coco_panoptic, halves, photo, save_jpeg
from typer.testing import CliRunner

from semsynth.api.datasets import import_dataset
from semsynth.cli.main import app
from semsynth.data.importers.recognised import recognised
from semsynth.errors import SemsynthError
from semsynth.images import save_png


def plain(root: Path) -> Path:
    SKY_AND_CAR.save(root / "classes.json")
    save_jpeg(root / "images/a.jpg", photo())
    save_png(root / "labels/a.png", halves(1, 2))
    return root


def masks(root: Path) -> Path:
    save_jpeg(root / "images/a.jpg", photo())
    save_png(root / "masks/car/a.png", halves(0, 1))
    return root


TREES: list[tuple[str, Callable[[Path], Path]]] = [
    ("vistas", vistas_tree),
    ("voc", voc_tree),
    ("voc", cvat_mask_tree),
    ("supervisely", supervisely_tree),
    ("coco-panoptic", coco_panoptic),
    ("coco", coco_tree),
    ("label-studio", label_studio_tree),
    ("label-studio", label_studio_pngs),
    ("labelme", labelme_tree),
    ("cvat", cvat_tree),
    ("yolo", yolo_tree),
    ("folder", plain),
    ("binary-masks", masks),
]


@pytest.mark.parametrize(("format", "tree"), TREES)
def test_formats_are_told_apart(tmp_path: Path, format: str, tree: Callable[[Path], Path]) -> None:
    source, told = tree(tmp_path / "in"), list[str]()
    assert recognised(source).format == format
    assert import_dataset("auto", source, tmp_path / "out", tell=told.append, dry_run=True) == {}
    assert told[0].endswith(f"this is `semsynth data import {format} {source} {tmp_path / 'out'}`")
    assert not (tmp_path / "out").exists()
    assert import_dataset("auto", source, tmp_path / "out") == import_dataset(format, source, tmp_path / "out2")


def test_options_that_the_format_lacks(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match="is of the format 'vistas', which has no `val_share`: leave it out"):
        import_dataset("auto", vistas_tree(tmp_path / "in"), tmp_path / "out", val_share=0.5)
    tmp_path.joinpath("other/stuff").mkdir(parents=True)
    with pytest.raises(SemsynthError, match="no format that is known: it holds 0 pictures and the folders stuff;"):
        import_dataset("auto", tmp_path / "other", tmp_path / "out")


def test_the_commands(tmp_path: Path) -> None:
    source = coco_tree(tmp_path / "in")

    def run(*arguments: object) -> str:
        result = CliRunner().invoke(app, ["data", *map(str, arguments)], env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        return result.output

    said = run("import", "auto", source, tmp_path / "out", "--dry-run")
    assert f"semsynth data import coco {source}" in said
    assert "pairs" not in said
    assert f"{tmp_path / 'out'}: train 1, val 1 pairs" in run("import", "auto", source, tmp_path / "out")
    assert "train 1, val 1 as yolo" in run("export", "yolo", tmp_path / "out", tmp_path / "yolo")
    refused = CliRunner().invoke(app, ["data", "export", "coco", str(tmp_path / "out"), str(tmp_path / "yolo")])
    assert refused.exit_code == 2
    assert "exists already" in refused.output

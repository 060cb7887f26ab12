from __future__ import annotations

import shutil
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


@pytest.mark.parametrize(("format", "tree"), TREES)
def test_a_zip_file_is_read_as_the_folder_that_it_holds(
    tmp_path: Path, format: str, tree: Callable[[Path], Path]
) -> None:
    tree(tmp_path / "in/set")
    source = Path(shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "in"))
    told = list[str]()
    assert import_dataset("auto", source, tmp_path / "one", tell=told.append, dry_run=True) == {}
    assert told[0].endswith(f"this is `semsynth data import {format} {source} {tmp_path / 'one'}`")
    assert {one.name for one in tmp_path.iterdir()} == {"in", "set.zip"}
    for _ in range(2):  # the second time, nothing is made anew
        counts = import_dataset("auto", source, tmp_path / "one")
        made = _files(tmp_path / "one")
    assert counts == import_dataset(format, tmp_path / "in/set", tmp_path / "other")
    assert made == _files(tmp_path / "other")
    assert len((tmp_path / "one/.import").read_text().split()) == 2 * sum(counts.values())


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("[!.]*") if path.is_file()}


def test_what_is_left_out_of_a_zip_file_is_named_in_it(tmp_path: Path) -> None:
    broken = labelme_tree(tmp_path / "in") / "broken.json"
    broken.write_text('{"shapes": 1, "imagePath": "a.jpg", "imageHeight": 2, "imageWidth": 2}')
    source = Path(shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "in"))
    import_dataset("labelme", source, tmp_path / "out", skip_broken=True)
    assert (tmp_path / "out/left_out.txt").read_text().startswith(f"{source}/broken.json: ")
    with pytest.raises(SemsynthError, match=r"set\.zip/broken\.json: "):
        import_dataset("labelme", source, tmp_path / "new")


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

"""``semsynth data import`` for the papers' data sets: options, the summary, one-line errors, help."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from official_trees import ade20k_challenge, ade20k_full, camvid_segnet, cmp_facades, helen
from typer.testing import CliRunner, Result

from semsynth.cli.main import app
from semsynth.data.folder import DatasetFolder
from semsynth.images import save_png

TOOLS = (
    *(
        "auto",
        "coco",
        "labelme",
        "voc",
        "yolo",
        "cvat",
        "label-studio",
        "supervisely",
        "vistas",
        "arrays",
        "binary-masks",
    ),
)
FORMATS = (
    *("folder", "edges", "unlabelled", "huggingface", *TOOLS, "cityscapes", "ade20k", "ade20k-outdoor", "coco-stuff"),
    *("coco-panoptic", "nyu-depth-v2", "helen", "celebamask-hq", "camvid", "cmp-facades", "labelmefacade"),
)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["data", "import", *map(str, arguments)], env={"COLUMNS": "200"})
    assert "Traceback" not in result.output
    return result


def refused(result: Result, *parts: str) -> None:
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert part in result.stderr


def test_import_with_summary(tmp_path: Path) -> None:
    source, out = ade20k_challenge(tmp_path / "in"), tmp_path / "out"
    result = run("ade20k", source, out, "--limit", 1)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{out}: train 1, val 1 pairs\n")
    assert "50.00%" in result.stdout  # wall, and void
    assert "no problems" in result.stdout
    again = run("ade20k", source, out, "--no-check", "--copy")
    assert again.stdout == f"{out}: train 2, val 1 pairs. Check them: semsynth data check {out}\n"
    assert not (out / "train/images/ADE_train_00000002.jpg").samefile(
        source / "ADEChallengeData2016/images/training/ADE_train_00000002.jpg"
    )


def test_problems_are_told_and_are_no_failure(tmp_path: Path) -> None:
    source, out = cmp_facades(tmp_path / "in"), tmp_path / "out"
    (source / "base/cmp_b0010.jpg").write_bytes(b"")
    result = run("cmp-facades", source, out)
    assert result.exit_code == 0
    assert "cmp_b0010.jpg is empty" in result.stdout
    assert "1 problem\n" in result.stdout


def test_outdoor_by_list(tmp_path: Path) -> None:
    source, out, listed = ade20k_challenge(tmp_path / "in"), tmp_path / "out", tmp_path / "list.txt"
    refused(run("ade20k-outdoor", source, out), "3 scenes are indoors or outdoors", "(--scenes)", "(--list)")
    listed.write_text("street\nabbey\n")
    assert run("ade20k-outdoor", source, out, "--list", listed).exit_code == 0
    assert DatasetFolder(out, "train").names == ("ADE_train_00000002",)


@pytest.mark.parametrize("form", [name for name in FORMATS if name not in ("unlabelled", "huggingface")])
def test_nothing_in_an_empty_folder_is_one_line_and_leaves_nothing(form: str, tmp_path: Path) -> None:
    (tmp_path / "SRC").mkdir()
    refused(run(form, tmp_path / "SRC", tmp_path / "OUT"), str(tmp_path / "SRC"))
    assert not (tmp_path / "OUT").exists()


def test_missing_official_files_are_named_with_their_origin(tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused(
        run("ade20k", ade20k_full(tmp_path / "full"), out),
        "mapFromADE.txt is missing",
        "https://github.com/CSAILVision/sceneparsing",
        "--mapping",
    )
    source = helen(tmp_path / "helen")
    (source / "SmithCVPR2013_dataset_resized/testing.txt").unlink()
    refused(run("helen", source, out), "testing.txt is missing", "https://pages.cs.wisc.edu")
    assert not out.exists()


def test_options_of_other_formats_and_unknown_formats(tmp_path: Path) -> None:
    refused(
        run("camvid", "a", "b", "--mapping", "c"),
        "'camvid' has no --mapping",
        "belong to",
        "'ade20k'",
        "'nyu-depth-v2'",
    )
    refused(run("helen", "a", "b", "--list=c"), "belong to 'ade20k-outdoor'")
    refused(run("camvit", "a", "b"), "there is no format 'camvit'; known:", *FORMATS)
    result = run("camvid", camvid_segnet(tmp_path / "in"), tmp_path / "out", "--speed", 3)
    assert result.exit_code == 2
    assert "--speed" in result.stderr


@pytest.mark.parametrize("form", FORMATS)
def test_help_names_the_download_page_and_the_licence(form: str) -> None:
    result = run(form, "--help")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    assert "--limit" in text
    if form not in ("folder", "edges", "unlabelled", "binary-masks", "auto"):
        assert "http" in text
        assert "icence" in text or form in TOOLS


def test_options_say_what_label_maps_mean(tmp_path: Path) -> None:
    source = tmp_path / "in"
    mask = np.zeros((8, 8), np.uint8)
    mask[:5] = 255
    save_png(source / "labels/a.png", mask)
    save_png(source / "images/a.png", np.zeros((8, 8, 3), np.uint8))
    (source / "classes.json").write_text('["background", "building"]')
    said = "62% of the pixels are void, and 'building' (1) never occurs"
    plain = run("folder", source, tmp_path / "plain")
    assert said in plain.stdout
    assert "1 problem\n" in plain.stdout
    mapped = run("folder", source, tmp_path / "mapped", "--map", "255:building")
    assert mapped.exit_code == 0
    assert "no problems" in mapped.stdout
    labels = DatasetFolder(tmp_path / "mapped", "train")[0].layout.labels
    assert labels.tolist() == (mask == 255).astype(int).tolist()
    refused(run("folder", source, tmp_path / "x", "--map", "255:tower"), "has no class 'tower'")
    refused(run("folder", source, tmp_path / "x", "--void", "1"), "id 1 is a class")
    save_png(source / "labels/a.png", np.repeat(mask[..., None] // 255, 3, 2))
    refused(run("folder", source, tmp_path / "x"), "--labels-hold ids")
    assert "no problems" in run("folder", source, tmp_path / "grey", "--labels-hold", "ids").stdout

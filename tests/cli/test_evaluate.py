"""``semsynth evaluate``: reports, comparisons, and one clear line for every wrong input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import refused
from flags import CLASSES, PROTOCOL, SIDE, save_network
from tiny_models import save_tiny_model
from typer.testing import CliRunner, Result

from semsynth.classes import builtin
from semsynth.cli.main import app
from semsynth.data.folder import DatasetFolder
from semsynth.evaluation.protocols.definition import STANDIN
from semsynth.evaluation.reports.report import Report
from semsynth.images import decode_image, save_png


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny", classes=CLASSES, crop_size=SIDE)


def run(*arguments: object) -> Result:
    options = ["--device", "cpu"] if "--compare" not in arguments else []
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments), *options])


@pytest.fixture
def common(flags: Path, segmenter: Path, tmp_path: Path) -> list[object]:
    return ["--data", flags, "--segmenter", segmenter, "--protocol", PROTOCOL, "--out", tmp_path / "report"]


def test_a_model_gets_a_report_and_a_second_run_takes_the_measurements_over(
    common: list[object], model: Path, tmp_path: Path
) -> None:
    arguments = [model, *common, "--limit", 10, "--samples", 2, "--precision", "float32"]
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    assert "that of the real photos" in done.stdout
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["protocol"]["num_images"] == 10
    assert report["protocol"]["protocol"]["name"] == PROTOCOL
    assert report["styles"]["diversity"]["value"] > 0
    assert len(report["styles"]["mean_iou"]) == 2
    assert report["oracle"]["mean_iou"]["value"] > report["segmentation"]["mean_iou"]["value"]
    assert set(report["segmentation"]["class_iou"]) == {"red", "green", "blue", "rare"}
    assert report["versions"]["torch"]
    page = (tmp_path / "report" / "report.html").read_text()
    text = (tmp_path / "report" / "report.md").read_text()
    for image in (*report["worst"], *report["best"]):
        for kind in ("layout", "photo", "synthesis", "predicted", "errors"):
            name = f"images/{image['name']}_{kind}.png"
            assert name in page
            assert name in text
            assert decode_image(tmp_path / "report" / name).shape == (SIDE, SIDE, 3)
    assert "FID" not in page + text
    again = run(*arguments)
    second = json.loads((tmp_path / "report" / "report.json").read_text())
    assert again.exit_code == 0
    assert {**second, "seconds": 0, "created": ""} == {**report, "seconds": 0, "created": ""}


def test_real_photos_as_a_folder_score_as_the_oracle(common: list[object], flags: Path, tmp_path: Path) -> None:
    done = run("--images", flags / "val" / "images", *common)
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["segmentation"] == report["oracle"]
    assert report["distances"]["frechet_distance"]["value"] == pytest.approx(0, abs=1e-9)


def test_results_compare_only_by_one_protocol(
    common: list[object], flags: Path, segmenter: Path, tmp_path: Path
) -> None:
    images, base = flags / "val" / "images", common[:-2]
    for name, options in {"a": [], "b": [], "c": ["--limit", 12], "d": ["--features", "random"]}.items():
        assert run("--images", images, *base, "--out", tmp_path / name, *options).exit_code == 0
    same = run("--compare", tmp_path / "a", tmp_path / "b" / "report.json")
    assert same.exit_code == 0
    assert "mean IoU" in same.stdout
    refused(run("--compare", tmp_path / "a", tmp_path / "c"), "num_images: 24 | 12", "files: ")
    refused(run("--compare", tmp_path / "a", tmp_path / "d"), f"name: {PROTOCOL} | {PROTOCOL}{STANDIN}", "features_sha")
    refused(run("--compare", tmp_path / "a", tmp_path / "nothing"), "there is no report", "nothing")


def test_missing_and_extra_pictures_are_listed(common: list[object], flags: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    shutil.copytree(flags / "val" / "images", images)
    (images / "003.png").rename(images / "other.png")
    refused(run("--images", images, *common), images, "1 image has no partner", "003", "other")
    (images / "other.png").rename(images / "003.png")
    save_png(images / "004.png", np.zeros((20, 30, 3), np.uint8))
    refused(run("--images", images, *common), "004.png is 30x20", "32x32")
    (images / "004.png").write_bytes(b"nothing")
    refused(run("--images", images, *common), "004.png is not a picture")
    refused(run("--images", tmp_path / "nowhere", *common), "nowhere")


def test_other_classes_are_refused(common: list[object], flags: Path, model: Path, tmp_path: Path) -> None:
    refused(run("facades", *common), flags, "'flags'", "'cmp_facades'")
    names = run("--images", flags / "val" / "images", *common[:4], "--protocol", "spade-2019", "--out", tmp_path / "r")
    refused(names, "spade-2019", "cityscapes", "'flags'")
    refused(run(model, "--data", flags, "--out", tmp_path / "r"), "no segmenter ships", "'flags'", "--segmenter")


def test_a_segmenter_of_other_classes_or_without_mapping(
    common: list[object], model: Path, segmenter: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(segmenter, other)
    values = json.loads((other / "segmenter.json").read_text())
    values["classes"][0]["name"] = "crimson"
    (other / "segmenter.json").write_text(json.dumps(values))
    base = [model, *common[:2], *common[4:]]
    refused(run(*base, "--segmenter", other), "does not know 1 of the 4 classes", "red", "--mapping")
    (other / "segmenter.json").unlink()
    refused(run(*base, "--segmenter", other), "has no mapping", "--mapping")


def test_an_empty_split_and_one_without_photos(common: list[object], flags: Path, model: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    shutil.copytree(flags, root)
    base = [model, "--data", root, *common[2:]]
    refused(run(*base, "--split", "test"), "no split 'test'", "train, val")
    shutil.rmtree(root / "val" / "images")
    refused(run(*base), "no images/")
    shutil.rmtree(root / "val" / "labels")
    (root / "val" / "labels").mkdir()
    (root / "val" / "images").mkdir()
    refused(run(*base), root / "val", "no pictures")


@pytest.mark.parametrize(
    "arguments",
    [[], ["facades"], ["facades", "--images", "x", "--data", "y", "--out", "z"], ["facades", "--compare", "a", "b"]],
)
def test_unclear_wishes(arguments: list[str]) -> None:
    refused(run(*arguments))


def test_predictions_of_another_program_as_files(common: list[object], flags: Path, tmp_path: Path) -> None:
    data = DatasetFolder(flags, "val")
    for index, name in enumerate(data.names):
        data[index].layout.save(tmp_path / "predicted" / f"{name}.png")
    base = ["--images", flags / "val" / "images", *common[:2], *common[4:], "--features", "random"]
    done = run(*base, "--predictions", tmp_path / "predicted")
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["segmentation"]["mean_iou"]["value"] == 1.0
    assert report["oracle"] is None
    (tmp_path / "predicted" / "003.png").unlink()
    refused(run(*base, "--predictions", tmp_path / "predicted"), "003")


@pytest.mark.slow
def test_train_on_synthetic_test_on_real(common: list[object], model: Path, tmp_path: Path) -> None:
    done = run(model, *common, "--limit", 4, "--train-on-synthetic", 2)
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["usefulness"]["steps"] == 2
    synthetic = DatasetFolder(tmp_path / "report" / "usefulness" / "synthetic", "train")
    assert len(synthetic) == 12
    assert synthetic[0].size == (SIDE, SIDE)
    assert "Train on synthetic" in (tmp_path / "report" / "report.html").read_text()


def test_a_model_without_styles_makes_one_sample(common: list[object], tmp_path: Path) -> None:
    plain = save_tiny_model(tmp_path / "plain", classes=CLASSES, styles=False)
    refused(run(plain, *common, "--samples", 2), "one photo of a layout")
    done = run(plain, *common, "--limit", 3, "--features", "none", "--precision", "float32")
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["distances"] is None
    assert report["protocol"]["protocol"]["name"] == PROTOCOL


@pytest.mark.slow
def test_a_papers_protocol_by_another_segmenter_is_a_standin(shared: Path, tmp_path: Path) -> None:
    data = shared / "data" / "cityscapes_sample"
    names = [item.name for item in builtin("cityscapes_19").classes]
    network = save_network(tmp_path / "net", names)
    base = ["--images", data / "val" / "images", "--data", data, "--segmenter", network, "--out", tmp_path / "report"]
    base += ["--protocol", "spade-2019", "--features", "none"]
    refused(run(*base), "spade-2019/cityscapes is over 500 images", "has 1", "--limit 1")
    done = run(*base, "--limit", 1)
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["protocol"]["protocol"]["name"] == "spade-2019/cityscapes-standin"
    assert report["protocol"]["classes"] == names
    name = report["worst"][0]["name"]
    errors = decode_image(tmp_path / "report" / "images" / f"{name}_errors.png")
    assert errors.shape == (1024, 2048, 3)  # the size of labels
    assert decode_image(tmp_path / "report" / "images" / f"{name}_photo.png").shape == (256, 512, 3)
    assert (errors == 150).all(2).mean() > 0.05  # void: ego vehicle, border and the like


def score_files(data: Path, flags: Path, out: Path, *options: object) -> Result:
    files = ["--images", flags / "val" / "images", "--predictions", flags / "val" / "labels"]
    arguments = ["--data", data, "--out", out, "--protocol", PROTOCOL, "--features", "random", "--device", "cpu"]
    return CliRunner().invoke(app, ["evaluate", *map(str, (*files, *arguments, *options))])


def test_reports_are_equal_and_comparable(flags: Path, flag_shards: Path, tmp_path: Path) -> None:
    reports: list[dict[str, Any]] = []
    for name, data in (("folder", flags), ("shards", flag_shards)):
        done = score_files(data, flags, tmp_path / name)
        assert done.exit_code == 0, done.output
        reports.append(json.loads((tmp_path / name / "report.json").read_text()))
    for key in ("protocol", "segmentation", "distances", "worst", "best"):
        assert reports[0][key] == reports[1][key], key
    assert Report.open(tmp_path / "folder").beside(Report.open(tmp_path / "shards"))


def test_a_missing_split_is_named(flags: Path, flag_shards: Path, tmp_path: Path) -> None:
    done = score_files(flag_shards, flags, tmp_path / "report", "--split", "test")
    assert done.exit_code == 2
    assert f"{flag_shards} has no split 'test'" in done.stderr

"""``semsynth evaluate``: reports, comparisons, and one clear line for every wrong input."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from backbone_weights import save_mobilenet
from flags import CLASSES, SIDE, save_network
from PIL import Image
from tiny_models import save_tiny_model
from typer.testing import CliRunner, Result

from semsynth.checkpoint import load_model
from semsynth.classes import builtin
from semsynth.cli.main import app
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError
from semsynth.evaluation.choices import find_features, find_segmenter
from semsynth.evaluation.during_training import BestModel
from semsynth.evaluation.features import fingerprint_of, random_features
from semsynth.evaluation.pictures import resampled
from semsynth.evaluation.protocols.definition import STANDIN, Resampling, differences
from semsynth.evaluation.protocols.shipped import find_protocol, semsynth_2026, shipped
from semsynth.evaluation.segmenters.folder import SegmenterFolder, SegmenterRecord, continue_training
from semsynth.evaluation.segmenters.training import SegmenterSettings
from semsynth.evaluation.truth import index_table
from semsynth.images import decode_image, save_png, to_tensor, to_uint8

PROTOCOL = f"semsynth-2026-{SIDE}x{SIDE}"


@pytest.fixture(scope="module")
def segmenter(flags: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segmenter") / "flags"
    settings = SegmenterSettings.model_validate(
        {
            "hidden_sizes": (4, 8, 8, 8),
            "depths": (1, 1, 1, 1),
            "heads": (1, 1, 1, 1),
            "decoder_size": 8,
            "augmentation": {"crop_size": SIDE},
            "steps": 30,
            "batch_size": 4,
            "warmup": 2,
            "lr": 5e-3,
            "validate_every": 30,
            "precision": "float32",
        }
    )
    continue_training(SegmenterFolder(folder), SegmenterRecord(data=str(flags), settings=settings), "cpu")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "tiny", classes=CLASSES, crop_size=SIDE)


def run(*arguments: object) -> Result:
    options = ["--device", "cpu"] if "--compare" not in arguments else []
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments), *options])


def refused(result: Result, *parts: object) -> None:
    assert result.exit_code == 2, result.output
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    for part in ("error: ", *parts):
        assert str(part) in lines[0], lines[0]


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
    refused(run("--images", images, *common), images, "1 images have no partner", "003", "other")
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


def test_photos_without_labels_are_imported_by_a_segmenter(flags: Path, segmenter: Path, tmp_path: Path) -> None:
    arguments = ["data", "import", "unlabelled", flags / "train" / "images", tmp_path / "out"]
    refused(CliRunner().invoke(app, [*map(str, arguments)]), "--segmenter")
    done = CliRunner().invoke(app, [*map(str, arguments), "--segmenter", str(segmenter), "--confidence", "0.3"])
    assert done.exit_code == 0, done.output
    assert len(DatasetFolder(tmp_path / "out", "train")) + len(DatasetFolder(tmp_path / "out", "val")) == 12
    arguments[-1] = tmp_path / "few"
    limited = ["--segmenter", segmenter, "--limit", 1, "--val-share", 0.5, "--no-check"]
    done = CliRunner().invoke(app, [*map(str, (*arguments, *limited))])
    assert done.exit_code == 0, done.output
    assert [len(DatasetFolder(tmp_path / "few", split)) for split in ("train", "val")] == [1, 1]
    wrong = CliRunner().invoke(app, ["data", "import", "folder", "x", "y", "--segmenter", "z"])
    refused(wrong, "belong to 'unlabelled'")


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


# Pictures ---------------------------------------------------------------------------------------------------------


def test_resampling_is_pillows_or_torchs() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    small = Image.fromarray(picture).resize((7, 5), Image.Resampling.BICUBIC)
    found = resampled(picture, (5, 7), Resampling())
    assert np.array_equal(to_uint8(found[None])[0], np.asarray(small))
    plain = Resampling(filter="bilinear", antialias=False, quantised=False)
    expected = torch.nn.functional.interpolate(to_tensor(picture)[None], (5, 7), mode="bilinear")[0]
    assert torch.equal(resampled(picture, (5, 7), plain), expected)
    levels = (resampled(picture, (5, 7), plain.model_copy(update={"quantised": True})) + 1) * 127.5
    assert torch.allclose(levels, levels.round(), atol=1e-4)
    assert torch.equal(resampled(picture, None, plain), to_tensor(picture))


def test_truth_and_predictions_meet_in_the_evaluated_classes_by_name() -> None:
    table = index_table(builtin("cityscapes"), builtin("cityscapes_19"))
    ids = {item.name: index for index, item in enumerate(builtin("cityscapes").classes)}
    assert [table[ids[name]] for name in ("road", "bicycle", "parking", "unlabeled")] == [0, 18, 19, 19]
    assert table[-1] == 19  # void


# Protocols and features -------------------------------------------------------------------------------------------


def test_every_shipped_protocol_names_its_source_and_is_complete() -> None:
    found = [one for variants in shipped().values() for one in variants.values()]
    assert [one.name for one in found] == sorted({one.name for one in found}, key=[o.name for o in found].index)
    assert {"pix2pixhd-2018", "spade-2019/ade20k", "oasis-2021/cityscapes", "semsynth-2026"} <= {o.name for o in found}
    for one in found:
        assert len(one.source) > 80
        assert one.synthesis_size is not None
    assert shipped()["spade-2019"]["cityscapes"].segmenter_size == (1024, 2048)
    assert find_protocol("semsynth-2026-512x256", CLASSES).synthesis_size == (256, 512)
    with pytest.raises(SemsynthError, match="there is no protocol 'clean'"):
        find_protocol("clean", CLASSES)
    with pytest.raises(SemsynthError, match="between 32 and 8192"):
        find_protocol("semsynth-2026-9x9", CLASSES)


def test_differences_are_listed_by_key() -> None:
    assert differences({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 4, "d": 3}, "e": 5}) == [
        "b.c: 2 | 4",
        "e: None | 5",
    ]


def test_the_random_network_is_the_same_everywhere() -> None:
    network = random_features()
    expected = "97b2aa097896972c"
    assert fingerprint_of(network.network)[:16] == expected
    with pytest.raises(SemsynthError, match="needs a segmenter"):
        find_features("segmenter", None)
    with pytest.raises(SemsynthError, match="there are no features 'resnet'"):
        find_features("resnet", None)
    assert find_features("none", None) is None


def test_a_bundled_segmenter_is_found_by_its_class_set(monkeypatch: pytest.MonkeyPatch, segmenter: Path) -> None:
    monkeypatch.setattr("semsynth.evaluation.segmenters.hugging_face.BUNDLED_SEGMENTERS", segmenter.parent)
    assert find_segmenter(None, None, CLASSES, "cpu").classes.classes == CLASSES.classes


# As a training goes on --------------------------------------------------------------------------------------------


def test_the_best_checkpoint_is_kept_and_a_crashed_sessions_lines_are_dropped(tmp_path: Path) -> None:
    values = {10: 0.5, 20: 0.2, 30: 0.4}
    step = 0

    def evaluate(model: Path) -> dict[str, float]:
        return {"kernel_distance": values[step], "mean_iou": 0.1}

    model = tmp_path / "model"
    model.mkdir()
    scorer = BestModel(tmp_path, evaluate, "kernel_distance", every_epochs=1)
    for step in (10, 20, 30):
        (model / "step").write_text(str(step))
        scorer(model, step)
    assert (tmp_path / "best" / "step").read_text() == "20"
    values[20] = 0.9
    step = 20
    scorer(model, step)
    lines = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text().splitlines()]
    assert [(line["step"], line["kernel_distance"]) for line in lines] == [(10, 0.5), (20, 0.9)]
    with pytest.raises(SemsynthError, match="frechet_distance is undefined"):
        BestModel(tmp_path, evaluate, "frechet_distance", 1)(model, 20)


def test_train_scores_the_model_after_epochs_and_keeps_the_best(
    flags: Path, segmenter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = semsynth_2026((SIDE, SIDE)).model_copy(update={"distance_replicates": 10})
    monkeypatch.setattr("semsynth.evaluation.protocols.shipped.find_protocol", lambda name, classes: small)
    settings = [f"--set={one}" for one in TINY]
    arguments = ["train", "spade", "--data", flags, "--out", tmp_path / "run", *settings, "--device", "cpu"]
    scoring = ["--score-every", 2, "--score", "mean_iou", "--score-segmenter", segmenter]
    done = CliRunner().invoke(app, [*map(str, arguments), *map(str, scoring)])
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (tmp_path / "run" / "scores.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [4, 8]  # 12 photos, batches of 6
    best = max(lines, key=lambda line: line["mean_iou"])["step"]
    assert load_model(tmp_path / "run" / "best").card.steps == best
    other = [*map(str, arguments[:5]), str(tmp_path / "x"), "--score-every", "1", "--score=fid"]
    wrong = CliRunner().invoke(app, other)
    refused(wrong, "score fid", "kernel_distance")


def test_checkpoints_are_chosen_in_features_that_train_nobody(
    flags: Path, segmenter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = semsynth_2026((SIDE, SIDE)).model_copy(update={"distance_replicates": 10})
    monkeypatch.setattr("semsynth.evaluation.protocols.shipped.find_protocol", lambda name, classes: small)
    networks = []
    monkeypatch.setattr("semsynth.api.running.pretrained_networks", lambda _: dict(networks))
    weights = save_mobilenet(tmp_path)
    arguments = ["train", "spade", "--data", flags, *(f"--set={one}" for one in TINY), "--device", "cpu"]
    scoring = ["--score-every", 4, "--score", "detectability", "--score-segmenter", segmenter]
    scoring += ["--score-features", weights]
    done = CliRunner().invoke(app, [*map(str, arguments), "--out", str(tmp_path / "run"), *map(str, scoring)])
    assert done.exit_code == 0, done.output
    (line,) = [json.loads(one) for one in (tmp_path / "run" / "scores.jsonl").read_text().splitlines()]
    assert 0.5 <= line["detectability"] <= 1
    assert (tmp_path / "run" / "best" / "card.json").is_file()
    networks.append(("mobilenet_v1", "any weights"))
    refused(
        CliRunner().invoke(app, [*map(str, arguments), "--out", str(tmp_path / "x"), *map(str, scoring)]),
        "mobilenet_v1 takes part in training",
    )
    assert not (tmp_path / "x").exists()


TINY = (
    "generator.width=2",
    "generator.hidden=4",
    f"generator.crop_size={SIDE}",
    "discriminator.width=4",
    "discriminator.max_width=8",
    f"data.load_size={SIDE}",
    f"data.crop_size={SIDE}",
    "loss.perceptual=0",
    "training.batch_size=6",
    "training.workers=0",
    "training.sample_every=1000",
    "training.save_every=1000",
    "training.steps=9",
)

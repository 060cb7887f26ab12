"""``semsynth.evaluate``: what the command does, without a shell."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from flags import CLASSES, COUNT, PROTOCOL, SIDE, ColorSegmenter
from tiny_models import save_tiny_model

import semsynth
from semsynth.data.folder import DatasetFolder
from semsynth.errors import SemsynthError
from semsynth.evaluation.pictures import RealPhotos
from semsynth.images import save_png

BY_COLOUR = {"segmenter": ColorSegmenter(), "features": "random", "protocol": PROTOCOL, "device": "cpu"}


def test_a_folder_of_pictures_is_told_from_a_model(flags: Path, tmp_path: Path) -> None:
    photos = semsynth.evaluate(flags / "val" / "images", flags, **BY_COLOUR)
    assert photos.scores["mean_iou"] == photos.scores["oracle/mean_iou"]
    assert float(photos.scores["frechet_distance"]) == pytest.approx(0, abs=1e-9)
    model = save_tiny_model(tmp_path / "model", classes=CLASSES, crop_size=SIDE)
    made = semsynth.evaluate(model, flags, samples=2, limit=8, precision="float32", **BY_COLOUR)
    assert made.record.subject.name == str(model)
    assert made.record.protocol.num_images == 8
    assert float(made.scores["mean_iou"]) < float(made.scores["oracle/mean_iou"])
    assert float(made.scores["styles/diversity"]) > 0


def test_a_source_of_pictures_of_ones_own(flags: Path) -> None:
    class Grey:
        name = fingerprint = "grey"

        def pictures(self, samples, number):  # type: ignore[no-untyped-def]
            return [np.full((SIDE, SIDE, 3), 128, np.uint8) for _ in samples]

    grey, photos = (semsynth.evaluate(source, flags, **BY_COLOUR) for source in (Grey(), RealPhotos()))
    assert float(grey.scores["mean_iou"]) < float(photos.scores["mean_iou"]) / 2
    assert grey.beside(photos)


def test_scores_of_known_predictions(flags: Path, tmp_path: Path) -> None:
    """Every map but one is predicted right; the wrong one is all red: scores by hand."""
    data = DatasetFolder(flags, "val")
    right = total = 0
    for index, name in enumerate(data.names):
        layout = data[index].layout
        known = layout.labels != 65535
        predicted = layout.labels.copy()
        if name == "004":
            predicted[:] = 3  # red
        right += int((known & (predicted == layout.labels)).sum())
        total += int(known.sum())
        semsynth.Layout(predicted, CLASSES).save(tmp_path / "predicted" / f"{name}.png")
    report = semsynth.evaluate(
        flags / "val" / "images",
        flags,
        PROTOCOL,
        predictions=tmp_path / "predicted",
        oracle_predictions=flags / "val" / "labels",
        features="none",
        device="cpu",
    )
    assert float(report.scores["pixel_accuracy"]) == pytest.approx(right / total)
    assert float(report.scores["oracle/pixel_accuracy"]) == 1
    assert report.record.worst[0].name == "004"
    assert "frechet_distance" not in report.scores


def test_nothing_stays_on_the_disk_unless_a_folder_is_given(
    flags: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    photos, calls = flags / "val" / "images", []

    def progress(name: str):  # type: ignore[no-untyped-def]
        return lambda done, total: calls.append((name, done, total))

    one = semsynth.evaluate(photos, flags, progress=progress, **BY_COLOUR)
    assert list((tmp_path / "temporary").iterdir()) == []
    assert calls[0] == ("evaluating", 0, COUNT)
    assert calls[-1] == ("evaluating", COUNT, COUNT)
    kept = semsynth.evaluate(photos, flags, out=tmp_path / "report", **BY_COLOUR)
    assert kept.scores == one.scores
    assert semsynth.Report.open(tmp_path / "report").scores == one.scores
    calls.clear()
    again = semsynth.evaluate(photos, flags, out=tmp_path / "report", progress=progress, **BY_COLOUR)
    assert calls == [("evaluating", COUNT, COUNT)]  # everything was measured already
    assert again.scores == one.scores


def test_without_a_segmenter_distances_alone_are_measured(flags: Path, tmp_path: Path) -> None:
    """The same distances as with one, and pictures without an order."""
    model = save_tiny_model(tmp_path / "model", classes=CLASSES, crop_size=SIDE)
    options = {**BY_COLOUR, "limit": 12, "samples": 2, "precision": "float32"}
    both = [semsynth.evaluate(model, flags, **{**options, "segmenter": one}) for one in (ColorSegmenter(), "none")]
    labelled, alone = (report.scores for report in both)
    assert {name for name in labelled if name not in alone} == {
        name for name in labelled if name.removeprefix("oracle/").startswith(("mean_", "pixel_", "iou/"))
    }
    assert alone == {name: score for name, score in labelled.items() if name in alone}
    assert "styles/diversity" in alone
    report = both[1]
    assert report.headline.startswith(f"Kernel distance (random features) {report.scores['kernel_distance']}, over 12")
    saved = semsynth.Report.open(report.save(tmp_path / "report").parent)
    assert len(saved.pictures) == 8 * 3  # eight images: layout, photo, synthesis
    page = (tmp_path / "report" / "report.html").read_text()
    assert page.count("<img ") == 24
    assert "IoU" not in page
    assert "IoU" not in (tmp_path / "report" / "report.md").read_text()
    assert "IoU" not in report._repr_html_()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": "none"}, "only distances can be measured: choose `features`"),
        ({"features": None}, "`features=segmenter` needs a segmenter"),
        ({"features": "random", "mapping": "ade20k"}, "`segmenter=none` has no outputs: leave `mapping` out"),
    ],
)
def test_without_a_segmenter_features_are_needed(flags: Path, options: dict[str, str], message: str) -> None:
    with pytest.raises(SemsynthError, match=message):
        semsynth.evaluate(flags / "val" / "images", flags, **{**BY_COLOUR, "segmenter": "none", **options})


def test_what_does_not_go_together_is_refused(flags: Path, tmp_path: Path) -> None:
    photos = flags / "val" / "images"
    for options in ({"samples": 2}, {"train_on_synthetic": 5}):
        with pytest.raises(SemsynthError, match="has one picture per layout: leave out"):
            semsynth.evaluate(photos, flags, **options, **BY_COLOUR)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SemsynthError, match="empty holds neither a model nor pictures"):
        semsynth.evaluate(tmp_path / "empty", flags, **BY_COLOUR)
    with pytest.raises(SemsynthError, match="there is no model 'nowhere'"):
        semsynth.evaluate("nowhere", flags, **BY_COLOUR)


def test_a_report_lies_beside_what_else_is_in_the_folder(flags: Path, tmp_path: Path) -> None:
    save_png(tmp_path / "mine.png", np.zeros((2, 2, 3), np.uint8))
    semsynth.evaluate(flags / "val" / "images", flags, out=tmp_path, limit=8, **BY_COLOUR)
    assert (tmp_path / "mine.png").is_file()
    assert json.loads((tmp_path / "report.json").read_text())["colors"]["red"] == [220, 40, 40]

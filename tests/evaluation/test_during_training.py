"""Scores as training goes on, and the best of the checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from backbone_weights import save_mobilenet
from command_line import refused
from flags import SIDE
from typer.testing import CliRunner

from semsynth.checkpoint import load_model
from semsynth.cli.main import app
from semsynth.errors import SemsynthError
from semsynth.evaluation.during_training import BestModel
from semsynth.evaluation.protocols.shipped import semsynth_2026


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

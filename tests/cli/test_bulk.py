"""``semsynth synthesize`` of datasets: engines and options that do not go together."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tiny_models import CLASSES, save_tiny_model
from typer.testing import CliRunner

from semsynth.cli.main import app
from semsynth.data.facades import draw_facade


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("model") / "styles")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset folder of one layout."""
    root = tmp_path_factory.mktemp("layouts")
    CLASSES.save(root / "classes.json")
    draw_facade(0, 32).save(root / "train" / "labels" / "front.png")
    return root


def test_without_ray_the_extra_is_named(
    model: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = ["synthesize", dataset, "--model", model, "--out", tmp_path / "out", "--engine", "ray"]
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == 2
    assert result.stderr == "error: bulk synthesis by Ray needs ray: pip install 'semsynth[ray]'\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--limit", "3"), "--limit needs --engine"),
        (("--min-faithfulness", "0.5"), "--min-faithfulness needs --engine"),
        (("--engine", "local", "--tries", "3"), "--tries 3 needs --min-faithfulness"),
        (("--engine", "local", "--segmenter", "none", "--ignore-below", "0.5"), "--segmenter none scores no photo"),
        (("--engine", "local", "--contact-sheet"), "--contact-sheet does not go with --engine"),
        (("--engine", "local", "--address", "auto"), "--address"),
        (("--engine", "local", "--style", "absent.png"), "absent.png"),
        (("--engine", "local", "--shard-size", "many"), "'many' is no size"),
        (("--engine", "ray", "--device", "mps"), "--device mps"),
    ],
)
def test_options_that_do_not_go_together(
    model: Path, dataset: Path, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    arguments = ["synthesize", dataset, "--model", model, "--out", tmp_path / "out", *options]
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == 2
    assert reason in result.stderr
    assert not (tmp_path / "out").exists()

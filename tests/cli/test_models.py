"""``semsynth models``: the table, JSON, and notes on what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console
from tiny_models import save_tiny_model
from typer.testing import CliRunner, Result

from semsynth.api.models import ListedModel
from semsynth.cli import models as commands
from semsynth.cli.main import app


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty Hugging Face cache, and an empty working directory."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)


def models(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


def test_the_table_and_the_json_agree() -> None:
    table, written = models(), models("--json")
    assert (table.exit_code, written.exit_code) == (0, 0)
    (facades,) = [one for one in json.loads(written.stdout) if one["model"] == "facades"]
    (row,) = [line for line in table.stdout.splitlines() if " facades " in line]
    assert f"{facades['parameters']:,}" in row
    assert f"{facades['width']}x{facades['height']}" in row


@pytest.mark.parametrize("width", [20, 40, 80, 100, 140])
def test_names_are_printed_in_full_whatever_the_width(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = ListedModel("runs/" + "a_run_whose_name_says_everything" * 3, "local", "", system="spade", num_classes=12)
    console = Console(width=width, highlight=False, markup=False)
    commands._print([long, ListedModel("facades", "bundled", "", licence="none " * 20)], console)
    shown = capsys.readouterr()
    rows = [line.strip("│ ").split("│")[0].strip() for line in shown.out.splitlines()]
    assert {long.model, "facades"} <= set(rows)
    assert "…" not in shown.out.replace("none …", "")
    assert "--json" in shown.err


def test_columns_that_do_not_fit_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    facades = ListedModel("facades", "bundled", "", system="spade", class_set="cmp_facades", num_classes=12)
    commands._print([facades], Console(width=60, highlight=False, markup=False))
    shown = capsys.readouterr()
    assert "cmp_facades (12)" in shown.out
    assert all(len(line) <= 60 for line in shown.out.splitlines())
    assert "shows parameters, files, licence, too" in shown.err


def test_a_damaged_model_is_a_row_and_a_note() -> None:
    folder = save_tiny_model(Path("broken"))
    (folder / "classes.json").write_text("[")
    result = models()
    assert result.exit_code == 0
    assert "unreadable" in result.stdout
    assert "classes.json" in result.stderr


def test_a_folder_that_is_not_there() -> None:
    result = models("nowhere")
    assert result.exit_code == 2
    assert "there is no folder nowhere" in result.stderr

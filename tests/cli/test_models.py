"""``semsynth models``: the table, JSON, and notes on what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_models import save_tiny_model
from typer.testing import CliRunner, Result

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

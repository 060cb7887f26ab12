"""``semsynth models``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny_models import CLASSES, save_tiny_model, save_tiny_oasis, save_tiny_pix2pixhd
from typer.testing import CliRunner, Result

from semsynth.checkpoint import load_model
from semsynth.cli.main import app


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache, and an empty working directory."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "hub"


def models(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


def listed(*arguments: object) -> dict[str, dict]:
    result = models("--json", *arguments)
    assert result.exit_code == 0, result.output
    return {entry["model"]: entry for entry in json.loads(result.stdout)}


def test_the_bundled_model_is_listed_with_its_card(cache: Path) -> None:
    (entry,) = [one for one in listed().values() if one["model"] == "facades"]
    assert (entry["place"], entry["class_set"], entry["num_classes"]) == ("bundled", "cmp_facades", 12)
    assert (entry["width"], entry["height"]) == (256, 256)
    assert entry["file_bytes"] < 25e6
    assert "CMP Facade Database" in entry["licence"]
    table = models()
    assert table.exit_code == 0
    assert "256x256" in table.output
    assert f"{entry['parameters']:,}" in table.output


def test_local_models_are_found_in_runs_and_given_folders(cache: Path, tmp_path: Path) -> None:
    save_tiny_model(Path("runs/first/model"))
    shutil.copytree("runs/first/model", "runs/first/best")
    save_tiny_oasis(Path("beside"))
    assert set(listed()) >= {"facades", "runs/first", "runs/first/best", "beside"}
    elsewhere = save_tiny_pix2pixhd(tmp_path / "elsewhere" / "cars" / "model").parent.parent
    found = listed(elsewhere)
    assert str(elsewhere / "cars") in found
    assert "beside" not in found, "only what was asked for"


def test_what_is_told_is_what_loading_finds(cache: Path) -> None:
    save_tiny_model(Path("model"))
    save_tiny_oasis(Path("noise"))
    save_tiny_pix2pixhd(Path("hd"))
    found = listed()
    for name, size in (("model", (32, 32)), ("noise", (64, 64)), ("hd", (32, 32))):
        entry, loaded = found[name if name != "model" else "."], load_model(Path(name))
        assert entry["parameters"] == sum(p.numel() for n in loaded.networks.values() for p in n.parameters())
        assert entry["file_bytes"] == sum(file.stat().st_size for file in Path(name).iterdir())
        assert (entry["system"], entry["class_set"]) == (loaded.config.system, CLASSES.name)
        assert (entry["height"], entry["width"]) == size


def test_models_of_the_hubs_cache(cache: Path) -> None:
    snapshot = save_tiny_model(cache / "models--somebody--houses" / "snapshots" / "0123abc")
    (cache / "models--other--llm" / "snapshots" / "1").mkdir(parents=True)
    (cache / "models--other--llm" / "snapshots" / "1" / "config.json").write_text('{"model_type": "t"}')
    (cache / "datasets--somebody--photos" / "snapshots").mkdir(parents=True)
    found = {name: entry for name, entry in listed().items() if entry["place"] == "hub"}
    assert set(found) == {"somebody/houses"}
    assert found["somebody/houses"]["path"] == str(snapshot)


def test_a_damaged_model_is_a_row_and_a_note(cache: Path) -> None:
    folder = save_tiny_model(Path("broken"))
    (folder / "classes.json").write_text("[")
    result = models()
    assert result.exit_code == 0
    assert "unreadable" in result.stdout
    assert "classes.json" in result.stderr
    assert listed()["broken"]["problem"]
    (folder / "config.json").write_text('{"system": "future", "format": 99}')
    assert "upgrade" in listed()["broken"]["problem"]


def test_weights_are_not_read(cache: Path) -> None:
    folder = save_tiny_model(Path("truncated"))
    (folder / "generator.safetensors").write_bytes(b"")
    assert listed()["truncated"]["problem"] is None


def test_a_folder_that_is_not_there(cache: Path) -> None:
    result = models("nowhere")
    assert result.exit_code == 2
    assert "there is no folder nowhere" in result.stderr


def test_other_peoples_configurations_are_no_models(cache: Path) -> None:
    Path("site").mkdir()
    for text in ("[]", "{", '{"name": "site"}'):
        Path("site/config.json").write_text(text)
        assert "site" not in listed()

"""``semsynth.list_models``: where models are looked for, and what is said about each."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tiny_models import CLASSES, save_tiny_model, save_tiny_oasis, save_tiny_pix2pixhd

import semsynth
from semsynth.checkpoint import load_model


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty Hugging Face cache, and an empty working directory."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "hub"


def listed(*folders: str | Path) -> dict[str, semsynth.ListedModel]:
    return {one.model: one for one in semsynth.list_models(folders)}


def test_bundled_models_are_listed_with_their_cards(cache: Path) -> None:
    facades = listed()["facades"]
    assert (facades.place, facades.class_set, facades.num_classes) == ("bundled", "cmp_facades", 12)
    assert (facades.width, facades.height, facades.size) == (256, 256, "256x256")
    assert facades.file_bytes < 25e6
    assert "CMP Facade Database" in facades.licence
    assert semsynth.load(facades.model).card == load_model(Path(facades.path)).card


def test_local_models_are_found_in_runs_and_given_folders(cache: Path, tmp_path: Path) -> None:
    save_tiny_model(Path("runs/first/model"))
    shutil.copytree("runs/first/model", "runs/first/best")
    save_tiny_oasis(Path("beside"))
    assert set(listed()) >= {"facades", "runs/first", "runs/first/best", "beside"}
    elsewhere = save_tiny_pix2pixhd(tmp_path / "elsewhere" / "cars" / "model").parent.parent
    found = listed(elsewhere)
    assert str(elsewhere / "cars") in found
    assert "beside" not in found, "only the given folders are searched"


def test_entries_say_what_loading_finds(cache: Path) -> None:
    save_tiny_model(Path("model"))
    save_tiny_oasis(Path("noise"))
    save_tiny_pix2pixhd(Path("hd"))
    found = listed()
    for name, size in (("model", (32, 32)), ("noise", (64, 64)), ("hd", (32, 32))):
        entry, loaded = found[name if name != "model" else "."], load_model(Path(name))
        assert entry.parameters == sum(p.numel() for n in loaded.networks.values() for p in n.parameters())
        assert entry.file_bytes == sum(file.stat().st_size for file in Path(name).iterdir())
        assert (entry.system, entry.class_set) == (loaded.config.system, CLASSES.name)
        assert (entry.height, entry.width) == size


def test_models_in_the_hubs_cache(cache: Path) -> None:
    snapshot = save_tiny_model(cache / "models--somebody--houses" / "snapshots" / "0123abc")
    (cache / "models--other--llm" / "snapshots" / "1").mkdir(parents=True)
    (cache / "models--other--llm" / "snapshots" / "1" / "config.json").write_text('{"model_type": "t"}')
    (cache / "datasets--somebody--photos" / "snapshots").mkdir(parents=True)
    found = {name: entry for name, entry in listed().items() if entry.place == "hub"}
    assert set(found) == {"somebody/houses"}
    assert found["somebody/houses"].path == str(snapshot)


def test_a_damaged_model_has_a_problem(cache: Path) -> None:
    folder = save_tiny_model(Path("broken"))
    (folder / "classes.json").write_text("[")
    assert "classes.json" in (listed()["broken"].problem or "")
    assert "classes.json" in listed()["broken"]._repr_html_()
    (folder / "config.json").write_text('{"system": "future", "format": 99}')
    assert "upgrade" in (listed()["broken"].problem or "")


def test_weights_are_not_read(cache: Path) -> None:
    folder = save_tiny_model(Path("truncated"))
    (folder / "generator.safetensors").write_bytes(b"")
    assert listed()["truncated"].problem is None


def test_other_peoples_configurations_are_not_models(cache: Path) -> None:
    Path("site").mkdir()
    for text in ("[]", "{", '{"name": "site"}'):
        Path("site/config.json").write_text(text)
        assert "site" not in listed()


def test_a_missing_folder_is_an_error(cache: Path) -> None:
    with pytest.raises(semsynth.SemsynthError, match="there is no folder nowhere"):
        semsynth.list_models(["nowhere"])


def test_notebooks_show_a_short_text_and_an_escaped_table(cache: Path) -> None:
    save_tiny_model(Path("a<b"))
    entry = listed()["a<b"]
    assert repr(entry) == f"<local model 'a<b': spade, {CLASSES.name} ({len(CLASSES.classes)} classes), 32x32>"
    page = entry._repr_html_()
    assert "<caption>a&lt;b</caption>" in page
    assert f"<td>parameters</td><td>{entry.parameters:,}</td>" in page

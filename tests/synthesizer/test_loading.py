from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import semsynth
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.synthesizer import DEFAULT_MODEL, load

LAYOUTS = [draw_facade(seed, 32) for seed in range(5)]


def pixels(photo: Image.Image) -> np.ndarray:
    return np.asarray(photo).astype(int)


def test_loading_and_folding_leave_the_files_alone(folder: Path) -> None:
    def digest() -> str:
        return hashlib.sha256((folder / "generator.safetensors").read_bytes()).hexdigest()

    before = digest()
    load(folder, "cpu", "bfloat16")(LAYOUTS[0])
    assert digest() == before


def test_a_run_folder_stands_for_its_model(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "model").symlink_to(folder)
    photo = load(tmp_path / "run", "cpu", "float32")(LAYOUTS[0])
    assert np.array_equal(pixels(photo), pixels(load(str(folder), "cpu", "float32")(LAYOUTS[0])))


def test_a_bundled_model_is_found_by_its_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bundled").mkdir()
    (tmp_path / "bundled" / DEFAULT_MODEL).symlink_to(folder)
    (tmp_path / DEFAULT_MODEL).mkdir()
    monkeypatch.setattr("semsynth.checkpoint.finding.BUNDLED", tmp_path / "bundled")
    monkeypatch.chdir(tmp_path)
    assert load(device="cpu").card.name == "tiny"
    with pytest.raises(SemsynthError, match="neither a model folder"):
        load(f"./{DEFAULT_MODEL}")
    with pytest.raises(SemsynthError, match=f"a bundled one \\({DEFAULT_MODEL}\\)"):
        load("nowhere")


def test_models_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SemsynthError, match=r"no model 'nowhere'.*Hugging Face id"):
        load("nowhere")
    with pytest.raises(SemsynthError, match="neither a model folder"):
        load(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(SemsynthError, match="there is no model"):
        load(tmp_path / "file")


def test_a_hub_model_without_a_network(tmp_path: Path) -> None:
    """In a process of its own: the library reads its settings once."""
    code = (
        "import semsynth\n"
        "from semsynth.errors import SemsynthError\n"
        "try:\n    semsynth.load('nobody/nothing')\n"
        "except SemsynthError as error:\n    print(error)\n"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert "no folder 'nobody/nothing' here" in result.stdout
    assert result.stdout.count("\n") == 1


def test_a_hub_model_that_was_downloaded_before(folder: Path, tmp_path: Path) -> None:
    """The hub's cache, laid out by hand, answers without a network."""
    repository = tmp_path / "hub" / "models--nobody--facades"
    snapshot = repository / "snapshots" / "0123456789012345678901234567890123456789"
    snapshot.parent.mkdir(parents=True)
    snapshot.symlink_to(folder)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(snapshot.name)
    code = "import semsynth\nprint(semsynth.load('nobody/facades', 'cpu').card.name)"
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert result.stdout == "tiny\n"


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, semsynth\nassert 'torch' not in sys.modules\nsemsynth.load, semsynth.Layout, semsynth.ClassSet"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="nonsense"):
        semsynth.nonsense  # noqa: B018

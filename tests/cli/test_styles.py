"""``semsynth styles`` and styles on the command line of ``semsynth synthesize``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import save_tiny_model, save_tiny_pix2pixhd
from typer.testing import CliRunner

from semsynth.classes import ClassInfo, ClassSet
from semsynth.cli.main import app
from semsynth.data.toy import TOY_CLASSES, write_toy
from semsynth.styles.bank import STYLES


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "toy"
    write_toy(folder, 4, size=32)
    return folder


@pytest.fixture
def model(data: Path, tmp_path: Path) -> Path:
    return save_tiny_pix2pixhd(tmp_path / "model", classes=ClassSet.open(data / "classes.json"), bank=False)


def run(*arguments: object) -> object:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def test_fit_choose_and_synthesize(data: Path, model: Path, tmp_path: Path):
    fitted = run("styles", "fit", model, "--data", data, "--modes", 2, "--device", "cpu")
    assert fitted.exit_code == 0, fitted.output
    assert (model / STYLES).is_file()
    assert "photographs, at most 2 modes per class" in fitted.output

    label_map = sorted((data / "train" / "labels").iterdir())[0]
    instance_map = data / "train" / "instances" / label_map.name
    ids, counts = np.unique(pixels(instance_map), return_counts=True)
    largest = int(ids[counts.argmax()])
    sheet = tmp_path / "new" / "choices.png"
    chosen = run(
        "styles",
        "choices",
        label_map,
        "--instances",
        instance_map,
        "--object",
        largest,
        "--model",
        model,
        "--out",
        sheet,
    )
    assert chosen.exit_code == 0, chosen.output
    assert pixels(sheet).shape[0] > 512, "photos and the object"

    photos = []
    for number, styles in enumerate(({str(largest): [1, 1, 1]}, {str(largest): [-1, -1, -1]}, {str(largest): 0})):
        (tmp_path / "styles.json").write_text(json.dumps(styles))
        out = tmp_path / f"out{number}"
        made = run(
            "synthesize", label_map, "--instances", instance_map.parent, "--model", model, "--out", out,
            "--object-styles", tmp_path / "styles.json", "--precision", "float32",
        )  # fmt: skip
        assert made.exit_code == 0, made.output
        photos.append(pixels(out / label_map.name))
    assert np.abs(photos[0] - photos[1]).max() > 0


def test_an_object_that_a_map_lacks_is_found_before_anything_is_written(data: Path, model: Path, tmp_path: Path):
    (tmp_path / "styles.json").write_text('{"31999": [0, 0, 0]}')
    result = run(
        "synthesize", data / "train" / "labels", "--instances", data / "train" / "instances", "--model", model,
        "--out", tmp_path / "out", "--object-styles", tmp_path / "styles.json",
    )  # fmt: skip
    assert result.exit_code == 2
    assert "no object with the id 31999" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "holds no styles"),
        ('{"26001": true}', '"26001": True is not a style of an object'),
        ('{"car": 1}', '"car": 1 is not a style of an object'),
        ("[1]", "holds no styles"),
        ("{", "styles.json"),
    ],
)
def test_unusable_styles_files(data: Path, model: Path, tmp_path: Path, text: str, message: str):
    (tmp_path / "styles.json").write_text(text)
    result = run(
        "synthesize", data / "train" / "labels", "--instances", data / "train" / "instances", "--model", model,
        "--out", tmp_path / "out", "--object-styles", tmp_path / "styles.json",
    )  # fmt: skip
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_wrong_use_is_one_line(data: Path, tmp_path: Path):
    model = save_tiny_model(tmp_path / "model", styles=False, classes=ClassSet.open(data / "classes.json"))
    result = run("styles", "fit", model, "--data", data)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "has no style encoder" in result.output


def test_data_without_instance_maps_and_absent_classes_are_noted(data: Path, tmp_path: Path):
    shutil.copytree(data, tmp_path / "plain")
    shutil.rmtree(tmp_path / "plain" / "train" / "instances")
    unicorn = ClassInfo(id=99, name="unicorn", color=(1, 2, 3))
    classes = TOY_CLASSES.model_copy(update={"classes": (*TOY_CLASSES.classes, unicorn)})
    classes.save(tmp_path / "plain" / "classes.json")
    model = save_tiny_pix2pixhd(tmp_path / "model", classes=classes, bank=False)
    result = run("styles", "fit", model, "--data", tmp_path / "plain", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert "has no instance maps, so every class counts as one object" in result.stderr
    assert "in no photo, so without modes (their features are zero): unicorn" in result.stderr


def test_fitted_styles_of_photos_are_named(data: Path, tmp_path: Path):
    model = save_tiny_model(tmp_path / "model", classes=ClassSet.open(data / "classes.json"))
    fitted = run("styles", "fit", model, "--data", data, "--device", "cpu")
    assert fitted.exit_code == 0, fitted.output
    assert "seeds draw the styles of 3 photographs of toy, train split" in fitted.output

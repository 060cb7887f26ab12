"""``semsynth synthesize --count`` with a model that makes collections."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from semsynth.checkpoint import Card, GeneratorModel, save_model
from semsynth.classes import builtin
from semsynth.cli.main import app
from semsynth.data.facades import draw_facade
from semsynth.errors import SemsynthError
from semsynth.images import decode_image
from semsynth.layout import LayoutEncoding
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.synthesizer import load

COUNT = 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    classes, folder = builtin("cmp_facades"), tmp_path_factory.mktemp("crn") / "model"
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="after")
    config = GeneratorModel(
        generator=CRNGeneratorConfig(encoding=encoding, refinements=3, width_scale=0.004, count=COUNT)
    )
    save_model(folder, config, classes, config.build(), Card(name="collections"))
    return folder


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    folder = tmp_path / "maps"
    for number in range(2):
        draw_facade(number, 32).save(folder / f"front_{number}.png")
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["synthesize", *map(str, arguments), "--precision", "float32"])


def test_collection_of_every_map_and_its_contact_sheet(model: Path, maps: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(maps, "--model", model, "--out", out, "--count", COUNT, "--contact-sheet")
    assert result.exit_code == 0, result.output
    assert "6 photos in" in result.output
    synthesizer = load(model, precision="float32")
    for number in range(2):
        expected = synthesizer.variations(maps / f"front_{number}.png", COUNT)
        for i, photo in enumerate(expected, 1):
            assert np.array_equal(decode_image(out / f"front_{number}_{i}.png"), np.asarray(photo))
    assert decode_image(out / "contact_sheet.png").shape[1] > (1 + COUNT) * 256
    assert {path.name for path in out.iterdir()} == {
        "contact_sheet.png", *(f"front_{number}_{i}.png" for number in range(2) for i in (1, 2, 3)),
    }  # fmt: skip


def test_without_count_the_first_of_the_collection(model: Path, maps: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(maps, "--model", model, "--out", out).exit_code == 0
    first = load(model, precision="float32").variations(maps / "front_1.png", COUNT)[0]
    assert np.array_equal(decode_image(out / "front_1.png"), np.asarray(first))
    assert not (out / "front_1_2.png").exists()


@pytest.mark.parametrize("count", [1, 2, 4])
def test_another_count_is_refused_before_anything_is_written(
    model: Path, maps: Path, tmp_path: Path, count: int
) -> None:
    result = run(maps, "--model", model, "--out", tmp_path / "out", "--count", count)
    assert result.exit_code != 0
    said = str(result.exception) if isinstance(result.exception, SemsynthError) else result.stderr
    assert f"makes {COUNT} photos of a layout at once, not {count}" in said
    assert not (tmp_path / "out").exists()


def test_too_small_a_map_and_no_styles(model: Path, maps: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    draw_facade(0, 32).resized((3, 32)).save(small)
    for arguments, said in (((small, "--strict-size"), "nearest: 32x4"), ((maps, "--seed", 1), "leave out")):
        result = run(*arguments, "--model", model, "--out", tmp_path / "out", "--count", COUNT)
        assert result.exit_code != 0
        assert said in (str(result.exception) if isinstance(result.exception, SemsynthError) else result.stderr)
    assert not (tmp_path / "out").exists()

"""``semsynth styles store`` and ``list``, modes in ``--object-styles``, and ``semsynth render --interpolate``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import CLASSES, save_tiny_model, save_tiny_oasis, save_tiny_pix2pixhd
from typer.testing import CliRunner

from semsynth.cli.main import app

UPPER, LOWER = CLASSES.classes[1], CLASSES.classes[2]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    labels = np.full((64, 64), UPPER.id, np.uint8)
    labels[32:] = LOWER.id
    Image.fromarray(labels).save(tmp_path / "map.png")
    return save_tiny_oasis(tmp_path / "model")


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, f"{result.output}{result.exception or ''}"


def photo(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def synthesize(model: Path, out: str, *options: object) -> np.ndarray:
    label_map = model.parent / "map.png"
    code, text = run(
        "synthesize", label_map, "--model", model, "--out", model.parent / out, "--precision", "float32", *options
    )
    assert code == 0, text
    return photo(model.parent / out / "map.png")


def test_a_mode_is_stored_listed_and_applied(model: Path, tmp_path: Path) -> None:
    assert run("styles", "list", model)[0] == 2
    code, text = run("styles", "store", model, "--class", LOWER.name, "--name", "oak", "--seed", 9)
    assert code == 0, text
    assert f"{LOWER.name}: mode 0 'oak' is the noise of seed 9" in text
    assert run("styles", "store", model, "--class", LOWER.id, "--name", "pine", "--seed", 4)[0] == 0
    code, text = run("styles", "list", model)
    assert code == 0
    assert text.split() == f"{LOWER.id} {LOWER.name}: 0 oak, 1 pine".split()

    by_seed = synthesize(model, "seed", "--seed", 3, "--region-seed", f"{LOWER.name}=9")
    for number, styles in enumerate(({LOWER.name: "oak"}, {str(LOWER.id): 0})):
        (tmp_path / "styles.json").write_text(json.dumps(styles))
        made = synthesize(model, f"mode{number}", "--seed", 3, "--object-styles", tmp_path / "styles.json")
        assert np.array_equal(made, by_seed)
    old = ("--seed", 3, "--precision", "float32", "--styles", tmp_path / "styles.json")
    code, text = run("synthesize", tmp_path / "map.png", "--model", model, "--out", tmp_path / "old", *old)
    assert (code, "--styles is now called --object-styles" in text) == (0, True)
    assert np.array_equal(photo(tmp_path / "old" / "map.png"), by_seed)

    sheet = tmp_path / "sheet.png"
    code, text = run("styles", "choices", tmp_path / "map.png", "--object", LOWER.id, "--model", model, "--out", sheet)
    assert code == 0, text
    assert "2 modes" in text


def test_what_cannot_be_stored_or_applied(model: Path, tmp_path: Path) -> None:
    store = ("styles", "store", model, "--class", LOWER.name, "--name", "oak", "--seed")
    assert run(*store, 9)[0] == 0
    code, text = run(*store, 10)
    assert code == 2
    assert "has a mode 'oak' already: replace it" in text
    assert run(*store, 10, "--replace")[0] == 0
    (tmp_path / "styles.json").write_text(json.dumps({LOWER.name: "birch"}))
    code, text = run(
        "synthesize", tmp_path / "map.png", "--model", model, "--out", tmp_path / "none", "--object-styles",
        tmp_path / "styles.json",
    )  # fmt: skip
    assert code == 2
    assert "no mode birch" in text
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("kind", ["oasis", "spade"])
def test_render_leads_from_one_seed_to_another(kind: str, model: Path, tmp_path: Path) -> None:
    if kind == "spade":
        model = save_tiny_model(tmp_path / "spade", crop_size=64)
    out = tmp_path / "frames"
    render = ("render", tmp_path / "map.png", "--model", model, "--out", out, "--precision", "float32")
    code, text = run(*render, "--interpolate", 1, 2, "--frames", 4)
    assert code == 0, text
    assert "4 photos" in text
    names = sorted(path.name for path in out.glob("*.png"))
    assert names == [f"map_frame{number:05d}.png" for number in range(4)]
    for seed, name in ((1, names[0]), (2, names[-1])):
        alone = synthesize(model, f"seed{seed}", "--seed", seed).astype(int)
        assert np.abs(photo(out / name) - alone).max() <= 1  # frames go through the network together
    assert not np.array_equal(photo(out / names[1]), photo(out / names[0]))

    (out / names[2]).unlink()
    code, text = run(*render, "--interpolate", 1, 2, "--frames", 4)
    assert code == 0, text
    assert (out / names[2]).is_file()
    assert "0 photos" in run(*render, "--interpolate", 1, 2, "--frames", 4)[1]
    code, text = run(*render, "--interpolate", 1, 3, "--frames", 4)
    assert code == 2
    assert "made with other settings" in text


def test_interpolation_needs_its_options_together(model: Path, tmp_path: Path) -> None:
    render = ("render", tmp_path / "map.png", "--model", model, "--out", tmp_path / "out")
    for options in (("--interpolate", 1, 2), ("--frames", 3)):
        code, text = run(*render, *options)
        assert code == 2
        assert "belong together" in text
    code, text = run(*render, "--interpolate", 1, 2, "--frames", 3, "--seed", 1)
    assert code == 2
    assert "leave out --style and --seed" in text
    other = save_tiny_pix2pixhd(tmp_path / "hd")
    instances = tmp_path / "inst"
    instances.mkdir()
    (instances / "map.png").write_bytes((tmp_path / "map.png").read_bytes())
    code, text = run(
        "render", tmp_path / "map.png", "--model", other, "--out", tmp_path / "out", "--instances", instances,
        "--interpolate", 1, 2, "--frames", 3,
    )  # fmt: skip
    assert code == 2
    assert "styles of objects have no styles between them" in text
    assert not (tmp_path / "out").exists()

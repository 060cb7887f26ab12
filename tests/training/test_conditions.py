"""pix2pixHD with pictures as conditions, from photographs to a model that is used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from semsynth.checkpoint import Pix2PixHDModel, load_model
from semsynth.classes import NO_CLASSES
from semsynth.cli.main import app
from semsynth.convert.converting import convert_checkpoint
from semsynth.convert.pix2pixhd import official_names
from semsynth.convert.pix2pixhd_options import generator_config, parse_options
from semsynth.data.toy import draw_scene, write_toy
from semsynth.errors import SemsynthError
from semsynth.images import decode_image, save_png, to_tensor, to_uint8
from semsynth.layout import ConditionPicture
from semsynth.models.pix2pixhd import Pix2PixHDGenerator
from semsynth.recipes.pix2pixhd import Pix2PixHDConfig
from semsynth.recipes.pix2pixhd_presets import PRESETS
from semsynth.synthesizer import Synthesizer, load

TINY = (
    "generator.width=4",
    "generator.downsamplings=2",
    "generator.blocks=1",
    "discriminator.width=4",
    "discriminator.scales=2",
    'data={"mode": "resize_and_crop", "load_size": 40, "crop_size": 32}',
    "loss.perceptual=0",
    "training.batch_size=2",
    "training.workers=0",
    "training.save_every=2",
    "training.sample_every=2",
    "training.ema=0.9",
)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert "Traceback" not in result.output
    return result


def train(*arguments: object, settings: Sequence[str] = TINY) -> Result:
    sets = [part for setting in settings for part in ("--set", setting)]
    return run("train", "pix2pixhd", "--device", "cpu", *arguments, *sets)


def assert_refused(result: Result, *parts: object) -> None:
    """Exit code 2 and one line."""
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert str(part) in result.stderr


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``photos``, ``edges`` made of them, ``toy`` with label maps, and ``run``: two steps."""
    root = tmp_path_factory.mktemp("conditions")
    for seed in range(8):
        scene = draw_scene(seed, 40)
        assert scene.image is not None
        save_png(root / "photos" / f"{seed}.png", scene.image)
    assert run("data", "import", "edges", root / "photos", root / "edges", "--val-share", 0.3).exit_code == 0
    write_toy(root / "toy", 5, size=32)
    result = train("--data", root / "edges", "--out", root / "run", "--preset", "edges", "--steps", 2)
    assert result.exit_code == 0, result.output
    return root


@pytest.fixture(scope="module")
def synthesizer(work: Path) -> Synthesizer:
    return load(work / "run", "cpu", "float32")


def test_training_resumes_to_the_same_bits(work: Path, tmp_path: Path) -> None:
    both = "--data", work / "edges", "--preset", "edges"
    assert train(*both, "--out", tmp_path / "whole", "--steps", 4).exit_code == 0
    assert train(*both, "--out", tmp_path / "parts", "--steps", 2).exit_code == 0
    assert train("--resume", tmp_path / "parts", "--steps", 4, settings=()).exit_code == 0
    models = [tmp_path / name / "model/generator.safetensors" for name in ("whole", "parts")]
    assert models[0].read_bytes() == models[1].read_bytes()
    assert models[0].read_bytes() != (work / "run/model/generator.safetensors").read_bytes()


def test_in_double_precision(work: Path, tmp_path: Path) -> None:
    new = "--data", work / "edges", "--preset", "edges", "--out", tmp_path / "run", "--steps", 1
    assert train(*new, "--precision", "64-true").exit_code == 0


def test_previews_show_condition_photo_and_pictures(work: Path) -> None:
    grid = decode_image(work / "run/samples/step_00000002.png")
    names = sorted(path.stem for path in (work / "edges/val/images").iterdir())
    assert grid.shape == (36 * len(names), 4 * 36, 3)  # the network's picture and its average's
    for row, name in enumerate(names):
        for column, kind in enumerate(("conditions", "images")):
            shown = grid[36 * row :, 36 * column :][:32, :32]
            whole = Image.fromarray(decode_image(work / "edges/val" / kind / f"{name}.png"))
            assert np.array_equal(shown, np.asarray(whole.resize((32, 32), Image.Resampling.BICUBIC)))


def test_the_model_folder_tells(work: Path) -> None:
    model = load_model(work / "run/model")
    assert isinstance(model.config, Pix2PixHDModel)
    assert (model.config.generator.image_channels, model.config.encoder) == (3, None)
    assert model.classes == NO_CLASSES
    assert json.loads((work / "run/recipe.json").read_text())["preset"] == "edges"


def test_synthesize(work: Path, tmp_path: Path, synthesizer: Synthesizer) -> None:
    edges = sorted((work / "edges/val/conditions").iterdir())
    result = run(
        "synthesize", edges[0].parent, "--model", work / "run", "--out", tmp_path / "out", "--contact-sheet",
        "--device", "cpu", "--precision", "float32",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    pixels = decode_image(edges[0])
    with torch.no_grad():
        generator = load_model(work / "run/model").networks["generator"]
        expected = to_uint8(generator(to_tensor(pixels)[None]))[0]
    written = decode_image(tmp_path / "out" / edges[0].name)
    assert np.abs(written.astype(int) - expected).max() <= 1
    for source in (edges[0], Image.fromarray(pixels), pixels, pixels[..., 0], ConditionPicture(pixels)):
        assert np.array_equal(np.asarray(synthesizer(source)), written)
    assert not np.array_equal(np.asarray(synthesizer(255 - pixels)), written)
    sheet = decode_image(tmp_path / "out/contact_sheet.png")
    assert np.array_equal(sheet[12 + 108 :, 12 + 108 :][:40, :40], pixels)  # in the middle of a cell of 256


def test_pictures_of_several_sizes(synthesizer: Synthesizer) -> None:
    sizes = [(17, 30), (32, 32), (17, 30)]
    pictures = [np.full((*size, 3), 50 * i, np.uint8) for i, size in enumerate(sizes)]
    together = synthesizer.synthesize_batch(pictures)
    assert [photo.size[::-1] for photo in together] == sizes
    for picture, photo in zip(pictures, together, strict=True):
        assert np.abs(np.asarray(synthesizer(picture)).astype(int) - np.asarray(photo)).max() <= 1
    assert synthesizer(pictures[0], size=(24, 20)).size == (20, 24)


def test_label_maps_for_a_model_of_pictures(work: Path, tmp_path: Path, synthesizer: Synthesizer) -> None:
    labels = work / "toy/val/labels"
    result = run("synthesize", labels, "--model", work / "run", "--out", tmp_path / "out")
    assert_refused(result, labels, "the conditions are label maps, but this model reads pictures")
    assert not (tmp_path / "out").exists()
    with pytest.raises(SemsynthError, match="makes photos of pictures such as edge maps"):
        synthesizer(draw_scene(0, 32).layout)


def test_pictures_for_a_model_of_label_maps(work: Path, tmp_path: Path) -> None:
    conditions = work / "edges/val/conditions"
    assert_refused(
        run("synthesize", conditions, "--out", tmp_path / "out"),
        conditions,
        "the conditions are pictures, but this model reads label maps",
    )
    assert not (tmp_path / "out").exists()
    with pytest.raises(SemsynthError, match="the given picture: the conditions are pictures"):
        load("facades", "cpu")(ConditionPicture(np.zeros((32, 32, 3), np.uint8)))


def test_data_that_does_not_fit_the_recipe(work: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    pictures, labels = ("--data", work / "edges", "--out", out), ("--data", work / "toy", "--out", out)
    no_term = ("loss.perceptual=0",)
    assert_refused(train(*pictures, settings=no_term), "conditions are pictures, the recipe reads label maps", "edges")
    assert_refused(train(*labels, "--preset", "edges", settings=no_term), "the data has label maps of 'toy'")
    assert_refused(
        train(
            *pictures, "--preset", "edges", settings=("generator.image_channels=1", "discriminator.image_channels=1")
        ),
        "set image_channels=3",
    )
    spade = run("train", "spade", *pictures, "--no-perceptual", "--device", "cpu", "--set", "generator.width=1")
    assert_refused(spade, "conditions are pictures, the recipe reads label maps", "pix2pixhd --preset edges")
    assert not out.exists()


def test_dry_run(work: Path) -> None:
    result = train("--data", work / "edges", "--preset", "edges", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    assert '"image_channels": 3' in result.output


def test_edges_preset_is_the_papers_generator() -> None:
    config = PRESETS["edges"](NO_CLASSES, False)
    assert isinstance(config, Pix2PixHDConfig)
    generator, discriminator = config.generator, config.discriminator
    assert (generator.width, generator.downsamplings, generator.blocks, generator.enhancers) == (64, 4, 9, 0)
    assert (discriminator.width, discriminator.layers, discriminator.scales) == (64, 4, 3)
    assert (config.data.mode, config.data.load_size, config.encoder) == ("scale_width", 1024, None)
    # G1 of table "c7s1-64, d128, ..." with 3 input channels: first and last layer, halvings, blocks, doublings
    widths = [64 * 2**i for i in range(5)]
    halvings = sum(9 * a * b + b for a, b in pairwise(widths))
    doublings = sum(9 * a * b + a for a, b in pairwise(widths))
    blocks = 9 * 2 * (9 * 1024 * 1024 + 1024)
    ends = 49 * 3 * 64 + 64 + 49 * 64 * 3 + 3
    with torch.device("meta"):
        network = Pix2PixHDGenerator(generator)
    assert sum(parameter.numel() for parameter in network.parameters()) == halvings + doublings + blocks + ends


def test_import_command(work: Path, tmp_path: Path) -> None:
    out = tmp_path / "soft"
    result = run("data", "import", "edges", work / "photos", out, "--method", "sobel", "--sigma", 2, "--high", 0.5)
    assert result.exit_code == 0, result.output
    assert f"{out}: train " in result.output
    stored = {"method": "sobel", "sigma": 2.0, "low": 0.0, "high": 0.5}
    assert json.loads((out / "edges.json").read_text()) == stored
    assert (out / "train/images/0.png").samefile(work / "photos/0.png")
    check = run("data", "check", out)
    assert (check.exit_code, "no problems" in check.output, "40x40" in check.output) == (0, True, True)
    next((out / "train/images").iterdir()).unlink()
    assert run("data", "check", out).exit_code == 1


def test_import_command_refuses(work: Path, tmp_path: Path) -> None:
    photos, out = work / "photos", tmp_path / "out"
    assert_refused(run("data", "import", "edges", photos, out, "--low", 0.9), "low=0.9 must be less than high=0.2")
    assert_refused(run("data", "import", "edges", photos, out, "--void", 3), "belong to 'folder'")
    assert_refused(run("data", "import", "folder", photos, out, "--sigma", 3), "belong to 'edges'")
    assert not out.exists()


def test_converted_official_models_read_pictures(tmp_path: Path) -> None:
    options = {"label_nc": 0, "no_instance": True, "ngf": 2, "n_downsample_global": 1, "n_blocks_global": 1}
    (tmp_path / "opt.json").write_text(json.dumps(options))
    torch.manual_seed(0)
    network = Pix2PixHDGenerator(generator_config(parse_options(options, "the test")))
    names = official_names(network)
    torch.save({names[key]: value for key, value in network.state_dict().items()}, tmp_path / "latest_net_G.pth")
    convert_checkpoint("pix2pixhd", tmp_path / "latest_net_G.pth", tmp_path / "model", options=tmp_path / "opt.json")
    picture = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    with torch.no_grad():
        expected = to_uint8(network(to_tensor(picture)[None]))[0]
    made = np.asarray(load(tmp_path / "model", "cpu", "float32")(picture))
    assert np.abs(made.astype(int) - expected).max() <= 1

"""``make bundle``: one place says how the models that ship are trained."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from backbone_weights import efficientnet_state
from safetensors.torch import save_file

from semsynth.checkpoint import BUNDLED, load_model
from semsynth.classes import builtin
from semsynth.data.facades import draw_facade
from semsynth.data.folder import IMAGES, LABELS
from semsynth.images import save_png
from semsynth.recipes import RECIPES
from semsynth.training.beginning import begin_with

TINY = (
    "generator.width=2",
    "generator.hidden=4",
    "generator.z_dim=4",
    "generator.crop_size=64",
    "discriminator.width=2",
    "encoder.width=2",
    "encoder.z_dim=4",
    "encoder.size=64",
    "data.crop_size=64",
    "data.load_size=72",
    "loss.perceptual=0",
    "training.precision=32-true",
    "training.workers=0",
)


@pytest.fixture(scope="module")
def tool(load_tool: Callable[[str], ModuleType]) -> ModuleType:
    return load_tool("bundle")


@pytest.fixture(scope="module")
def fronts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn fronts; their colours stand for photographs."""
    folder = tmp_path_factory.mktemp("data") / "fronts"
    for seed in range(6):
        layout, split = draw_facade(seed, 80), folder / ("val" if seed % 3 == 0 else "train")
        layout.save(split / LABELS / f"{seed}.png")
        save_png(split / IMAGES / f"{seed}.png", layout.colors())
    builtin("cmp_facades").save(folder / "classes.json")
    return folder


def test_every_model_that_ships_can_be_trained_and_is_small_enough(tool: ModuleType) -> None:
    assert set(tool.MODELS) >= {"facades", "landscapes", "streets"}
    for bundle in tool.MODELS.values():
        for stage in bundle.stages:
            config = bundle.config(stage, builtin(bundle.class_set))
            assert config.data.output_size is not None
            with torch.device("meta"):
                generator = config.generator.build()
            assert 2 * sum(p.numel() for p in generator.parameters()) < tool.LARGEST


def test_settings_come_on_top(tool: ModuleType) -> None:
    bundle = tool.MODELS["streets"]
    config = bundle.config(bundle.stages[0], builtin("labelmefacade"), ("generator.width=4",))
    assert (config.generator.width, config.data.mode) == (4, "scale_shortside_and_crop")


def test_what_a_model_begins_with_has_its_shapes(tool: ModuleType) -> None:
    bundle = tool.MODELS["streets"]
    config = bundle.config(bundle.stages[0], builtin(bundle.class_set), ("loss.perceptual=0",))
    recipe = RECIPES[bundle.system].build(config, builtin(bundle.class_set), None)
    beginning = begin_with(BUNDLED / bundle.init_from, recipe)
    assert (beginning.networks, beginning.by_name) == (("generator", "encoder"), ("door", "window"))


def test_stages_go_on_with_the_shapes_of_those_before(tool: ModuleType) -> None:
    for bundle in tool.MODELS.values():
        shapes = []
        for stage in bundle.stages:
            with torch.device("meta"):
                generator = bundle.config(stage, builtin(bundle.class_set)).generator.build()
            scales = {key: value.shape for key, value in generator.state_dict().items() if "noises." not in key}
            shapes.append({key: shape for key, shape in scales.items() if "running" not in key})
        assert all(one == shapes[0] for one in shapes)


def test_other_steps_are_shared_in_proportion(tool: ModuleType) -> None:
    facades = tool.MODELS["facades"]
    assert facades.with_steps(None) == facades.stages
    assert [stage.steps for stage in facades.with_steps(20)] == [2, 17, 2]
    assert [stage.steps for stage in facades.with_steps(1)] == [1, 1, 1]


def run(repository: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repository / "tools" / "bundle.py", *arguments]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True)


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [("facades", "nowhere", "give the dataset folder"), ("streets", "fronts", "other classes than 'labelmefacade'")],
)
def test_other_data_is_refused(
    model: str, data: str, message: str, request: pytest.FixtureRequest, tool: ModuleType, tmp_path: Path
) -> None:
    folder = request.getfixturevalue("fronts") if data == "fronts" else tmp_path / data
    with pytest.raises(SystemExit, match=message):
        tool.check_data(folder, tool.MODELS[model])


@pytest.mark.slow
def test_training_from_nothing_to_a_model_that_ships(repository: Path, fronts: Path, tmp_path: Path) -> None:
    settings = [part for setting in TINY for part in ("--set", setting)]
    torch.manual_seed(0)
    network = tmp_path / "network.safetensors"
    save_file(efficientnet_state(), network)
    places = ("--data", fronts, "--run", tmp_path / "run", "--out", tmp_path / "shipped", "--device", "cpu")
    places += ("--feature-weights", network)
    first = run(repository, "facades", *places, "--steps", 20, *settings)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("spade/small: 20 steps of 2 photos of 64x64 on CPU")
    shipped = load_model(tmp_path / "shipped")
    assert (shipped.card.name, shipped.card.steps, shipped.card.images_seen) == ("facades", 21, 42)
    assert shipped.card.recipe.startswith("2 steps (4 images): spade, preset small, ")
    assert "; then 17 steps (34 images): " in shipped.card.recipe
    assert "; then 2 steps (4 images): " in shipped.card.recipe
    assert "generator.noise_injection=true" in shipped.card.recipe
    assert "begins with" not in shipped.card.recipe
    assert shipped.card.styles == "4 photographs of fronts, train split"
    assert "CMP Facade Database" in shipped.card.licence
    assert shipped.card.scores["val: standard deviation over 4 seeds, 0..255"] > 0
    assert (tmp_path / "shipped" / "generator.safetensors").stat().st_size < 25_000_000

    again = run(repository, "facades", *places, "--steps", 60, *settings)
    assert again.returncode == 0, again.stderr
    assert "continuing" in again.stderr
    assert load_model(tmp_path / "shipped").card.steps == 24  # 2, 17 and 5: what the last stage began with stays

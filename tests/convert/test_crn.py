from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from typer.testing import CliRunner

from semsynth.checkpoint import GeneratorModel, load_model
from semsynth.classes import builtin
from semsynth.cli.main import app
from semsynth.convert.converting import convert_checkpoint
from semsynth.convert.crn import generator_config, read_variables
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.crn import CascadedRefinementNetwork

WIDTHS = (6, 5, 4)
Arrays = dict[str, NDArray[np.float32]]


def official(channels: int = 20, pictures: int = 1) -> Arrays:
    """Random variables as the official code names them."""
    random = np.random.default_rng(1)
    found: Arrays = {}
    before = 0
    for height, width in zip((4, 8, 16), WIDTHS, strict=True):
        for layer, inputs in ((1, before + channels), (2, width)):
            scope = f"g_{height}_conv{layer}"
            found[f"{scope}/weights"] = random.normal(0, 0.2, (3, 3, inputs, width))
            found[f"{scope}/LayerNorm/gamma"] = random.normal(1, 0.2, width)
            found[f"{scope}/LayerNorm/beta"] = random.normal(0, 0.2, width)
        before = width
    found["g_16_conv100/weights"] = random.normal(0, 0.2, (1, 1, before, 3 * pictures))
    found["g_16_conv100/biases"] = random.normal(0, 0.2, 3 * pictures)
    return {name: value.astype(np.float32) for name, value in found.items()}


def official_pictures(variables: Arrays, one_hot: Tensor, pictures: int) -> Tensor:
    """What the official graph computes of [1,C,16,32]: [pictures,3,16,32] in 0..255."""
    x: Tensor | None = None
    for height in (4, 8, 16):
        labels = F.avg_pool2d(one_hot, 16 // height)
        x = (
            labels
            if x is None
            else torch.cat([F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True), labels], 1)
        )
        for layer in (1, 2):
            kernel, gamma, beta = (
                torch.from_numpy(variables[f"g_{height}_conv{layer}/{name}"])
                for name in ("weights", "LayerNorm/gamma", "LayerNorm/beta")
            )
            x = F.group_norm(F.conv2d(x, kernel.permute(3, 2, 0, 1), padding=1), 1, gamma, beta, 1e-12)
            x = torch.maximum(0.2 * x, x)
    assert x is not None
    kernel, bias = (torch.from_numpy(variables[f"g_16_conv100/{name}"]) for name in ("weights", "biases"))
    x = (F.conv2d(x, kernel.permute(3, 2, 0, 1), bias) + 1) / 2 * 255
    return torch.stack([x[0, k::pictures] for k in range(pictures)])


def save(path: Path, variables: Arrays) -> Path:
    np.savez(path, **variables)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("pictures", [1, 3])
def test_converted_model_makes_the_official_pictures(tmp_path: Path, pictures: int) -> None:
    variables = official(pictures=pictures)
    report = convert_checkpoint("crn", save(tmp_path / "crn.npz", variables), tmp_path / "model")
    assert (report.loaded, report.unused) == (len(variables), ())
    model = load_model(tmp_path / "model")
    assert isinstance(model.config, GeneratorModel)
    assert model.classes == builtin("cityscapes_19")
    assert model.config.encoding == LayoutEncoding(num_classes=19, void="after")
    generator = model.networks["generator"]
    assert isinstance(generator, CascadedRefinementNetwork)
    labels = torch.randint(0, 20, (1, 16, 32))
    layout = LayoutBatch.from_channels(labels, model.config.encoding)
    with torch.no_grad():
        made = (generator(layout) + 1) / 2 * 255
    torch.testing.assert_close(
        made, official_pictures(variables, layout.full.one_hot(), pictures), rtol=1e-4, atol=1e-2
    )


def test_command_and_what_is_left_over(tmp_path: Path) -> None:
    variables = official() | {
        "g_4_conv1/weights/Adam": np.zeros(3, np.float32),
        "beta1_power": np.float32(0.9),
        "global_step": np.int64(7),
    }
    weights = save(tmp_path / "crn.npz", {f"{name}:0": value for name, value in variables.items()})
    result = CliRunner().invoke(app, ["convert", "crn", str(weights), "--out", str(tmp_path / "model")])
    assert result.exit_code == 0, result.output
    assert "20 tensors taken over" in result.output
    assert "2 variables of Adam left out" in result.output
    assert load_model(tmp_path / "model").card.name == "crn"
    again = CliRunner().invoke(app, ["convert", "crn", str(weights), "--out", str(tmp_path / "model")])
    assert isinstance(again.exception, SemsynthError) or again.exit_code == 2


@pytest.mark.parametrize(("channels", "classes", "void"), [(12, "camvid", "after"), (11, "camvid", "none")])
def test_classes_of_other_data(tmp_path: Path, channels: int, classes: str, void: str) -> None:
    given = builtin(classes)
    offset = channels - 11 + given.num_classes
    convert_checkpoint("crn", save(tmp_path / "crn.npz", official(offset)), tmp_path / "model", classes=given)
    assert load_model(tmp_path / "model").config.encoding == LayoutEncoding(num_classes=given.num_classes, void=void)


def test_numbered_where_nobody_knows(tmp_path: Path) -> None:
    convert_checkpoint("crn", save(tmp_path / "crn.npz", official(7)), tmp_path / "model")
    assert load_model(tmp_path / "model").classes.num_classes == 7


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    objects = np.empty(1, dtype=object)
    objects[0] = Evil()
    np.savez(tmp_path / "evil.npz", **{"g_4_conv1/weights": objects})  # type: ignore[arg-type]
    with pytest.raises(SemsynthError, match="nothing in it was run"):
        convert_checkpoint("crn", tmp_path / "evil.npz", tmp_path / "model")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "model").exists()


def test_files_that_are_not_it(tmp_path: Path) -> None:
    broken, single = tmp_path / "broken.npz", tmp_path / "single.npy"
    broken.write_bytes(save(tmp_path / "whole.npz", official()).read_bytes()[:1000])
    np.save(single, np.zeros(3))
    for path in (broken, single, tmp_path / "missing.npz"):
        with pytest.raises(SemsynthError) as failure:
            read_variables(path)
        assert str(path) in str(failure.value)
        assert "\n" not in str(failure.value)


def test_a_checkpoint_of_another_system_names_its_command(tmp_path: Path) -> None:
    torch.save({"head_0.norm_0.mlp_shared.0.weight": torch.ones(1)}, tmp_path / "latest_net_G.pth")
    with pytest.raises(SemsynthError, match="of the official SPADE code, not of CRN's: use 'semsynth convert spade'"):
        convert_checkpoint("crn", tmp_path / "latest_net_G.pth", tmp_path / "model")


@pytest.mark.parametrize("change", ["no output", "a gap", "odd output", "nothing"])
def test_variables_of_something_else(change: str) -> None:
    variables = {name: torch.from_numpy(value) for name, value in official().items()}
    if change == "no output":
        del variables["g_16_conv100/weights"]
    elif change == "a gap":
        variables = {name: value for name, value in variables.items() if not name.startswith("g_8_")}
    elif change == "odd output":
        variables["g_16_conv100/weights"] = torch.zeros(1, 1, 4, 4)
    else:
        variables = {}
    with pytest.raises(SemsynthError, match="no generator of the official CRN code"):
        generator_config(variables, False, "file.npz")


def test_missing_and_other_tensors_in_one_line(tmp_path: Path) -> None:
    variables = official()
    del variables["g_8_conv2/LayerNorm/beta"]
    variables["g_4_conv2/weights"] = variables["g_4_conv2/weights"][:, :1]
    with pytest.raises(SemsynthError, match=r"LayerNorm/beta is missing.*g_4_conv2/weights is") as failure:
        convert_checkpoint("crn", save(tmp_path / "crn.npz", variables), tmp_path / "model")
    assert "\n" not in str(failure.value)
    with pytest.raises(SemsynthError, match="'ade20k' has 150 classes, the generator 19 or 20"):
        convert_checkpoint("crn", save(tmp_path / "crn.npz", official()), tmp_path / "model", classes=builtin("ade20k"))
    assert not (tmp_path / "model").exists()

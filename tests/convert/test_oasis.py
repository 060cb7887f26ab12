"""Official OASIS checkpoints: every tensor finds its place, or the message says which does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

from semsynth.checkpoint import load_model
from semsynth.cli.main import app
from semsynth.convert.converting import convert_checkpoint
from semsynth.convert.oasis import official_names
from semsynth.convert.oasis_options import generator_config, parse_options, recipe_config
from semsynth.errors import SemsynthError
from semsynth.layout import LayoutBatch
from semsynth.models.oasis import OASISGenerator

OPTIONS = {"dataset_mode": "custom", "label_nc": 4, "channels_G": 1, "crop_size": 64, "aspect_ratio": 1.0, "z_dim": 3}


def write_checkpoint(folder: Path, drop: str = "") -> tuple[Path, Path, OASISGenerator]:
    """A generator under its official names, with counters of batches, and its options."""
    torch.manual_seed(1)
    generator = OASISGenerator(generator_config(parse_options(OPTIONS, "test"))).eval()
    values = generator.state_dict()
    state: dict[str, Tensor] = {official: values[name] for name, official in official_names(generator).items()}
    state["body.0.norm_0.first_norm.num_batches_tracked"] = torch.tensor(3)
    state.pop(drop, None)
    torch.save(state, folder / "best_EMA.pth")
    (folder / "opt.json").write_text(json.dumps(OPTIONS))
    return folder / "best_EMA.pth", folder / "opt.json", generator


def test_a_converted_model_makes_the_same_picture(tmp_path: Path) -> None:
    checkpoint, options, generator = write_checkpoint(tmp_path)
    result = CliRunner().invoke(
        app, ["convert", "oasis", str(checkpoint), "--options", str(options), "--out", str(tmp_path / "model")]
    )
    assert result.exit_code == 0, result.output
    assert "1 batch counter left out" in result.output
    loaded = load_model(tmp_path / "model")
    assert loaded.config.encoding.void == "before"
    assert loaded.classes.num_classes == 4
    labels = torch.randint(0, 5, (1, 64, 64))
    layout, z = LayoutBatch.from_channels(labels, loaded.config.encoding), torch.randn(1, 3)
    with torch.no_grad():
        assert torch.equal(loaded.networks["generator"](layout, z), generator(layout, z))


def test_a_missing_tensor_is_named(tmp_path: Path) -> None:
    checkpoint, options, _ = write_checkpoint(tmp_path, drop="conv_img.bias")
    with pytest.raises(SemsynthError, match=r"conv_img\.bias is missing"):
        convert_checkpoint("oasis", checkpoint, tmp_path / "model", options=options)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(("dataset", "channels"), [("ade20k", 151), ("cityscapes", 35), ("coco", 183)])
def test_what_the_official_datasets_set(dataset: str, channels: int) -> None:
    config = recipe_config(parse_options({"dataset_mode": dataset, "batch_size": 2}, "test"))
    assert config.generator.encoding.num_channels == channels
    assert config.generator.output_size == (256, 512 if dataset == "cityscapes" else 256)
    assert (config.loss.label_mix, config.training.ema, config.training.ema_warm_up) == ("official", 0.9999, False)


def test_an_unknown_dataset_needs_its_number_of_classes() -> None:
    with pytest.raises(SemsynthError, match="give label_nc"):
        parse_options({"dataset_mode": "mine"}, "opt.txt")

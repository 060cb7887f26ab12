"""Every line of docs/convert.md for a published model converts a checkpoint of that structure, at small widths."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from semsynth.checkpoint import load_model
from semsynth.cli.main import app
from semsynth.convert import oasis, oasis_options, pix2pixhd, pix2pixhd_options, spade, spade_options
from semsynth.layout import LayoutEncoding
from semsynth.models.oasis import OASISGenerator
from semsynth.models.pix2pixhd import Pix2PixHDGenerator
from semsynth.models.spade import SPADEGenerator

DOCUMENT = Path(__file__).parents[2] / "docs" / "convert.md"
LINES = {
    line.rpartition("/")[2]: line
    for line in re.findall(r"^semsynth (.* --out models/.*)$", DOCUMENT.read_text("utf-8"), re.M)
}
Size = tuple[int, int]


def write(network: nn.Module, names: Callable[[nn.Module], dict[str, str]], path: Path) -> None:
    path.parent.mkdir(parents=True)
    official = names(network)
    torch.save({official[name]: value for name, value in network.state_dict().items()}, path)


def published_spade(folder: str, **options: object) -> None:
    parsed = spade_options.parse_options({"ngf": 1, "nhidden": 2, **options}, "test")
    network = SPADEGenerator(spade_options.generator_config(parsed))
    write(network, spade.official_names, Path("checkpoints") / folder / "latest_net_G.pth")


def published_oasis(dataset: str) -> None:
    parsed = oasis_options.parse_options({"dataset_mode": dataset, "channels_G": 1}, "test")
    network = OASISGenerator(oasis_options.generator_config(parsed))
    write(network, oasis.official_names, Path("checkpoints") / f"oasis_{dataset}" / "models" / "best_EMA.pth")


def published_pix2pixhd() -> None:
    parsed = pix2pixhd_options.parse_options({"netG": "local", "ngf": 1}, "test")
    network = Pix2PixHDGenerator(pix2pixhd_options.generator_config(parsed))
    write(network, pix2pixhd.official_names, Path("checkpoints/label2city_1024p/latest_net_G.pth"))


def published_crn(modules: int, pictures: int, name: str) -> None:
    variables = {}
    for height in (4 << number for number in range(modules)):
        for layer, read in (("conv1", 20 if height == 4 else 22), ("conv2", 2)):
            variables[f"g_{height}_{layer}/weights"] = np.zeros((3, 3, read, 2), np.float32)
            for norm in ("gamma", "beta"):
                variables[f"g_{height}_{layer}/LayerNorm/{norm}"] = np.ones(2, np.float32)
    last = f"g_{4 << (modules - 1)}_conv100"
    variables |= {f"{last}/weights": np.zeros((1, 1, 2, 3 * pictures), np.float32)}
    variables |= {f"{last}/biases": np.zeros(3 * pictures, np.float32)}
    np.savez(name, **variables)  # type: ignore[arg-type]


CITYSCAPES = {"label_nc": 35, "crop_size": 512, "aspect_ratio": 2.0, "num_upsampling_layers": "more"}
PUBLISHED: dict[str, tuple[Callable[[], None], LayoutEncoding, str, Size | None]] = {
    "spade-coco": (
        lambda: published_spade("coco_pretrained", label_nc=182, contain_dontcare_label=True),
        LayoutEncoding(num_classes=182, void="after", edges=True), "coco_stuff", (256, 256),
    ),
    "spade-ade20k": (
        lambda: published_spade("ade20k_pretrained", label_nc=150, contain_dontcare_label=True, no_instance=True),
        LayoutEncoding(num_classes=151), "ade20k_spade", (256, 256),
    ),
    "spade-cityscapes": (
        lambda: published_spade("cityscapes_pretrained", **CITYSCAPES),
        LayoutEncoding(num_classes=35, edges=True), "cityscapes", (256, 512),
    ),
    "pix2pixhd-cityscapes": (
        published_pix2pixhd, LayoutEncoding(num_classes=35, edges=True), "cityscapes", None,
    ),
    "oasis-coco": (
        lambda: published_oasis("coco"), LayoutEncoding(num_classes=182, void="before"), "coco_stuff", (256, 256),
    ),
    "oasis-ade20k": (
        lambda: published_oasis("ade20k"), LayoutEncoding(num_classes=151), "ade20k_spade", (256, 256),
    ),
    "oasis-cityscapes": (
        lambda: published_oasis("cityscapes"), LayoutEncoding(num_classes=35), "cityscapes", (256, 512),
    ),
    "crn-256p": (
        lambda: published_crn(7, 9, "crn_256p.npz"),
        LayoutEncoding(num_classes=19, void="after"), "cityscapes_19", None,
    ),
    "crn-512p": (
        lambda: published_crn(8, 1, "crn_512p.npz"),
        LayoutEncoding(num_classes=19, void="after"), "cityscapes_19", None,
    ),
    "crn-1024p": (
        lambda: published_crn(9, 1, "crn_1024p.npz"),
        LayoutEncoding(num_classes=19, void="after"), "cityscapes_19", None,
    ),
}  # fmt: skip


def test_every_published_model_has_its_line() -> None:
    assert set(LINES) == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_documented_line_converts_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make, encoding, classes, size = PUBLISHED[name]
    make()
    result = CliRunner().invoke(app, shlex.split(LINES[name]))
    assert result.exit_code == 0, result.output
    model = load_model(Path("models") / name)
    assert model.config.encoding == encoding
    assert model.classes.name == classes
    if size is not None:
        assert model.config.generator.output_size == size

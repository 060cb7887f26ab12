"""Model folders with tiny random networks, whose photos depend visibly on layout and style."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from semsynth.checkpoint import Card, OASISModel, Pix2PixHDModel, SPADEModel, save_model
from semsynth.classes import ClassSet, builtin
from semsynth.data.transforms import Pipeline
from semsynth.files import sha256
from semsynth.layout import LayoutBatch, LayoutEncoding
from semsynth.models.instance_encoder import InstanceEncoderConfig
from semsynth.models.oasis import OASISGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.models.style_encoder import StyleEncoderConfig
from semsynth.styles.bank import StyleBank

CLASSES = builtin("cmp_facades")
Z_DIM = 8
_NETWORKS: dict[str, dict[str, nn.Module]] = {}
"""Only ever saved; by their configurations."""


def save_tiny_model(
    folder: Path,
    *,
    styles: bool = True,
    encoder: bool = True,
    edges: bool = False,
    crop_size: int = 32,
    classes: ClassSet = CLASSES,
) -> Path:
    """A model that makes 32x32 photos from noise, or from the layout alone where ``styles`` is off."""
    config = SPADEModel(
        generator=SPADEGeneratorConfig(
            encoding=LayoutEncoding(num_classes=classes.num_classes, void="after", edges=edges),
            width=2,
            crop_size=crop_size,
            hidden=8,
            input="noise" if styles else "layout",
            z_dim=Z_DIM,
        ),
        encoder=StyleEncoderConfig(width=2, z_dim=Z_DIM, size=32) if styles and encoder else None,
    )
    save_model(folder, config, classes, _built(config), Card(name="tiny", licence="<none> & free"))
    return folder


def save_tiny_oasis(folder: Path, *, classes: ClassSet = CLASSES, z_dim: int = Z_DIM) -> Path:
    """A model whose noise shows, everywhere alike."""
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="before")
    config = OASISModel(generator=OASISGeneratorConfig(encoding=encoding, width=2, crop_size=64, hidden=8, z_dim=z_dim))
    save_model(folder, config, classes, _built(config), Card(name="tiny"))
    return folder


def _built(config: SPADEModel | OASISModel) -> dict[str, nn.Module]:
    """The networks of a configuration, made once in a process: their statistics take longer than most tests."""
    key = config.model_dump_json()
    if key not in _NETWORKS:
        generator = torch.Generator().manual_seed(7)
        with torch.random.fork_rng():  # biases are drawn here, whichever tests came before
            torch.manual_seed(7)
            _NETWORKS[key] = networks = config.build()
        for network in networks.values():
            for module in network.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):
                    nn.init.xavier_normal_(module.weight, 1.0, generator=generator)
        _gather_statistics(networks["generator"], config.generator, generator)
    return _NETWORKS[key]


def _gather_statistics(
    network: nn.Module, config: SPADEGeneratorConfig | OASISGeneratorConfig, generator: torch.Generator
) -> None:
    """Forward passes in training mode: without fitting statistics activations explode and photos are black or white."""
    network.train()
    shape = 4, 8, 8
    for _ in range(20):
        coarse = torch.randint(0, config.encoding.num_labels, shape, generator=generator)
        labels = coarse.repeat_interleave(4, 1).repeat_interleave(4, 2)
        layout = LayoutBatch.from_channels(labels, config.encoding, labels if config.encoding.edges else None)
        z = None if config.style is None else torch.randn(4, config.style.channels, generator=generator)
        with torch.no_grad():
            network(layout, z)


def save_tiny_pix2pixhd(
    folder: Path, *, classes: ClassSet = CLASSES, features: int = 3, edges: bool = True, bank: bool = True
) -> Path:
    """A model with a style for each object, its modes well apart."""
    encoding = LayoutEncoding(num_classes=classes.num_classes, void="after", edges=edges)
    config = Pix2PixHDModel(
        generator=Pix2PixHDGeneratorConfig(encoding=encoding, width=4, downsamplings=1, blocks=1, features=features),
        encoder=InstanceEncoderConfig(width=2, downsamplings=1, features=features) if features else None,
        data=Pipeline(mode="fixed", crop_size=32),
    )
    generator = torch.Generator().manual_seed(7)
    networks = config.build()
    for network in networks.values():
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_normal_(module.weight, 1.0, generator=generator)
    save_model(folder, config, classes, networks, Card(name="tiny"))
    if features and bank:
        modes = {item.id: torch.randn(1 + item.id % 4, features, generator=generator) for item in classes.classes}
        StyleBank(modes, features).save(folder, sha256(folder / "encoder.safetensors"))
    return folder

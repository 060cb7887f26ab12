"""Tiny models of every family whose weights matter everywhere, and what an exported graph of them reads."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from semsynth.checkpoint import (
    Card,
    GeneratorModel,
    LoadedModel,
    ModelConfig,
    OASISModel,
    Pix2PixHDModel,
    SPADEModel,
    load_model,
    save_model,
)
from semsynth.classes import NO_CLASSES, VOID, ClassSet, builtin
from semsynth.layout import Condition, ConditionPicture, Layout, LayoutEncoding
from semsynth.models.crn import CRNGeneratorConfig
from semsynth.models.dcgan import DCGANGeneratorConfig
from semsynth.models.encoder_decoder import EncoderDecoderConfig
from semsynth.models.full_resolution import FullResolutionConfig
from semsynth.models.oasis import OASISGeneratorConfig
from semsynth.models.pix2pixhd import Pix2PixHDGeneratorConfig
from semsynth.models.spade import SPADEGeneratorConfig
from semsynth.models.unet import UNetConfig
from semsynth.ops.noise_injection import NoiseInjection
from semsynth.ops.spectral_norm import iterate_singular_vectors
from semsynth.synthesizer import TorchBackend

CLASSES = builtin("cmp_facades")


def encoding(**options: object) -> LayoutEncoding:
    return LayoutEncoding.model_validate({"num_classes": CLASSES.num_classes, **options})


def _spade(**options: object) -> SPADEModel:
    config = {"encoding": encoding(void="after"), "width": 2, "crop_size": 64, "hidden": 4, "z_dim": 5, **options}
    return SPADEModel(generator=SPADEGeneratorConfig.model_validate(config))


def _pix2pixhd(**options: object) -> Pix2PixHDModel:
    config = {"encoding": encoding(void="none"), "width": 4, "downsamplings": 2, "blocks": 1, **options}
    return Pix2PixHDModel(generator=Pix2PixHDGeneratorConfig.model_validate(config))


def _oasis(**options: object) -> OASISModel:
    config = {"encoding": encoding(void="before"), "width": 2, "crop_size": 64, "hidden": 4, "z_dim": 3, **options}
    return OASISModel(generator=OASISGeneratorConfig.model_validate(config))


MODELS: dict[str, Callable[[], ModelConfig]] = {
    "spade": _spade,
    "spade from noise, with edges": lambda: _spade(
        input="noise", noise_injection=True, encoding=encoding(void="after", edges=True)
    ),
    "spade, instance norm": lambda: _spade(norm="instance"),
    "spade, concatenation": lambda: _spade(layout_at_every_layer="concat"),
    "spade, noise injection": lambda: _spade(noise_injection=True),
    "spade, seven doublings": lambda: _spade(upsamplings=7, crop_size=128, kernel_size=1),
    "pix2pixhd": _pix2pixhd,
    "pix2pixhd, two scales, instances and features": lambda: _pix2pixhd(
        encoding=encoding(void="after", edges=True), features=3, enhancers=1, width=8, enhancer_blocks=1
    ),
    "pix2pixhd of pictures": lambda: _pix2pixhd(encoding=LayoutEncoding(num_classes=1), image_channels=3),
    "pix2pixhd++, SPADE at every layer": lambda: _pix2pixhd(
        norm="sync_batch", spectral=True, layout_at_every_layer="spade", hidden=4
    ),
    "pix2pixhd, concatenation, batch norm": lambda: _pix2pixhd(norm="batch", layout_at_every_layer="concat"),
    "crn": lambda: GeneratorModel(
        generator=CRNGeneratorConfig(encoding=encoding(), refinements=4, widths=(6, 6, 5, 4))
    ),
    "crn, collection": lambda: GeneratorModel(
        generator=CRNGeneratorConfig(encoding=encoding(void="after"), refinements=3, widths=(6, 5, 4), count=3)
    ),
    "crn of many channels": lambda: GeneratorModel(
        generator=CRNGeneratorConfig(encoding=encoding(), refinements=3, widths=(130, 128, 4))
    ),
    "oasis": _oasis,
    "oasis, larger": lambda: _oasis(crop_size=128),
    "oasis without noise": lambda: _oasis(z_dim=0, norm="instance"),
    "unet": lambda: GeneratorModel(generator=UNetConfig(encoding=encoding(), width=2, halvings=3)),
    "unet, batch norm": lambda: GeneratorModel(
        generator=UNetConfig(encoding=encoding(), width=2, halvings=3, norm="batch")
    ),
    "encoder-decoder": lambda: GeneratorModel(generator=EncoderDecoderConfig(encoding=encoding(), width=2, halvings=2)),
    "full resolution": lambda: GeneratorModel(
        generator=FullResolutionConfig(encoding=encoding(), width=3, layers=3, largest_dilation=4)
    ),
    "dcgan": lambda: GeneratorModel(generator=DCGANGeneratorConfig(encoding=encoding(), width=2, halvings=2)),
}
"""A model of each generator, and of each way that they read a condition."""


def save(folder: Path, config: ModelConfig, classes: ClassSet = CLASSES) -> LoadedModel:
    """A model folder of ``config``, with weights that no norm hides and running statistics that are not 0 and 1."""
    torch.manual_seed(5)
    networks = config.build()
    for module in networks["generator"].modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.2)
        elif isinstance(module, NoiseInjection):
            nn.init.normal_(module.scale)
        for name, buffer in module.named_buffers(recurse=False):
            if name == "running_mean":
                buffer.normal_(std=0.3)
            elif name == "running_var":
                buffer.uniform_(0.5, 2)
    iterate_singular_vectors(networks["generator"].train(), 20)
    classes = NO_CLASSES if config.encoding.num_classes == 1 else classes
    _tame(networks["generator"], config, classes)
    save_model(folder, config, classes, networks, Card(name="tiny", licence="Apache-2.0", data="drawn"))
    return load_model(folder)


def _tame(generator: nn.Module, config: ModelConfig, classes: ClassSet) -> None:
    """Scale the last layer until pictures are no longer black and white only, where every difference hides."""
    given = given_to(config, config.trained_size or (64, 64), 0, classes)
    model = LoadedModel(config, classes, {"generator": generator.eval()}, Card(), Path())
    for _ in range(20):
        if photos(model, given).std() < 0.5:
            return
        with torch.no_grad():
            generator.to_rgb.weight.mul_(0.5)  # type: ignore[union-attr,operator]
    raise AssertionError("the last layer does not matter")


@dataclass(frozen=True)
class Given:
    """A condition, and a style where the generator reads one."""

    condition: Condition
    style: Tensor | None


def given_to(config: ModelConfig, size: tuple[int, int], seed: int = 0, classes: ClassSet = CLASSES) -> Given:
    """A layout of blocks with some void, with instances, and random styles; a picture where that is read."""
    rng = np.random.default_rng(seed)
    height, width = size
    if config.generator.picture_channels:
        return Given(ConditionPicture(rng.integers(0, 256, (height, width, 3), np.uint8)), None)
    style, read = None, config.generator.style
    if read is not None and read.kind == "vector":
        style = torch.from_numpy(rng.standard_normal(read.channels, np.float32))
    elif read is not None and read.kind == "noise":
        vectors = rng.standard_normal((3, read.channels), np.float32)
        columns = vectors[np.arange(width) * 3 // width].T  # [Z,W]: three regions side by side
        style = torch.from_numpy(np.repeat(columns[:, None], height, 1))
    elif read is not None:
        style = torch.from_numpy(rng.uniform(-1, 1, (read.channels, height, width)).astype(np.float32))
    coarse = rng.integers(0, classes.num_classes + 1, (-(-height // 8), -(-width // 8)))
    ids = np.append(classes.ids, np.uint16(VOID))[coarse].repeat(8, 0).repeat(8, 1)[:height, :width]
    blocks = rng.integers(0, 9, (-(-height // 6), -(-width // 6))).repeat(6, 0).repeat(6, 1)[:height, :width]
    return Given(Layout(ids, classes, blocks.astype(np.int32)), style)


def photos(model: LoadedModel, given: Given) -> Tensor:
    """[k,3,H,W]: what the networks make through layout tables, in float32."""
    copied = LoadedModel(model.config, model.classes, copy.deepcopy(model.networks), model.card, model.folder)
    backend = TorchBackend(copied, torch.device("cpu"), torch.float32)
    return backend.photograph([given.condition], None if given.style is None else given.style[None])

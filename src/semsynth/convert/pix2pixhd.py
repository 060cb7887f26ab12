"""Official pix2pixHD checkpoints as our model folders: a renaming of tensors, and the clusters of styles."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from semsynth.checkpoint import Card, Pix2PixHDModel, save_model
from semsynth.classes import NO_CLASSES, ClassSet, builtin
from semsynth.convert.official import ConversionReport, load_official_checkpoint, load_renamed, numbered_classes
from semsynth.convert.pix2pixhd_clusters import read_clusters
from semsynth.convert.pix2pixhd_options import (
    OfficialOptions,
    encoder_config,
    generator_config,
    layout_encoding,
    pipeline,
    read_options,
)
from semsynth.errors import SemsynthError
from semsynth.files import sha256
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.models.patch import MultiScaleDiscriminator
from semsynth.models.pix2pixhd import Pix2PixHDGenerator
from semsynth.styles.bank import StyleBank


def official_names(network: nn.Module, *, features: bool = True) -> dict[str, str]:
    """Our name -> official name of every tensor in the state of a network.

    Args:
        network: a generator, an instance encoder or a discriminator.
        features: for discriminators, whether the official one returns its intermediate features, which changes names.
    """
    if isinstance(network, Pix2PixHDGenerator):
        modules = _generator_modules(network)
    elif isinstance(network, InstanceEncoder):
        modules = _encoder_modules(network)
    elif isinstance(network, MultiScaleDiscriminator):
        modules = _discriminator_modules(network, features)
    else:
        raise TypeError(f"{type(network).__name__} is no network of the official pix2pixHD code")
    parts = (name.rpartition(".") for name in network.state_dict())
    return {f"{module}.{last}": f"{modules[module]}.{last}" for module, _, last in parts}


def load_official_state(
    network: nn.Module, state: Mapping[str, Tensor], source: str, *, features: bool = True
) -> ConversionReport:
    """Load an official state dict of any of pix2pixHD's networks.

    Raises:
        SemsynthError: names that are missing or shapes that differ, all in one line.
    """
    return load_renamed(network, official_names(network, features=features), state, source)


def convert_pix2pixhd(
    checkpoint: Path,
    options: Path,
    out: Path,
    classes: ClassSet | None = None,
    encoder: Path | None = None,
    clusters: Path | None = None,
) -> ConversionReport:
    """Write a model folder from an official checkpoint.

    Args:
        checkpoint: the generator, ``*_net_G.pth``.
        options: ``opt.txt`` of its training, or the same options as JSON.
        out: the model folder to write.
        classes: what the channels mean; None takes Cityscapes' for 35 channels, or numbers them.
        encoder: the feature encoder of a model with features; None takes the ``*_net_E.pth`` beside the generator.
        clusters: the official ``features_clustered_010.npy``; becomes the style bank.

    Raises:
        SemsynthError: unreadable files, or a checkpoint that its options do not describe.
    """
    parsed = read_options(options)
    _check_usable(parsed, options, encoder is not None or clusters is not None)
    meaning = classes or _classes(parsed)
    notes: list[str] = []
    networks: dict[str, nn.Module] = {"generator": Pix2PixHDGenerator(generator_config(parsed))}
    files = {"generator": checkpoint}
    if parsed.has_features and (path := encoder or _encoder_beside(checkpoint, notes)):
        networks["encoder"], files["encoder"] = InstanceEncoder(encoder_config(parsed)), path
    reports = [load_official_state(networks[key], load_official_checkpoint(p), str(p)) for key, p in files.items()]
    bank = None if clusters is None else _bank(read_clusters(clusters), parsed.feat_num, meaning, clusters, notes)
    if parsed.has_features and bank is None:
        notes.append("no clusters were given: fit styles with 'semsynth styles fit', or give --clusters")
    config = Pix2PixHDModel(
        generator=generator_config(parsed),
        encoder=encoder_config(parsed) if "encoder" in networks else None,
        objects="labels" if parsed.label_feat else "instances",
        data=pipeline(parsed),
    )
    save_model(out, config, meaning, networks, Card(name=checkpoint.stem, recipe="official code"))
    if bank is not None:
        owner = "encoder" if "encoder" in networks else "generator"
        bank.save(out, sha256(out / f"{owner}.safetensors"))
    unused = tuple(name for report in reports for name in report.unused)
    loaded, counters = sum(report.loaded for report in reports), sum(report.counters for report in reports)
    return ConversionReport(loaded, unused, counters, tuple(notes))


def _check_usable(parsed: OfficialOptions, options: Path, with_styles: bool) -> None:
    if with_styles and not parsed.has_features:
        raise SemsynthError(f"{options} describes a generator without features: leave out encoder and clusters")
    if not parsed.label_nc and (parsed.has_features or not parsed.no_instance or parsed.input_nc != 3):
        raise SemsynthError(
            f"{options}: of models of pictures (label_nc 0) only those of RGB pictures alone can be used: with "
            "no_instance, input_nc 3, and neither instance_feat nor label_feat"
        )


def _encoder_beside(checkpoint: Path, notes: list[str]) -> Path | None:
    """``*_net_E.pth`` for ``*_net_G.pth``; None, with a note, if there is none."""
    beside = checkpoint.with_name(checkpoint.name.replace("net_G", "net_E"))
    if beside != checkpoint and beside.exists():
        return beside
    notes.append(f"no feature encoder ({beside.name}) was given: the model cannot read styles from photos")
    return None


def _classes(options: OfficialOptions) -> ClassSet:
    if not options.label_nc:
        return NO_CLASSES
    count = layout_encoding(options).num_classes
    cityscapes = builtin("cityscapes")
    return cityscapes if count == cityscapes.num_classes else numbered_classes("official", count)


def _bank(
    clusters: Mapping[int, NDArray[np.float64]], features: int, classes: ClassSet, source: Path, notes: list[str]
) -> StyleBank:
    """The style bank; officially a class's number is its channel. A note tells of numbers that are none."""
    ids = classes.ids.tolist()
    if unknown := [number for number in clusters if not 0 <= number < len(ids)]:
        notes.append(f"{source} has styles of what is no class of the model, left out: {', '.join(map(str, unknown))}")
    known = {ids[i]: torch.from_numpy(centres) for i, centres in clusters.items() if i not in unknown and len(centres)}
    try:
        return StyleBank(known, features, f"converted from {source.name}")
    except SemsynthError as error:
        raise SemsynthError(f"{source} does not fit the options: {error}") from error


def _generator_modules(generator: Pix2PixHDGenerator) -> dict[str, str]:
    """Our module -> official one; officially every part is one sequence, paddings and activations counted."""
    config = generator.config
    modules = _stem("coarse.", "model")
    for i in range(config.downsamplings):
        modules |= {f"coarse.front.{i}.conv": f"model.{4 + 3 * i}", f"coarse.front.{i}.norm": f"model.{5 + 3 * i}"}
    block = 4 + 3 * config.downsamplings
    modules |= _blocks("coarse.blocks", "model", block, config.blocks)
    up = block + config.blocks
    for i in range(config.downsamplings):
        modules |= {f"coarse.back.{i}.conv": f"model.{up + 3 * i}", f"coarse.back.{i}.norm": f"model.{up + 1 + 3 * i}"}
    modules["to_rgb"] = f"model.{up + 3 * config.downsamplings + 1}"
    for i in range(config.enhancers):
        ours, first, second = f"enhancers.{i}.", f"model{i + 1}_1", f"model{i + 1}_2"
        modules |= _stem(ours, first)
        modules |= {f"{ours}front.conv": f"{first}.4", f"{ours}front.norm": f"{first}.5"}
        modules |= _blocks(f"{ours}blocks", second, 0, config.enhancer_blocks)
        end = config.enhancer_blocks
        modules |= {f"{ours}back.conv": f"{second}.{end}", f"{ours}back.norm": f"{second}.{end + 1}"}
        modules["to_rgb"] = f"{second}.{end + 4}"
    return modules


def _stem(ours: str, official: str) -> dict[str, str]:
    return {f"{ours}first": f"{official}.1", f"{ours}first_norm": f"{official}.2"}


def _blocks(ours: str, official: str, start: int, count: int) -> dict[str, str]:
    """Residual blocks: padding, convolution, norm, activation, padding, convolution, norm."""
    places = {"conv_0": 1, "norm_0": 2, "conv_1": 5, "norm_1": 6}
    return {
        f"{ours}.{i}.{name}": f"{official}.{start + i}.conv_block.{place}"
        for i in range(count)
        for name, place in places.items()
    }


def _encoder_modules(encoder: InstanceEncoder) -> dict[str, str]:
    count = encoder.config.downsamplings
    convs = [*(f"down.{i}" for i in range(count)), *(f"up.{i}" for i in range(count))]
    modules = {"first": "model.1", "norms.0": "model.2", "last": f"model.{4 + 6 * count + 1}"}
    for i, conv in enumerate(convs):
        modules |= {conv: f"model.{4 + 3 * i}", f"norms.{i + 1}": f"model.{5 + 3 * i}"}
    return modules


def _discriminator_modules(discriminator: MultiScaleDiscriminator, features: bool) -> dict[str, str]:
    """The official scales are numbered from the coarsest."""
    config = discriminator.config
    modules = {}
    for i in range(config.scales):
        ours, number = f"scales.{i}.", config.scales - 1 - i
        for j in range(config.layers + 1):
            # Without features all layers are one sequence: an activation follows the first, norm and activation others.
            place = f"scale{number}_layer{j}.0" if features else f"layer{number}.{max(0, 3 * j - 1)}"
            modules[f"{ours}convs.{j}"] = place
            if 0 < j < config.layers:
                modules[f"{ours}norms.{j - 1}"] = f"scale{number}_layer{j}.1" if features else f"layer{number}.{3 * j}"
    return modules

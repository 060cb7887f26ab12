"""Official pix2pixHD checkpoints as our model folders: a renaming of tensors, and the clusters of styles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from semsynth.checkpoint import Pix2PixHDModel
from semsynth.classes import NO_CLASSES, ClassSet, builtin
from semsynth.convert.official import (
    Conversion,
    ConversionReport,
    OfficialCheckpoint,
    check_classes,
    conversion_card,
    joined_reports,
    numbered_classes,
)
from semsynth.convert.options import unknown_names
from semsynth.convert.pix2pixhd_clusters import read_clusters
from semsynth.convert.pix2pixhd_options import (
    OfficialOptions,
    encoder_config,
    generator_config,
    layout_encoding,
    pipeline,
)
from semsynth.convert.pix2pixhd_reading import settle
from semsynth.convert.reading import built, read_network
from semsynth.convert.renaming import load_renamed
from semsynth.errors import SemsynthError
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


def convert_pix2pixhd(source: OfficialCheckpoint) -> Conversion:
    """Find every tensor of an official checkpoint its place.

    Raises:
        SemsynthError: unreadable files, options that are missing, or a checkpoint that its options do not describe.
    """
    files = source.files
    second = None if files.encoder is None else read_network(files.encoder, "pix2pixhd", "encoder")
    parsed, options = settle(source, second.state if second else None)
    notes = list(unknown_names(source.given, "pix2pixHD"))
    if not parsed.has_features and not files.asked_for and (files.encoder or files.clusters):
        notes.append("encoder and clusters beside the generator were left out: it does not read features")
        second, files = None, replace(files, encoder=None, clusters=None)
    _check_usable(parsed, replace(source, files=files))
    meaning = source.classes or _classes(parsed)
    config = generator_config(parsed)
    if parsed.label_nc:
        check_classes(meaning, [config.encoding.num_classes], source.name)
    networks: dict[str, nn.Module] = {"generator": built(Pix2PixHDGenerator, config, official_names, source)}
    reports = [load_official_state(networks["generator"], source.state, source.name)]
    if second is not None:
        networks["encoder"] = InstanceEncoder(encoder_config(parsed))
        reports.append(load_official_state(networks["encoder"], second.state, str(files.encoder)))
    elif parsed.has_features:
        notes.append(
            f"no feature encoder ({files.expected_encoder}) was given: the model cannot read styles from photos"
        )
    bank = None
    if files.clusters is not None:
        bank = _bank(read_clusters(files.clusters), parsed.feat_num, meaning, files.clusters, notes)
    elif parsed.has_features:
        notes.append("no clusters (features_clustered_*.npy) were given: fit styles with 'semsynth styles fit'")
    if parsed.norm == "batch":
        notes.append(
            "norm batch: this model uses the statistics of training; the official test script never leaves training "
            "mode and takes those of each picture, so that its pictures differ"
        )
    return Conversion(
        config=Pix2PixHDModel(
            generator=config,
            encoder=encoder_config(parsed) if second else None,
            objects="labels" if parsed.label_feat else "instances",
            data=pipeline(parsed),
        ),
        classes=meaning,
        networks=networks,
        card=conversion_card(source, "pix2pixHD", options),
        report=joined_reports(reports, notes, options),
        bank=bank,
    )


def _check_usable(parsed: OfficialOptions, source: OfficialCheckpoint) -> None:
    if (source.files.encoder or source.files.clusters) and not parsed.has_features:
        raise SemsynthError(
            f"{source.name} is a generator without features: leave out encoder and clusters, or move it away from them"
        )
    if not parsed.label_nc and (parsed.has_features or not parsed.no_instance or parsed.input_nc != 3):
        raise SemsynthError(
            f"{source.name}: of models of pictures (label_nc 0) only those of RGB pictures alone can be used: with "
            "no_instance, input_nc 3, and neither instance_feat nor label_feat"
        )


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

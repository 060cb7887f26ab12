"""Official pix2pixHD checkpoints as our model folders: a renaming of tensors, and the clusters of styles."""

from __future__ import annotations

import importlib
import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from semsynth.checkpoint import Card, Pix2PixHDModel, save_model
from semsynth.classes import NO_CLASSES, ClassSet, builtin
from semsynth.convert.official import ConversionReport, load_official_checkpoint, load_renamed, numbered_classes
from semsynth.convert.pix2pixhd_options import (
    OfficialOptions,
    encoder_config,
    generator_config,
    layout_encoding,
    read_options,
    recipe_config,
)
from semsynth.errors import SemsynthError
from semsynth.files import explained, sha256
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
    generator = Pix2PixHDGenerator(generator_config(parsed))
    reports = [load_official_state(generator, load_official_checkpoint(checkpoint), str(checkpoint))]
    networks: dict[str, nn.Module] = {"generator": generator}
    notes: list[str] = []
    bank = None if clusters is None else _bank(read_clusters(clusters), parsed, clusters)
    if parsed.has_features:
        beside = checkpoint.with_name(checkpoint.name.replace("net_G", "net_E"))
        path = encoder or (beside if beside != checkpoint and beside.exists() else None)
        if path is None:
            notes.append(f"no feature encoder ({beside.name}) was given: the model cannot read styles from photos")
        else:
            networks["encoder"] = InstanceEncoder(encoder_config(parsed))
            reports.append(load_official_state(networks["encoder"], load_official_checkpoint(path), str(path)))
        if bank is None:
            notes.append("no clusters were given: fit styles with 'semsynth styles fit', or give --clusters")
    elif encoder is not None or bank is not None:
        raise SemsynthError(f"{options} describes a generator without features: leave out encoder and clusters")
    recipe = recipe_config(parsed)
    config = Pix2PixHDModel(
        generator=generator.config,
        encoder=encoder_config(parsed) if "encoder" in networks else None,
        objects="labels" if parsed.label_feat else "instances",
        data=recipe.data,
    )
    save_model(out, config, classes or _classes(parsed), networks, Card(name=checkpoint.stem, recipe="official code"))
    if bank is not None:
        bank.save(out, sha256(out / "encoder.safetensors") if "encoder" in networks else "")
    unused = tuple(name for report in reports for name in report.unused)
    loaded, counters = sum(report.loaded for report in reports), sum(report.counters for report in reports)
    return ConversionReport(loaded, unused, counters, tuple(notes))


def _classes(options: OfficialOptions) -> ClassSet:
    if not options.label_nc:
        return NO_CLASSES
    count = layout_encoding(options).num_classes
    cityscapes = builtin("cityscapes")
    return cityscapes if count == cityscapes.num_classes else numbered_classes("official", count)


def _bank(clusters: Mapping[int, NDArray[np.float64]], options: OfficialOptions, source: Path) -> StyleBank:
    modes = {label: torch.from_numpy(centres) for label, centres in clusters.items() if len(centres)}
    return StyleBank(modes, options.feat_num, f"converted from {source.name}")


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


_MULTIARRAY = np.ndarray.__reduce__(np.empty(0))[0].__module__
_ARRAYS: dict[tuple[str, str], Any] = {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype} | {
    (f"numpy.{core}.multiarray", name): getattr(importlib.import_module(_MULTIARRAY), name)
    for core in ("core", "_core")
    for name in ("_reconstruct", "scalar")
}
"""What a pickled array names; ``core`` is what NumPy 1 calls ``_core``."""


class _ArraysOnly(pickle.Unpickler):
    """Rebuilds NumPy arrays and plain containers; any other name in the pickle is refused before it can run."""

    def find_class(self, module: str, name: str) -> Any:
        """The few names that arrays need."""
        if (module, name) == ("_codecs", "encode"):  # how Python 2 and protocol 2 write bytes
            return lambda text, encoding="latin1": text.encode(encoding)
        if (module, name) not in _ARRAYS:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _ARRAYS[module, name]


def read_clusters(path: Path) -> dict[int, NDArray[np.float64]]:
    """Read official ``features_clustered_010.npy``: a pickled dictionary of class -> [k,F] cluster centres.

    Only arrays are rebuilt; nothing that the file names is run.

    Raises:
        SemsynthError: unreadable, not such a dictionary, or a pickle that names anything but arrays.
    """
    with explained(path, "cannot read"):
        data = path.read_bytes()
    try:
        stream = io.BytesIO(data)
        version = np.lib.format.read_magic(stream)
        np.lib.format._read_array_header(stream, version)  # type: ignore[attr-defined]
        boxed = _ArraysOnly(stream).load()
        clusters = boxed.item() if isinstance(boxed, np.ndarray) else boxed
        found = {int(label): np.asarray(centres, np.float64) for label, centres in clusters.items()}
        if any(centres.ndim != 2 for centres in found.values()):
            raise ValueError("its values are no tables [k,F]")
    except Exception as error:  # a damaged pickle raises almost anything
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise SemsynthError(
            f"{path} is no file of clustered features that can be read safely ({reason}); nothing in it was run: give "
            "the official features_clustered_010.npy, or fit new styles with 'semsynth styles fit'"
        ) from error
    return found

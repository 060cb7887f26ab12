"""Official SPADE checkpoints as our model folders: a renaming of tensors, nothing else.

Nothing is folded or rescaled: spectrally normalised weights stay weights with their singular vectors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from semsynth.checkpoint import Card, ModelConfig, save_model
from semsynth.classes import ClassInfo, ClassSet, builtin
from semsynth.convert.spade_options import (
    OfficialOptions,
    encoder_config,
    generator_config,
    layout_encoding,
    read_options,
)
from semsynth.errors import SemsynthError
from semsynth.files import explained
from semsynth.models.patch import MultiScaleDiscriminator
from semsynth.models.spade import SPADEGenerator
from semsynth.models.style_encoder import StyleEncoder

COUNTER = "num_batches_tracked"
"""A counter in the official batch norms that nothing reads: their momentum is fixed."""

_CLASS_SETS = {"coco": "coco_stuff", "ade20k": "ade20k_spade", "cityscapes": "cityscapes"}
"""The official ``dataset_mode`` -> our class set in its channel order."""

_GENERATOR_NAMES = (
    (r"^head\.", "head_0."),
    (r"^middle_", "G_middle_"),
    (r"^to_rgb\.", "conv_img."),
    (r"\.norm\.", ".param_free_norm."),
    (r"\.shared\.", ".mlp_shared.0."),
    (r"\.(gamma|beta)\.", r".mlp_\1."),
)
_ENCODER_NAMES = ((r"^mu\.", "fc_mu."), (r"^logvar\.", "fc_var."))


@dataclass(frozen=True)
class ConversionReport:
    """What became of an official checkpoint."""

    loaded: int
    """Tensors that were taken over."""
    unused: tuple[str, ...]
    """Official names that have no place in the network, counters aside."""
    counters: int
    """Counters of batches that were left out: nothing reads them."""
    notes: tuple[str, ...] = ()
    """What else a person should know."""


def official_names(network: nn.Module) -> dict[str, str]:
    """Our name -> official name of every tensor in the state of a generator, a style encoder or a discriminator."""
    state = network.state_dict()
    if isinstance(network, SPADEGenerator):
        return {name: _substituted(_spectral(name, state), _GENERATOR_NAMES) for name in state}
    if isinstance(network, StyleEncoder):
        nested = ".0" if network.config.norm != "none" else ""
        return {name: _substituted(_encoder_layer(_spectral(name, state), nested), _ENCODER_NAMES) for name in state}
    if isinstance(network, MultiScaleDiscriminator):
        nested = ".0" if network.config.norm != "none" else ""
        last = network.config.layers
        return {name: _discriminator_layer(_spectral(name, state), nested, last) for name in state}
    raise TypeError(f"{type(network).__name__} is no network of the official SPADE code")


def load_official_state(network: nn.Module, state: Mapping[str, Tensor], source: str) -> ConversionReport:
    """Load an official state dict into ``network``, keeping the network's number format.

    Raises:
        SemsynthError: names that are missing or shapes that differ, all in one line.
    """
    names = official_names(network)
    expected = network.state_dict()
    problems = [f"{name} is missing" for name in names.values() if name not in state]
    problems += [
        f"{name} is {list(state[name].shape)} instead of {list(expected[ours].shape)}"
        for ours, name in names.items()
        if name in state and state[name].shape != expected[ours].shape
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise SemsynthError(f"{source} does not fit its options: {', '.join(problems[:5])}{more}")
    network.load_state_dict({ours: state[name] for ours, name in names.items()})
    left = [name for name in state if name not in set(names.values())]
    counters = [name for name in left if name.endswith(f".{COUNTER}")]
    return ConversionReport(len(names), tuple(name for name in left if name not in counters), len(counters))


def load_official_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read a ``*_net_G.pth``: a pickled state dict, of which only tensors are accepted.

    Raises:
        SemsynthError: missing, corrupt, or anything but a state dict; code inside is never run.
    """
    try:
        with explained(path, "cannot read"):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except SemsynthError:
        raise
    except Exception as error:  # torch raises many kinds, from UnpicklingError to RuntimeError
        raise SemsynthError(
            f"{path} is corrupt, or no plain state dict ({type(error).__name__}); nothing in it was run: "
            "give a file that the official code saved, such as latest_net_G.pth"
        ) from error
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise SemsynthError(f"{path} holds no state dict of tensors: give a file such as latest_net_G.pth")
    return state


def convert_spade(
    checkpoint: Path, options: Path, out: Path, classes: ClassSet | None = None, encoder: Path | None = None
) -> ConversionReport:
    """Write a model folder from an official checkpoint.

    Args:
        checkpoint: the generator, ``*_net_G.pth``.
        options: ``opt.txt`` of its training, or the same options as JSON.
        out: the model folder to write.
        classes: what the channels mean; None takes the official dataset's, or numbers them.
        encoder: the style encoder of a VAE model; None takes the ``*_net_E.pth`` beside the generator if there is one.

    Raises:
        SemsynthError: unreadable files, or a checkpoint that its options do not describe.
    """
    parsed = read_options(options)
    generator = SPADEGenerator(generator_config(parsed))
    report = load_official_state(generator, load_official_checkpoint(checkpoint), str(checkpoint))
    networks: dict[str, nn.Module] = {"generator": generator}
    notes: list[str] = []
    loaded, unused, counters = report.loaded, list(report.unused), report.counters
    if parsed.use_vae:
        beside = checkpoint.with_name(checkpoint.name.replace("net_G", "net_E"))
        path = encoder or (beside if beside != checkpoint and beside.exists() else None)
        if path is None:
            notes.append(f"no style encoder ({beside.name}) was given: the model takes styles from seeds only")
        else:
            networks["encoder"] = StyleEncoder(encoder_config(parsed))
            second = load_official_state(networks["encoder"], load_official_checkpoint(path), str(path))
            loaded += second.loaded
            unused += second.unused
            counters += second.counters
    config = ModelConfig(
        system="spade",
        generator=generator.config,
        encoder=encoder_config(parsed) if "encoder" in networks else None,
    )
    card = Card(name=checkpoint.stem, recipe=f"official SPADE code, dataset_mode {parsed.dataset_mode}")
    save_model(out, config, classes or official_classes(parsed), networks, card)
    return ConversionReport(loaded, tuple(unused), counters, tuple(notes))


def official_classes(options: OfficialOptions) -> ClassSet:
    """The classes of the official code's dataset; numbered ones, in the colours of its pictures, for others."""
    count = layout_encoding(options).num_classes
    if options.dataset_mode in _CLASS_SETS:
        known = builtin(_CLASS_SETS[options.dataset_mode])
        if known.num_classes == count:
            return known
    infos = tuple(ClassInfo(id=i, name=f"class {i}", color=_color(i + 1)) for i in range(count))
    return ClassSet(name=options.dataset_mode, classes=infos)


def _color(number: int) -> tuple[int, int, int]:
    """The official palette: the bits of the number, lowest first, are dealt to red, green and blue from the top."""
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            channels[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
    return channels[0], channels[1], channels[2]


def _substituted(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def _spectral(name: str, state: Mapping[str, Tensor]) -> str:
    """The names of ``torch.nn.utils.spectral_norm``."""
    module, _, last = name.rpartition(".")
    if f"{module}.u" not in state:
        return name
    return f"{module}.{({'weight': 'weight_orig', 'u': 'weight_u', 'v': 'weight_v'}).get(last, last)}"


def _encoder_layer(name: str, nested: str) -> str:
    """``conv_0.`` -> ``layer1.0.``, its normalisation ``norm_0.`` -> ``layer1.1.``."""
    name = re.sub(r"^conv_(\d+)\.", lambda m: f"layer{int(m[1]) + 1}{nested}.", name)
    return re.sub(r"^norm_(\d+)\.", lambda m: f"layer{int(m[1]) + 1}.1.", name)


def _discriminator_layer(name: str, nested: str, last: int) -> str:
    """``scales.0.convs.1.`` -> ``discriminator_0.model1.0.0.``; the first and the last are not ``nested``."""
    _, scale, kind, index, parameter = name.split(".")
    layer = int(index) + (kind == "norms")
    if kind == "norms":
        nested = ".1"
    elif layer in (0, last):
        nested = ""
    return f"discriminator_{scale}.model{layer}.0{nested}.{parameter}"

"""Official OASIS checkpoints as our model folders: a renaming of tensors, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from semsynth.checkpoint import Card, OASISModel, save_model
from semsynth.classes import ClassSet
from semsynth.convert.oasis_options import OfficialOptions, generator_config, layout_encoding, read_options
from semsynth.convert.official import (
    ConversionReport,
    load_official_checkpoint,
    load_renamed,
    numbered_classes,
    spectral_name,
    substituted,
)
from semsynth.models.oasis import OASISDiscriminator, OASISGenerator

_GENERATOR_NAMES: tuple[tuple[str, str], ...] = (
    (r"^to_rgb\.", "conv_img."),
    (r"\.norm\.", ".first_norm."),
    (r"\.shared\.", ".mlp_shared.0."),
    (r"\.(gamma|beta)\.", r".mlp_\1."),
)
_DISCRIMINATOR_NAMES = (
    (r"^to_logits\.", "layer_up_last."),
    (r"^down\.0\.conv_0\.", "body_down.0.conv1.0."),
    (r"^down\.(\d)\.conv_0\.", r"body_down.\1.conv1.1."),
    (r"^up\.(\d)\.conv_0\.", r"body_up.\1.conv1.2."),
    (r"^(down|up)\.(\d)\.conv_1\.", r"body_\1.\2.conv2.1."),
    (r"^(down|up)\.(\d)\.shortcut\.", r"body_\1.\2.conv_s."),
)


def official_names(network: nn.Module) -> dict[str, str]:
    """Our name -> official name of every tensor in the state of a generator or a discriminator."""
    if isinstance(network, OASISGenerator):
        rules = _GENERATOR_NAMES
    elif isinstance(network, OASISDiscriminator):
        rules = _DISCRIMINATOR_NAMES
    else:
        raise TypeError(f"{type(network).__name__} is no network of the official OASIS code")
    state = network.state_dict()
    return {name: substituted(spectral_name(name, state), rules) for name in state}


def load_official_state(network: nn.Module, state: Mapping[str, Tensor], source: str) -> ConversionReport:
    """Load an official state dict of one of OASIS's networks.

    Raises:
        SemsynthError: names that are missing or shapes that differ, all in one line.
    """
    return load_renamed(network, official_names(network), state, source)


def convert_oasis(checkpoint: Path, options: Path, out: Path, classes: ClassSet | None = None) -> ConversionReport:
    """Write a model folder from an official checkpoint.

    Args:
        checkpoint: the generator, best its average, ``*_EMA.pth``.
        options: ``opt.txt`` of its training, or the same options as JSON.
        out: the model folder to write.
        classes: what the channels after void's mean; None numbers them.

    Raises:
        SemsynthError: unreadable files, or a checkpoint that its options do not describe.
    """
    parsed = read_options(options)
    generator = OASISGenerator(generator_config(parsed))
    report = load_official_state(generator, load_official_checkpoint(checkpoint), str(checkpoint))
    card = Card(name=checkpoint.stem, recipe=f"official OASIS code, dataset_mode {parsed.dataset_mode}")
    known = classes or _numbered(parsed)
    save_model(out, OASISModel(generator=generator.config), known, {"generator": generator}, card)
    return report


def _numbered(options: OfficialOptions) -> ClassSet:
    return numbered_classes(options.dataset_mode, layout_encoding(options).num_classes)

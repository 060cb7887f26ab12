"""Official OASIS checkpoints as our model folders: a renaming of tensors, nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from semsynth.checkpoint import OASISModel
from semsynth.classes import ClassSet, builtin
from semsynth.convert.oasis_options import OfficialOptions, generator_config, layout_encoding
from semsynth.convert.oasis_reading import settle
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
from semsynth.convert.reading import built
from semsynth.convert.renaming import load_renamed, spectral_name, substituted
from semsynth.layout import LayoutEncoding
from semsynth.models.oasis import OASISDiscriminator, OASISGenerator

_CLASS_SETS = {"ade20k": "ade20k_spade", "cityscapes": "cityscapes", "coco": "coco_stuff"}
"""The official ``dataset_mode`` -> our class set, whose ids are those of the dataset's label files."""
_UNKNOWN_FIRST = ("ade20k", "cityscapes")
"""Datasets whose id 0 is the official void, so that the first channel is a class of the set."""

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


def convert_oasis(source: OfficialCheckpoint) -> Conversion:
    """Find every tensor of an official checkpoint its place.

    Raises:
        SemsynthError: options that are missing, or a checkpoint that they do not describe.
    """
    parsed, options = settle(source)
    count = layout_encoding(parsed).num_channels
    classes = source.classes or official_classes(parsed)
    void = parsed.contain_dontcare_label
    check_classes(classes, [count - 1, count] if void else [count], source.name)
    notes = [*unknown_names(source.given, "OASIS")]
    encoding = layout_encoding(parsed)
    if classes.num_classes == count:
        encoding = LayoutEncoding(num_classes=count)
    elif source.classes is not None and parsed.dataset_mode in _UNKNOWN_FIRST:
        notes.append(
            f"the class set '{classes.name}' leaves the first channel to void (255): label files in which "
            f"{parsed.dataset_mode}'s own id 0 occurs need '{_CLASS_SETS[parsed.dataset_mode]}', the default"
        )
    config = generator_config(parsed).model_copy(update={"encoding": encoding})
    generator = built(OASISGenerator, config, official_names, source)
    report = load_official_state(generator, source.state, source.name)
    return Conversion(
        config=OASISModel(generator=config),
        classes=classes,
        networks={"generator": generator},
        card=conversion_card(source, "OASIS", options),
        report=joined_reports([report], notes, options),
    )


def official_classes(options: OfficialOptions) -> ClassSet:
    """The classes of the official dataset, so that its own label files are read; numbered ones for others.

    Channel k is the label files' id k for ADE20K and Cityscapes, whose first class ("unknown", "unlabeled") is the
    official void. Only COCO's ids are shifted by one officially, which frees the first channel for 255.
    """
    encoding = layout_encoding(options)
    known = _CLASS_SETS.get(options.dataset_mode)
    if known is not None:
        classes = builtin(known)
        if classes.num_classes == encoding.num_channels - (options.dataset_mode not in _UNKNOWN_FIRST):
            return classes
    return numbered_classes(options.dataset_mode, encoding.num_classes)

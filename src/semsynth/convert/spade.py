"""Official SPADE checkpoints as our model folders: a renaming of tensors, nothing else.

Nothing is folded or rescaled: spectrally normalised weights stay weights with their singular vectors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

from semsynth.checkpoint import SPADEModel
from semsynth.classes import ClassSet, builtin
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
from semsynth.convert.reading import built, read_network
from semsynth.convert.renaming import load_renamed, spectral_name, substituted
from semsynth.convert.spade_options import OfficialOptions, encoder_config, generator_config, layout_encoding
from semsynth.convert.spade_reading import settle
from semsynth.models.patch import MultiScaleDiscriminator
from semsynth.models.spade import SPADEGenerator
from semsynth.models.style_encoder import StyleEncoder

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


def official_names(network: nn.Module) -> dict[str, str]:
    """Our name -> official name of every tensor in the state of a generator, a style encoder or a discriminator."""
    state = network.state_dict()
    if isinstance(network, SPADEGenerator):
        return {name: substituted(spectral_name(name, state), _GENERATOR_NAMES) for name in state}
    if isinstance(network, StyleEncoder):
        nested = ".0" if network.config.norm != "none" else ""
        return {name: substituted(_encoder_layer(spectral_name(name, state), nested), _ENCODER_NAMES) for name in state}
    if isinstance(network, MultiScaleDiscriminator):
        nested = ".0" if network.config.norm != "none" else ""
        last = network.config.layers
        return {name: _discriminator_layer(spectral_name(name, state), nested, last) for name in state}
    raise TypeError(f"{type(network).__name__} is no network of the official SPADE code")


def load_official_state(network: nn.Module, state: Mapping[str, Tensor], source: str) -> ConversionReport:
    """Load an official state dict of any of SPADE's networks.

    Raises:
        SemsynthError: names that are missing or shapes that differ, all in one line.
    """
    return load_renamed(network, official_names(network), state, source)


def convert_spade(source: OfficialCheckpoint) -> Conversion:
    """Find every tensor of an official checkpoint its place.

    Raises:
        SemsynthError: unreadable files, options that are missing, or a checkpoint that its options do not describe.
    """
    parsed, options = settle(source)
    config = generator_config(parsed)
    if source.classes is not None:
        check_classes(source.classes, [config.encoding.num_classes], source.name)
    notes = [*unknown_names(source.given, "SPADE")]
    networks: dict[str, nn.Module] = {"generator": built(SPADEGenerator, config, official_names, source)}
    reports = [load_official_state(networks["generator"], source.state, source.name)]
    if parsed.use_vae and source.files.encoder is None:
        notes.append(f"no style encoder ({source.files.expected_encoder}) was given: styles come from seeds only")
    elif parsed.use_vae and source.files.encoder is not None:
        state = read_network(source.files.encoder, "spade", "encoder").state
        networks["encoder"] = StyleEncoder(encoder_config(parsed))
        reports.append(load_official_state(networks["encoder"], state, str(source.files.encoder)))
    return Conversion(
        config=SPADEModel(generator=config, encoder=encoder_config(parsed) if "encoder" in networks else None),
        classes=source.classes or official_classes(parsed),
        networks=networks,
        card=conversion_card(source, "SPADE", options),
        report=joined_reports(reports, notes, options),
    )


def official_classes(options: OfficialOptions) -> ClassSet:
    """The classes of the official code's dataset; numbered ones, in the colours of its pictures, for others."""
    count = layout_encoding(options).num_classes
    if options.dataset_mode in _CLASS_SETS:
        known = builtin(_CLASS_SETS[options.dataset_mode])
        if known.num_classes == count:
            return known
    return numbered_classes(options.dataset_mode, count)


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

"""What pix2pixHD's tensors say of their options, and what the official code takes where nothing is given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from semsynth.convert.official import OfficialCheckpoint
from semsynth.convert.options import Options, OptionValue, fit_channels, merged, normalized
from semsynth.convert.pix2pixhd_options import OfficialOptions
from semsynth.errors import SemsynthError

_FIRST = "model.1.weight"
_CHANNELS = ("label_nc", "input_nc", "no_instance", "instance_feat", "label_feat", "load_features", "feat_num")


def settle(source: OfficialCheckpoint, encoder: Mapping[str, Tensor] | None) -> tuple[OfficialOptions, Options]:
    """The options of a generator and its encoder: read off their tensors, given, or the official default.

    Args:
        source: with the generator's tensors.
        encoder: those of the feature encoder, if there is one.

    Raises:
        SemsynthError: values that cannot be or that contradict the tensors, or options that must be given.
    """
    given = normalized(OfficialOptions, source.given, {}, source.name)
    read = _read_generator(source.state)
    if "netG" in read and read["netG"].value == "global":
        given = {name: option for name, option in given.items() if name not in ("n_local_enhancers", "n_blocks_local")}
    if encoder is not None:
        read |= _read_encoder(encoder)
    features = read.pop("feat_num", None)
    channels, missing = _channels(source, given, features)
    if missing:
        raise SemsynthError(
            f"{source.name}: its {source.state[_FIRST].shape[1]} input channels do not say {', '.join(missing)}: give "
            f"`settings={missing[0]}=...`, or the training's options with `options=opt.txt`"
        )
    return merged(OfficialOptions, {**read, **channels}, given, {}, source.name)


def _read_generator(state: Mapping[str, Tensor]) -> Options:
    """The parts of a generator and their sizes, from the places in the official sequences."""
    enhancers = {int(found[1]) for name in state if (found := re.match(r"model(\d+)_1\.", name))}
    count = max(enhancers, default=0)
    finest = f"model{count}_1.1.weight" if count else _FIRST
    blocks = _blocks(state, "model.")
    halvings = (min(blocks) - 4) // 3 if blocks else _halvings(state)
    values: dict[str, tuple[Any, str]] = {
        "netG": ("local" if count else "global", "the tensors' names"),
        "ngf": (state[finest].shape[0] if finest in state else 0, finest),
        "n_downsample_global": (halvings, "the tensors' names"),
        "n_blocks_global": (len(blocks), "the tensors' names"),
        "norm": ("batch" if "model.2.weight" in state else "instance", "model.2"),
    }
    if count:
        values["n_local_enhancers"] = (count, "the tensors' names")
        values["n_blocks_local"] = (len(_blocks(state, "model1_2.")), "the tensors' names")
    return {name: OptionValue(name, value, f"read off {tensor}") for name, (value, tensor) in values.items()}


def _read_encoder(state: Mapping[str, Tensor]) -> Options:
    convs = sorted(
        int(name.split(".")[1]) for name, value in state.items() if name.startswith("model.") and value.ndim == 4
    )
    last = f"model.{convs[-1]}.weight"
    values = {
        "nef": (state[_FIRST].shape[0], f"the encoder's {_FIRST}"),
        "n_downsample_E": ((len(convs) - 2) // 2, "the encoder's names"),
        "feat_num": (state[last].shape[0], f"the encoder's {last}"),
    }
    return {name: OptionValue(name, value, f"read off {tensor}") for name, (value, tensor) in values.items()}


def _blocks(state: Mapping[str, Tensor], prefix: str) -> set[int]:
    """Places of the residual blocks in a sequence."""
    pattern = re.compile(re.escape(prefix) + r"(\d+)\.conv_block\.")
    return {int(found[1]) for name in state if (found := pattern.match(name))}


def _halvings(state: Mapping[str, Tensor]) -> int:
    """Halvings of a generator without residual blocks: half of its convolutions of 3x3."""
    kernels = [value for name, value in state.items() if re.fullmatch(r"model\.\d+\.weight", name) and value.ndim == 4]
    return sum(kernel.shape[-1] == 3 for kernel in kernels) // 2


def _channels(source: OfficialCheckpoint, given: Options, features: OptionValue | None) -> tuple[Options, list[str]]:
    """The options whose channels add up to what the first convolution reads."""
    flags = [False, True]
    choices: dict[str, list[Any]] = {
        "label_nc": [35],
        "input_nc": [3],
        "no_instance": flags,
        "instance_feat": flags,
        "label_feat": flags,
        "load_features": [False],
        "feat_num": [features.value if features else 3],
    }
    fixed = {name: given[name] for name in _CHANNELS if name in given}
    return fit_channels(
        source.state[_FIRST].shape[1],
        _FIRST,
        fixed,
        {name: values for name, values in choices.items() if name not in given},
        lambda values: _count(values, set(fixed)),
        source=source.name,
    )


def _count(values: Mapping[str, Any], given: set[str]) -> int:
    kinds = [name for name in ("instance_feat", "label_feat") if values[name]]
    if len(kinds) > 1 and not given.issuperset(kinds):
        return -1
    edges, featured = not values["no_instance"], bool(kinds) or values["load_features"]
    return int((values["label_nc"] or values["input_nc"]) + edges + values["feat_num"] * bool(featured))

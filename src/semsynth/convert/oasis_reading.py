"""What an OASIS generator's tensors say of its options, and what the official code takes where nothing is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from semsynth.convert.oasis_options import DATASETS, OfficialOptions
from semsynth.convert.official import OfficialCheckpoint
from semsynth.convert.options import Options, OptionValue, fit_channels, merged, normalized
from semsynth.errors import SemsynthError

_LAYER = "body.0.norm_0.mlp_shared.0.weight"
_CHANNELS = ("label_nc", "contain_dontcare_label", "no_3dnoise", "z_dim")


def settle(source: OfficialCheckpoint) -> tuple[OfficialOptions, Options]:
    """The options of a generator: read off its tensors, given, or the official default of its dataset.

    Raises:
        SemsynthError: values that cannot be or that contradict the tensors, or options that must be given.
    """
    given = normalized(OfficialOptions, source.given, {"label_nc": 1}, source.name)
    mode = given["dataset_mode"].value if "dataset_mode" in given else None
    known = {"contain_dontcare_label": True, **DATASETS[mode]} if mode in DATASETS else {}
    origin = f"official default of dataset_mode {mode}"
    defaults = {name: OptionValue(name, value, origin) for name, value in known.items()}
    read = _read_off(source.state, given)
    channels, missing = _channels(source, given, defaults)
    missing += [name for name in ("crop_size", "aspect_ratio") if name not in {**given, **defaults}]
    if missing:
        about = f"{source.name}: the tensors do not say {', '.join(missing)}"
        way = (
            "give `settings=dataset_mode=ade20k`, cityscapes or coco"
            if mode is None
            else f"give `settings={missing[0]}=...`"
        )
        raise SemsynthError(f"{about}: {way}, or the training's options with `options=opt.txt`")
    return merged(OfficialOptions, {**read, **channels}, given, defaults, source.name)


def _read_off(state: Mapping[str, Tensor], given: Options) -> Options:
    """What names and shapes say; of a file that batch norms of either kind could have written, what is given."""
    spectral = "body.0.conv_0.weight_orig" in state
    width = state["fc.weight"].shape[0] // 16
    norm = "instance"
    if "body.0.norm_0.first_norm.running_mean" in state:
        said = given["param_free_norm"].value if "param_free_norm" in given else ""
        norm = "batch" if said == "batch" else "syncbatch"
    found = {
        "channels_G": (width, "fc.weight"),
        "spade_ks": (state[_LAYER].shape[-1], _LAYER),
        "param_free_norm": (norm, "body.0.norm_0"),
        "no_spectral_norm": (not spectral, "body.0.conv_0"),
    }
    return {name: OptionValue(name, value, f"read off {tensor}") for name, (value, tensor) in found.items()}


def _channels(source: OfficialCheckpoint, given: Options, defaults: Options) -> tuple[Options, list[str]]:
    """The options whose channels add up to what the modulation reads: noise, void and classes."""
    total = source.state[_LAYER].shape[1]
    labels = [option.value for option in (given.get("label_nc"), defaults.get("label_nc")) if option]
    dims = dict.fromkeys((64, total - labels[0] - 1) if labels else (64,))
    choices: dict[str, list[Any]] = {
        "label_nc": labels,
        "contain_dontcare_label": [True],
        "no_3dnoise": [False, True],
        "z_dim": [size for size in dims if size >= 1],
    }
    fixed = {name: given[name] for name in _CHANNELS if name in given}
    return fit_channels(
        total,
        _LAYER,
        fixed,
        {name: values for name, values in choices.items() if name not in given},
        lambda values: (
            values["label_nc"] + values["contain_dontcare_label"] + (0 if values["no_3dnoise"] else values["z_dim"])
        ),
        source=source.name,
    )

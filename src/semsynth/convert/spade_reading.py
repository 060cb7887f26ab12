"""What a SPADE generator's tensors say of its options, and what the official code takes where nothing is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from semsynth.convert.official import OfficialCheckpoint
from semsynth.convert.options import Options, OptionValue, fit_channels, merged, normalized
from semsynth.convert.spade_options import OfficialOptions
from semsynth.errors import SemsynthError

DATASETS: dict[str, dict[str, Any]] = {
    "coco": {"label_nc": 182, "contain_dontcare_label": True, "no_instance": False},
    "ade20k": {"label_nc": 150, "contain_dontcare_label": True, "no_instance": True},
    "cityscapes": {
        "label_nc": 35, "contain_dontcare_label": False, "no_instance": False, "crop_size": 512, "load_size": 512,
        "aspect_ratio": 2.0, "num_upsampling_layers": "more", "preprocess_mode": "fixed", "batchSize": 16,
    },
    "facades": {"label_nc": 13, "contain_dontcare_label": False, "no_instance": True},
    "custom": {"label_nc": 13, "contain_dontcare_label": False, "no_instance": False},
}  # fmt: skip
"""``dataset_mode`` -> what its official class sets (``data/*_dataset.py``, ``models/networks/generator.py``)."""
_COMMON: dict[str, Any] = {
    "crop_size": 256, "load_size": 286, "aspect_ratio": 1.0, "num_upsampling_layers": "normal",
    "preprocess_mode": "resize_and_crop",
}  # fmt: skip
"""What all of them have in common where :data:`DATASETS` says nothing else."""
PUBLISHED = {"coco_pretrained": "coco", "ade20k_pretrained": "ade20k", "cityscapes_pretrained": "cityscapes"}
"""Folders of the authors' archive -> ``dataset_mode``."""

_LAYER = "head_0.norm_0.mlp_shared.0.weight"
_DECIDED_BY_DATASET = ("crop_size", "aspect_ratio", "num_upsampling_layers")


def settle(source: OfficialCheckpoint) -> tuple[OfficialOptions, Options]:
    """The options of a generator: read off its tensors, given, or the official default of its dataset.

    Raises:
        SemsynthError: values that cannot be or that contradict the tensors, or options that must be given.
    """
    given = normalized(OfficialOptions, source.given, {"label_nc": 1}, source.name)
    given = _with_dataset(source, given)
    mode = given["dataset_mode"].value if "dataset_mode" in given else None
    known = {**_COMMON, **DATASETS[mode]} if mode in DATASETS else {}
    origin = f"official default of dataset_mode {mode}"
    defaults = {name: OptionValue(name, value, origin) for name, value in known.items()}
    read = _read_off(source.state, given)
    channels, missing = _channels(source, given, defaults)
    missing += [name for name in _DECIDED_BY_DATASET if name not in {**read, **given, **defaults}]
    if missing:
        raise SemsynthError(_question(source, missing, mode))
    return merged(OfficialOptions, {**read, **channels}, given, defaults, source.name)


def _with_dataset(source: OfficialCheckpoint, given: Options) -> Options:
    """The folder of the authors' archive tells the dataset where nobody says another."""
    folder = source.files.generator.resolve().parent.name
    mode = PUBLISHED.get(folder)
    if mode is None or "dataset_mode" in given or source.files.options is not None:
        return given
    return {**given, "dataset_mode": OptionValue("dataset_mode", mode, f"published as {folder}")}


def _read_off(state: Mapping[str, Tensor], given: Options) -> Options:
    """What names and shapes say; of a file that batch norms of either kind could have written, what is given."""
    hidden, _, kernel, _ = state[_LAYER].shape
    spectral = "spectral" if "head_0.conv_0.weight_orig" in state else ""
    convolution = state.get(f"head_0.conv_0.weight{'_orig' if spectral else ''}", state[_LAYER])
    norm = "instance"
    if "head_0.norm_0.param_free_norm.running_mean" in state:
        said = given["norm_G"].value if "norm_G" in given else ""
        norm = "syncbatch" if "syncbatch" in said or "batch" not in said else "batch"
    start = state["fc.weight"]
    vae = start.ndim == 2
    found: dict[str, tuple[Any, str]] = {
        "ngf": (convolution.shape[0] // 16, "head_0.conv_0"),
        "nhidden": (hidden, _LAYER),
        "norm_G": (f"{spectral}spade{norm}{kernel}x{kernel}", "head_0"),
        "use_vae": (vae, "fc.weight"),
    }
    if vae:
        found["z_dim"] = (start.shape[1], "fc.weight")
    if any(name.startswith("up_4.") for name in state):
        found["num_upsampling_layers"] = ("most", "up_4")
    elif "num_upsampling_layers" in given and given["num_upsampling_layers"].value == "most":
        found["num_upsampling_layers"] = ("normal or more", "up_3, the last of its blocks")
    return {name: OptionValue(name, value, f"read off {tensor}") for name, (value, tensor) in found.items()}


def _channels(source: OfficialCheckpoint, given: Options, defaults: Options) -> tuple[Options, list[str]]:
    """The options whose channels add up to what the modulation reads."""
    choices = {
        "label_nc": [defaults["label_nc"].value] if defaults else [],
        "contain_dontcare_label": [False, True],
        "no_instance": [False, True],
    }
    for name in ("contain_dontcare_label", "no_instance"):
        choices[name].sort(key=lambda value: defaults.get(name, OptionValue(name, False, "")).value != value)
    settled = {name: given[name] for name in choices if name in given}
    return fit_channels(
        source.state[_LAYER].shape[1],
        _LAYER,
        settled,
        {name: values for name, values in choices.items() if name not in given},
        lambda values: values["label_nc"] + bool(values["contain_dontcare_label"]) + (not values["no_instance"]),
        source=source.name,
        defaults_count=bool(defaults),
    )


def _question(source: OfficialCheckpoint, missing: list[str], mode: str | None) -> str:
    """What must be given, by name, and what fits."""
    count = source.state[_LAYER].shape[1]
    fitting = [
        name
        for name, values in DATASETS.items()
        if values["label_nc"] + values["contain_dontcare_label"] + (not values["no_instance"]) == count
    ]
    about = f"{source.name}: the tensors do not say {', '.join(missing)}"
    if mode is not None:
        return f"{about}, nor does dataset_mode {mode}: give `settings={missing[0]}=...`, or `options=opt.txt`"
    example = fitting[0] if fitting else "custom"
    fits = f" (its {count} channels fit {' and '.join(fitting)})" if fitting else ""
    return (
        f"{about}: give the dataset that it was trained on{fits}, for example `settings=dataset_mode={example}`, or "
        "the training's options with `options=opt.txt`"
    )

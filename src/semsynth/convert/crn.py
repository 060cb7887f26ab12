"""Official CRN checkpoints as our model folders.

The official code saves TensorFlow checkpoints. Where TensorFlow is installed, two lines export one's variables::

    reader = tf.train.load_checkpoint("result_256p")
    np.savez("crn_256p.npz", **{name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()})
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semsynth.checkpoint import GeneratorModel
from semsynth.classes import builtin
from semsynth.convert.finding import export_lines
from semsynth.convert.official import (
    Conversion,
    ConversionReport,
    OfficialCheckpoint,
    check_classes,
    conversion_card,
    joined_reports,
    numbered_classes,
)
from semsynth.convert.reading import built, read_network
from semsynth.convert.renaming import load_renamed
from semsynth.errors import SemsynthError, shortened
from semsynth.file_kinds import describe_file
from semsynth.files import explained
from semsynth.layout import LayoutEncoding
from semsynth.models.crn import CascadedRefinementNetwork, CRNGeneratorConfig
from semsynth.tensor_files import check_memory

LAYERS = {"conv_0": "conv1", "conv_1": "conv2"}
"""Our name of a module's convolution -> the official one; its norm is in the same scope."""
OFFICIAL_CHANNELS = 20
"""The 19 classes of Cityscapes and "rest"."""

_CONV = re.compile(r"g_(\d+)_conv(1|2|100)/weights")


def read_variables(path: Path) -> dict[str, Tensor]:
    """Read the variables of a checkpoint that were exported to a ``.npz``.

    Returns:
        Official name -> tensor in TensorFlow's order, kernels [height,width,in,out].

    Raises:
        SemsynthError: unreadable, larger than memory, or anything but arrays of finite numbers; nothing in it is
            unpickled.
    """
    with explained(path, "cannot read"):
        kind = describe_file(path)
    if kind != "is a .npz of NumPy arrays":
        if kind is not None:
            raise SemsynthError(f"{path} {kind}; 'semsynth convert crn' takes a .npz of arrays")
        read_network(path, "crn", "generator")  # names the system whose network it is, if it is one
        raise SemsynthError(f"{path} is not a .npz of arrays: {export_lines(Path('result_256p'))}")
    check_memory(path)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name.removesuffix(":0"): np.asarray(file[name]) for name in file.files}
    except (ValueError, OSError, EOFError, MemoryError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise SemsynthError(
            f"{path} is not a .npz of plain arrays ({type(error).__name__}); nothing in it was run: export the "
            "checkpoint's variables with numpy.savez, see docs/recipes/crn.md"
        ) from error
    wrong = [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
    if wrong:
        raise SemsynthError(f"{path}: {shortened(wrong[0])} holds NaN or infinity: take another checkpoint of the run")
    return {name: torch.from_numpy(array) for name, array in arrays.items() if array.dtype.kind == "f"}


def generator_config(variables: Mapping[str, Tensor], void: bool, source: str) -> CRNGeneratorConfig:
    """Find the network that variables are of.

    Args:
        variables: as :func:`read_variables` gives them.
        void: whether the layout's last channel is void ("rest").
        source: what messages call them.

    Raises:
        SemsynthError: they are no cascade.
    """
    shapes = {(int(m[1]), m[2]): value.shape for name, value in variables.items() if (m := _CONV.fullmatch(name))}
    heights = sorted({height for height, layer in shapes if layer == "1"})
    doubled = [heights[0] << number for number in range(len(heights))] if heights else []
    last = shapes.get((heights[-1], "100")) if heights else None
    if last is None or heights != doubled or last[-1] % 3 or any(len(shape) != 4 for shape in shapes.values()):
        raise SemsynthError(
            f"{source} holds no generator of the official CRN code: expected g_4_conv1/weights, g_8_conv1/weights and "
            "so on, and conv100 of the last of them with 3 channels per picture"
        )
    channels = shapes[heights[0], "1"][2]
    return CRNGeneratorConfig(
        encoding=LayoutEncoding(num_classes=channels - void, void="after" if void else "none"),
        refinements=len(heights),
        widths=tuple(shapes[height, "1"][3] for height in heights),
        count=last[-1] // 3,
    )


def official_names(variables: Mapping[str, Tensor]) -> dict[str, str]:
    """Our name -> official name of every tensor in the state of the network that ``variables`` are of."""
    heights = sorted({int(m[1]) for name in variables if (m := _CONV.fullmatch(name)) and m[2] == "1"})
    names: dict[str, str] = {}
    for number, height in enumerate(heights):
        for ours, official in LAYERS.items():
            module, scope = f"cascade.{number}", f"g_{height}_{official}"
            norm = f"{module}.norm_{ours[-1]}"
            names[f"{module}.{ours}.weight"] = f"{scope}/weights"
            names |= {f"{norm}.weight": f"{scope}/LayerNorm/gamma", f"{norm}.bias": f"{scope}/LayerNorm/beta"}
    scope = f"g_{heights[-1]}_conv100"
    return names | {"to_rgb.weight": f"{scope}/weights", "to_rgb.bias": f"{scope}/biases"}


def reordered(name: str, value: Tensor, config: CRNGeneratorConfig) -> Tensor:
    """An official variable, or its gradient, in the order of our tensor ``name``.

    Kernels become [out,in,height,width]; the layout's channels move before the features'; the red, green and blue of
    each picture of a collection come together (officially k, k + count and k + 2 * count).
    """
    if value.ndim == 4:
        value = value.permute(3, 2, 0, 1)
    if name.endswith("conv_0.weight"):
        value = value.roll(config.encoding.num_channels, 1)
    if name.startswith("to_rgb"):
        value = value.unflatten(0, (3, -1)).transpose(0, 1).flatten(0, 1)
    return value.contiguous()


def load_official_state(
    generator: CascadedRefinementNetwork, variables: Mapping[str, Tensor], source: str
) -> ConversionReport:
    """Load official variables.

    Raises:
        SemsynthError: names that are missing or shapes that differ, all in one line.
    """
    names = official_names(variables)
    return load_renamed(generator, names, _in_our_order(variables, generator.config), source)


def _in_our_order(variables: Mapping[str, Tensor], config: CRNGeneratorConfig) -> dict[str, Tensor]:
    """Official variables under their official names, with the axes and channels of our tensors."""
    ours = {official: name for name, official in official_names(variables).items()}
    return {name: reordered(ours[name], value, config) if name in ours else value for name, value in variables.items()}


def convert_crn(source: OfficialCheckpoint) -> Conversion:
    """Find every variable of an official checkpoint its place.

    Where no classes are given, the official 20 channels are Cityscapes' 19 classes and void; others are numbered.

    Raises:
        SemsynthError: no cascade, or other channels than the classes say.
    """
    channels = generator_config(source.state, False, source.name).encoding.num_classes
    classes = source.classes
    if classes is None:
        official = channels == OFFICIAL_CHANNELS
        classes = builtin("cityscapes_19") if official else numbered_classes("official", channels)
    check_classes(classes, [channels - 1, channels], source.name)
    config = generator_config(source.state, channels > classes.num_classes, source.name)
    ordered = replace(source, state=_in_our_order(source.state, config))
    generator = built(CascadedRefinementNetwork, config, lambda _: official_names(source.state), ordered)
    report = load_official_state(generator, source.state, source.name)
    return Conversion(
        config=GeneratorModel(generator=config),
        classes=classes,
        networks={"generator": generator},
        card=conversion_card(source, "CRN", {}),
        report=joined_reports([report], (), {}),
    )

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
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from semsynth.checkpoint import Card, GeneratorModel, save_model
from semsynth.classes import ClassSet, builtin
from semsynth.convert.official import ConversionReport, load_renamed, numbered_classes
from semsynth.errors import SemsynthError
from semsynth.files import explained
from semsynth.layout import LayoutEncoding
from semsynth.models.crn import CascadedRefinementNetwork, CRNGeneratorConfig

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
        SemsynthError: unreadable, or anything but arrays of numbers; nothing in it is unpickled.
    """
    try:
        with explained(path, "cannot read"), path.open("rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("one array")
            arrays = {name.removesuffix(":0"): file[name] for name in file.files}
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SemsynthError(
            f"{path} is no .npz of plain arrays ({type(error).__name__}); nothing in it was run: export the "
            "checkpoint's variables with numpy.savez, see docs/recipes/crn.md"
        ) from error
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
    ours = {official: name for name, official in names.items()}
    state = {
        name: reordered(ours[name], value, generator.config) if name in ours else value
        for name, value in variables.items()
    }
    return load_renamed(generator, names, state, source)


def convert_crn(weights: Path, out: Path, classes: ClassSet | None = None) -> ConversionReport:
    """Write a model folder.

    Args:
        weights: the variables of a checkpoint, as a ``.npz``.
        out: the model folder to write.
        classes: what the channels mean, in their order, perhaps one less than there are: the last is void then. None
            takes Cityscapes' 19 for the official 20 channels, and numbers others.

    Raises:
        SemsynthError: unreadable, no cascade, or other channels than the classes say.
    """
    variables = read_variables(weights)
    channels = generator_config(variables, False, str(weights)).encoding.num_classes
    if classes is None:
        official = channels == OFFICIAL_CHANNELS
        classes = builtin("cityscapes_19") if official else numbered_classes("official", channels)
    if channels - classes.num_classes not in (0, 1):
        raise SemsynthError(
            f"{weights} reads layouts of {channels} channels, the class set '{classes.name}' has {classes.num_classes} "
            f"classes: give one of {channels}, or of {channels - 1} where the last channel is void"
        )
    config = generator_config(variables, channels > classes.num_classes, str(weights))
    generator = config.build()
    report = load_official_state(generator, variables, str(weights))
    card = Card(name=weights.stem, recipe="official code")
    save_model(out, GeneratorModel(generator=config), classes, {"generator": generator}, card)
    return report

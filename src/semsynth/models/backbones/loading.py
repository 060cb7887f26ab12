"""Backbones from files or from their publishers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from semsynth.errors import SemsynthError
from semsynth.models.backbones import efficientnet, mobilenet, stlpips
from semsynth.models.backbones.base import Backbone, BackboneName, chosen_stages
from semsynth.models.backbones.vgg import vgg_stages
from semsynth.models.vgg import VGG16, load_vgg
from semsynth.models.weights_file import downloaded, read_weights

VGG16_SIGNS = ("features.17.weight",)
"""Names that only VGG-16 has: its conv4_1, where VGG-19 has a ReLU."""
OPTION = "give a local one with `feature_weights`"


def load_backbone(name: BackboneName, path: Path | None = None, strides: Sequence[int] | None = None) -> Backbone:
    """Load a frozen network of features.

    Args:
        name: which one.
        path: ``.safetensors`` or ``.pth`` with its weights, stored in any floating-point format. What the file's
            metadata say of its input counts; else the publisher's convention. None downloads the weights from their
            publisher where there is a stable address, with their checksum verified.
        strides: of the taps, ascending; None takes all that there are.

    Raises:
        SemsynthError: no such file, or a truncated one, one of another network, one without such taps, or one with NaN.
    """
    if path is None:
        path = _download(name)
    if name == "vgg16":
        network = load_vgg(VGG16, path)
        return Backbone(name, chosen_stages(vgg_stages(network), strides, path), network.convention, path)
    file = read_weights(path)
    match name:
        case "efficientnet_lite0":
            stages, convention = efficientnet.efficientnet_lite0(file), efficientnet.CONVENTION
        case "mobilenet_v1":
            stages, convention = mobilenet.mobilenet_v1(file), mobilenet.CONVENTION
        case "stlpips_alex":
            stages, convention = stlpips.stlpips_alex(file), stlpips.convention(file)
    return Backbone(name, chosen_stages(stages, strides, path), file.stated_convention() or convention, path)


def recognised(path: Path) -> BackboneName:
    """The network whose weights a file holds, told by their names.

    Raises:
        SemsynthError: no such file, a truncated one, or one of another network.
    """
    names = read_weights(path).tensors
    signs: dict[BackboneName, tuple[str, ...]] = {
        "efficientnet_lite0": efficientnet.SIGNS,
        "mobilenet_v1": mobilenet.SIGNS,
        "stlpips_alex": stlpips.SIGNS,
        "vgg16": VGG16_SIGNS,
    }
    for name, some in signs.items():
        if any(sign in names for sign in some):
            return name
    raise SemsynthError(f"{path} holds none of the networks {', '.join(signs)}: give the weights of one of them")


def _download(name: BackboneName) -> Path:
    match name:
        case "efficientnet_lite0":
            return downloaded(efficientnet.URL, efficientnet.CHECKSUM, efficientnet.NAME, OPTION)
        case "vgg16":
            return downloaded(VGG16.URL, VGG16.CHECKSUM, VGG16.NAME, OPTION)
        case "mobilenet_v1":
            raise SemsynthError(
                f"{mobilenet.NAME} is not downloaded: {OPTION} (conv0, dw1, pw1 .. pw13, batch norms folded)"
            )
        case "stlpips_alex":
            raise SemsynthError(f"{stlpips.NAME} is not downloaded: {OPTION} (net.slice1 .. net.slice5, lin0 .. lin4)")

"""Files as the official pix2pixHD code writes them, of tiny random networks; and harmful ones."""

from __future__ import annotations

import io
import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from semsynth.convert.converting import convert_checkpoint
from semsynth.convert.official import ConversionReport
from semsynth.convert.pix2pixhd import official_names
from semsynth.convert.pix2pixhd_options import encoder_config, generator_config, parse_options
from semsynth.models.instance_encoder import InstanceEncoder
from semsynth.models.pix2pixhd import Pix2PixHDGenerator

OPTIONS: dict[str, Any] = {
    "label_nc": 3, "ngf": 4, "n_downsample_global": 2, "n_blocks_global": 1, "n_blocks_local": 1,
    "nef": 2, "n_downsample_E": 1, "num_D": 2, "ndf": 2,
}  # fmt: skip
FEATURES = {**OPTIONS, "instance_feat": True}
CLUSTERS = {0: np.array([[0.5, -0.5, 0.25], [-1.0, 1.0, 0.0]], np.float32), 2: np.array([[0.1, 0.2, 0.3]])}


def official_state(network: nn.Module) -> dict[str, Tensor]:
    """What the official code would save for ``network``."""
    return {official: network.state_dict()[name].clone() for name, official in official_names(network).items()}


def networks(options: dict[str, Any]) -> tuple[Pix2PixHDGenerator, InstanceEncoder]:
    """Generator and encoder whose pictures depend visibly on what they read."""
    parsed = parse_options(options, "test")
    made = Pix2PixHDGenerator(generator_config(parsed)).eval(), InstanceEncoder(encoder_config(parsed)).eval()
    for network in made:
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_normal_(module.weight)
    return made


def save(folder: Path, options: dict[str, Any], *made: nn.Module) -> tuple[Path, Path]:
    """Write official checkpoints of a generator and maybe an encoder; returns generator and options."""
    for network, letter in zip(made, "GE", strict=False):
        torch.save(official_state(network), folder / f"latest_net_{letter}.pth")
    (folder / "opt.json").write_text(json.dumps(options))
    return folder / "latest_net_G.pth", folder / "opt.json"


def convert_pix2pixhd(checkpoint: Path, options: Path, out: Path, **more: Any) -> ConversionReport:
    """Convert, with options in a file."""
    return convert_checkpoint("pix2pixhd", checkpoint, out, options=options, **more)


def npy(pickled: bytes) -> bytes:
    """``pickled`` as the one object of a .npy file."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": ()})
    return header.getvalue() + pickled


def boxed(content: object) -> bytes:
    return npy(pickle.dumps(np.array(content, dtype=object), 4))


def equal(found: dict[int, NDArray[np.float64]], expected: dict[int, NDArray[Any]]) -> bool:
    return found.keys() == expected.keys() and all(np.array_equal(found[key], expected[key]) for key in expected)


class Harmful:
    """Unpickled, it makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self.marker}'",)

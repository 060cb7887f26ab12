"""Checkpoints as the official SPADE code saves them, of networks of a few hundred random numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semsynth.convert.spade import official_names
from semsynth.convert.spade_options import generator_config, parse_options
from semsynth.models.spade import SPADEGenerator

OPTIONS: dict[str, Any] = {
    "dataset_mode": "custom",
    "label_nc": 3,
    "no_instance": True,
    "ngf": 1,
    "crop_size": 32,
    "nhidden": 4,
}


def renamed(network: nn.Module) -> dict[str, Tensor]:
    """The network's tensors under their official names."""
    return {official: network.state_dict()[name].clone() for name, official in official_names(network).items()}


def official_state(network: nn.Module) -> dict[str, Tensor]:
    """What the official code would save for ``network``, counters of its batch norms included."""
    state = renamed(network)
    counters = {
        name.replace("running_mean", "num_batches_tracked"): torch.tensor(7) for name in state if "running_mean" in name
    }
    return {**state, **counters}


def save_generator(folder: Path, **more: Tensor) -> Path:
    """Write ``latest_net_G.pth`` without counters but with ``more`` tensors, and its options in ``opt.json``."""
    generator = SPADEGenerator(generator_config(parse_options(OPTIONS, "test")))
    torch.save({**renamed(generator), **more}, folder / "latest_net_G.pth")
    (folder / "opt.json").write_text(json.dumps(OPTIONS))
    return folder / "latest_net_G.pth"

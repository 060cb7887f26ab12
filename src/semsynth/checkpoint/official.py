"""Networks of official codes, told by the names of their tensors wherever in a file these lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from semsynth.errors import SemsynthError
from semsynth.tensor_files import read_tensor_file

OfficialSystem = Literal["spade", "pix2pixhd", "oasis", "crn"]
"""Systems whose official checkpoints can be converted."""
Role = Literal["generator", "encoder", "discriminator"]

CODES: dict[str, str] = {"spade": "SPADE", "pix2pixhd": "pix2pixHD", "oasis": "OASIS", "crn": "CRN"}
"""System -> what people call its official code."""

_MARKS: tuple[tuple[str, str, Role], ...] = (
    ("head_0.norm_0.mlp_shared.0.weight", "spade", "generator"),
    ("fc_mu.weight", "spade", "encoder"),
    ("discriminator_0.model0.0.weight", "spade", "discriminator"),
    ("body.0.norm_0.mlp_shared.0.weight", "oasis", "generator"),
    ("layer_up_last.weight", "oasis", "discriminator"),
    ("model1_1.1.weight", "pix2pixhd", "generator"),
    ("scale0_layer0.0.weight", "pix2pixhd", "discriminator"),
    ("layer0.0.weight", "pix2pixhd", "discriminator"),
    ("g_4_conv1/weights", "crn", "generator"),
    # Codes that build on SPADE's, which cannot be converted.
    ("head_0.ace_0.blending_gamma", "SEAN", "generator"),
    ("head_0.norm_0.clade_param_free_norm.weight", "CLADE", "generator"),
    ("head_0.norm_0.class_specified_affine.weight", "CLADE", "generator"),
)
"""A tensor that only one network has, its system and its role."""
_MAX_DEPTH = 6
_GENERATOR_FILES = ("*_net_G.pth", "models/*_EMA.pth", "*_EMA.pth", "*.index")
_SUFFIXES = (".pth", ".pt", ".ckpt", ".pkl", ".bin", ".npz", ".index")


@dataclass(frozen=True)
class FoundNetwork:
    """The tensors of one network in a file."""

    system: str
    """A key of :data:`CODES`, or the name of a code that cannot be converted."""
    role: Role
    where: str
    """Keys and prefixes that were taken off, such as ``state_dict, module.``; empty where there were none."""
    state: dict[str, Tensor]


def recognize(state: Mapping[str, Tensor]) -> tuple[str, Role] | None:
    """System and role of the network that tensors belong to, by their names; None for other networks."""
    for name, system, role in _MARKS:
        if name in state:
            return system, role
    first = state.get("model.1.weight")
    if first is None or first.ndim != 4 or first.shape[-1] != 7:
        return None
    blocks = any(".conv_block." in name for name in state)
    return "pix2pixhd", "generator" if blocks or first.shape[1] != 3 else "encoder"


def find_networks(tree: Any) -> list[FoundNetwork]:
    """Every official network in what a file holds: at its top, under keys, or behind prefixes that names share."""
    return list(_search(tree, "", 0))


def _search(tree: Any, where: str, depth: int) -> list[FoundNetwork]:
    if not isinstance(tree, Mapping) or depth > _MAX_DEPTH:
        return []
    tensors = {name: value for name, value in tree.items() if isinstance(name, str) and isinstance(value, Tensor)}
    known = recognize(tensors)
    if known is not None:
        return [FoundNetwork(*known, where, tensors)]
    found = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += _search(value, _joined(where, str(key)), depth + 1)
    groups: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        prefix, dot, rest = name.partition(".")
        if dot:
            groups.setdefault(prefix, {})[rest] = value
    for prefix, group in groups.items():
        found += _search(group, _joined(where, f"{prefix}."), depth + 1)
    return found


def _joined(where: str, key: str) -> str:
    if where.endswith(".") and key.endswith("."):
        return where + key
    return f"{where}, {key}" if where else key


def describe_checkpoint(path: Path) -> str | None:
    """What a file or folder that is no model is, if it is a checkpoint, and the command that converts it.

    Returns:
        For example ``"is a checkpoint of the official SPADE code: semsynth convert spade mine --out DIR"``.
    """
    file: Path | None = path
    if path.is_dir():
        file = next((found for pattern in _GENERATOR_FILES for found in sorted(path.glob(pattern))), None)
    elif not path.is_file() or path.suffix not in _SUFFIXES:
        return None
    if file is None:
        return None
    try:
        found = [network for network in find_networks(read_tensor_file(file)) if network.system in CODES]
    except SemsynthError:
        found = []  # converting says what is wrong with it
    system = found[0].system if found else "auto"
    code = f"of the official {CODES[system]} code" if found else "and not a model of semsynth"
    return f"is a checkpoint {code}: convert it with 'semsynth convert {system} {path} --out DIR', then use DIR"

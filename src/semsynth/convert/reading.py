"""The one reader of official checkpoints: a file's format, then the network in it, then plain float32 tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from semsynth.checkpoint.official import CODES, FoundNetwork, Role, find_networks
from semsynth.convert.official import OfficialCheckpoint
from semsynth.convert.old_spectral_norm import completed
from semsynth.convert.renaming import check_fit
from semsynth.errors import SemsynthError, shortened
from semsynth.tensor_files import read_tensor_file

N = TypeVar("N", bound=nn.Module)

_EXAMPLES = {"generator": "latest_net_G.pth", "encoder": "latest_net_E.pth", "discriminator": "latest_net_D.pth"}


@dataclass(frozen=True)
class ReadNetwork:
    """The tensors of one network of an official code."""

    system: str
    role: Role
    state: dict[str, Tensor]
    """Official name -> tensor on the CPU; floating-point ones in float32."""
    notes: tuple[str, ...]
    """What was taken off or converted on the way."""


def read_network(path: Path, system: str | None, role: Role) -> ReadNetwork:
    """Read one network of an official code from a file, whatever wraps it.

    Args:
        path: written by ``torch.save`` or safetensors.
        system: the system that is expected; None takes any.
        role: what is expected.

    Raises:
        SemsynthError: one line: another kind of file, no network of these, one of another system or role, or tensors
            that are not plain numbers.
    """
    tree = read_tensor_file(path)
    found = find_networks(tree)
    fitting = [network for network in found if network.role == role and system in (None, network.system)]
    if len(fitting) > 1:
        fitting = [network for network in fitting if "ema" in network.where.lower()] or fitting
    if len(fitting) != 1:
        raise SemsynthError(_mismatch(path, tree, fitting or found, system, role, len(fitting) > 1))
    network = fitting[0]
    if network.system not in CODES:
        raise SemsynthError(f"{path} is a {role} of the {network.system} code, which cannot be converted")
    state, formats = _plain(network.state, path)
    state, old = completed(state)
    notes = [f"{path.name}: taken from under {network.where}"] if network.where else []
    notes += [f"{path.name}: {', '.join(sorted(formats))} numbers become float32"] if formats else []
    notes += [f"{path.name}: {old} singular vectors computed, which PyTorch before 1.0.1 did not save"] if old else []
    return ReadNetwork(network.system, role, state, tuple(notes))


def built(
    kind: Callable[[Any], N], config: Any, names: Callable[[nn.Module], dict[str, str]], source: OfficialCheckpoint
) -> N:
    """A network to load into; names and shapes are checked before it takes any memory.

    Raises:
        SemsynthError: tensors that are missing or of other shapes.
    """
    with torch.device("meta"):
        outline = kind(config)
    shapes = {name: value.shape for name, value in outline.state_dict().items()}
    check_fit(shapes, names(outline), source.state, source.name)
    return kind(config)


def _plain(state: Mapping[str, Tensor], path: Path) -> tuple[dict[str, Tensor], set[str]]:
    """Dense tensors, floating-point ones in single precision; and the other formats that were met."""
    plain: dict[str, Tensor] = {}
    formats: set[str] = set()
    for name, value in state.items():
        stored = value.detach()
        odd = (
            stored.layout != torch.strided or stored.is_quantized or stored.is_complex() or stored.device.type != "cpu"
        )
        if odd or stored.untyped_storage().nbytes() < stored.numel() * stored.element_size():
            raise SemsynthError(
                f"{path}: {shortened(name)} is not a plain array of numbers: save the network's state_dict()"
            )
        if stored.is_floating_point() and stored.dtype != torch.float32:
            formats.add(str(stored.dtype).removeprefix("torch."))
            stored = stored.float()
        if stored.is_floating_point() and not stored.isfinite().all():
            raise SemsynthError(f"{path}: {shortened(name)} holds NaN or infinity: take another checkpoint of the run")
        plain[name] = stored
    return plain, formats


def _mismatch(path: Path, tree: Any, found: list[FoundNetwork], system: str | None, role: Role, several: bool) -> str:
    """Why a file does not hold the one network that is looked for, and the way out."""
    if several:
        places = ", ".join(network.where or "the top" for network in found)
        return (
            f"{path} holds several networks of this kind, under {places}: save the one to convert in a file of its own"
        )
    if not found:
        return f"{path} holds no network of the official codes{_contents(tree)}: give a file such as {_EXAMPLES[role]}"
    network = found[0]
    what = f"{path} is a {network.role} of the official {CODES.get(network.system, network.system)} code"
    if network.system not in CODES:
        return f"{what}, which cannot be converted"
    if network.system != system and system is not None and network.role == role:
        return f"{what}, not of {CODES[system]}'s: use 'semsynth convert {network.system}'"
    return f"{what}, not a {role}: give a file such as {_EXAMPLES[role]}"


def _contents(tree: Any) -> str:
    if not isinstance(tree, Mapping):
        return f" (it holds a {type(tree).__name__})"
    names = [shortened(name) for name in list(tree)[:4]]
    more = f" and {len(tree) - 4} more" if len(tree) > 4 else ""
    return f" (it holds {', '.join(names)}{more})" if names else " (it holds nothing)"

"""Official state dicts in our networks: tensors renamed, checked, and what is left over sorted into kinds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from torch import Tensor, nn

from semsynth.convert.official import COUNTER, ConversionReport
from semsynth.errors import SemsynthError


def load_renamed(
    network: nn.Module, names: Mapping[str, str], state: Mapping[str, Tensor], source: str
) -> ConversionReport:
    """Load an official state dict into ``network``, keeping the network's number format.

    Args:
        network: to load into.
        names: our name -> official name of every tensor in the network's state.
        state: the official state dict.
        source: what messages call it.

    Raises:
        SemsynthError: names that are missing, shapes that differ, or parameters that have no place, in one line.
    """
    check_fit({ours: value.shape for ours, value in network.state_dict().items()}, names, state, source)
    network.load_state_dict({ours: state[name] for ours, name in names.items()})
    return leftovers(set(names.values()), state, source)


def check_fit(
    expected: Mapping[str, Sequence[int]], names: Mapping[str, str], state: Mapping[str, Tensor], source: str
) -> None:
    """Check that every tensor of a network is in a state dict, in its shape.

    Raises:
        SemsynthError: names that are missing or shapes that differ, all in one line.
    """
    problems = [f"{name} is missing" for name in names.values() if name not in state]
    problems += [
        f"{name} is {list(state[name].shape)} instead of {list(expected[ours])}"
        for ours, name in names.items()
        if name in state and tuple(state[name].shape) != tuple(expected[ours])
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise SemsynthError(f"{source} does not fit its options: {', '.join(problems[:5])}{more}")


_STATISTICS = ("running_mean", "running_var")
_PARAMETERS = frozenset(
    ("weight", "bias", "weight_orig", "weight_u", "weight_v", "weight_bar", "weights", "biases", *_STATISTICS)
)


def leftovers(used: Collection[str], state: Mapping[str, Tensor], source: str) -> ConversionReport:
    """Sort the tensors that a network did not take into kinds that nothing reads, and others.

    Raises:
        SemsynthError: parameters of layers that the network does not have: its options are those of another network.
    """
    kinds: dict[str, list[str]] = {}
    for name in state:
        if name not in used:
            kinds.setdefault(_kind_of(name, state), []).append(name)
    if wrong := kinds.pop("parameters", []):
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise SemsynthError(
            f"{source} does not fit its options, which have no place for {', '.join(wrong[:5])}{more}: options of "
            "another network, or a checkpoint of changed code"
        )
    unused = tuple(kinds.pop("", ()))
    phrases = tuple(f"{len(found)} {kind if len(found) > 1 else _SINGULAR[kind]}" for kind, found in kinds.items())
    return ConversionReport(len(used), unused, len(kinds.get("batch counters", ())), left_out=phrases)


_SINGULAR = {
    "batch counters": "batch counter",
    "running statistics of instance norms": "running statistic of an instance norm",
    "variables of Adam": "variable of Adam",
    "counts of operations": "count of operations",
}
"""Kinds of tensors that nothing reads, for one of them."""


def _kind_of(name: str, state: Mapping[str, Tensor]) -> str:
    """Why nothing reads a tensor; "parameters" of one that should have been read, empty if that is unknown."""
    module, _, last = name.rpartition(".")
    scope, _, variable = name.rpartition("/")
    if last == COUNTER:
        return "batch counters"
    if last in _STATISTICS and f"{module}.weight" not in state:
        return "running statistics of instance norms"  # PyTorch 0.3 and before saved them, and no test reads them
    if variable.startswith("Adam") or name in ("beta1_power", "beta2_power", "global_step"):
        return "variables of Adam"
    if last in ("total_ops", "total_params"):
        return "counts of operations"
    return "parameters" if (module and last in _PARAMETERS) or (scope and variable in _PARAMETERS) else ""


def spectral_name(name: str, state: Mapping[str, Tensor]) -> str:
    """The name that ``torch.nn.utils.spectral_norm`` gives a tensor of a layer with singular vectors."""
    module, _, last = name.rpartition(".")
    if f"{module}.u" not in state:
        return name
    return f"{module}.{({'weight': 'weight_orig', 'u': 'weight_u', 'v': 'weight_v'}).get(last, last)}"


def substituted(name: str, rules: tuple[tuple[str, str], ...]) -> str:
    """A name after regular expressions and their replacements, one after the other."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name

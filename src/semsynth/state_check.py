"""Whether a checkpoint's content is what a learner continues from: checked whole before anything of it is used.

PyTorch checks little: an average of Adam's that has another shape or other strides than its parameter is read and
written out of bounds by the fused kernels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from semsynth.errors import SHOWN_PROBLEMS, shortened
from semsynth.tensor_files import misfits

_AVERAGES = ("exp_avg", "exp_avg_sq")
"""Adam's, of the shape of the parameter; beside them it keeps ``step``."""


def number_problem(state: Mapping[str, Any], key: str, whole: bool = True) -> str | None:
    """What is wrong with a count, or with a time in seconds; None: nothing."""
    value = state.get(key)
    kinds = int if whole else (int, float)
    if isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value < 2**53 and math.isfinite(value):
        return None
    return f"its {key} is {shortened(repr(value))}"


def network_problems(kind: str, expected: Mapping[str, Mapping[str, Tensor]], given: object) -> Iterator[str]:
    """Problems with the tensors of several networks.

    Args:
        kind: what the networks are called: ``network``.
        expected: tensors by name, by the network's name.
        given: what the checkpoint has in this place; other networks than those expected do not matter.
    """
    for name, tensors in expected.items():
        if not isinstance(given, Mapping) or name not in given:
            yield f"there is no {kind} '{name}'"
            continue
        found = misfits(tensors, given[name])
        yield from (f"{kind} '{name}': {problem}" for problem in found[:SHOWN_PROBLEMS])


def adam_problems(name: str, parameters: Sequence[nn.Parameter], steps: int, given: object) -> Iterator[str]:
    """Problems with an optimiser's state.

    Args:
        name: the phase's.
        parameters: that the optimiser changes.
        steps: of the run; the optimiser has taken this number at most.
        given: what the checkpoint has in this place.
    """
    groups = given.get("param_groups") if isinstance(given, Mapping) else None
    states = given.get("state") if isinstance(given, Mapping) else None
    one = groups[0] if isinstance(groups, list) and len(groups) == 1 else None
    if not isinstance(one, Mapping) or one.get("params") != list(range(len(parameters))):
        yield f"the optimizer '{name}' is of other parameters"
        return
    if not isinstance(states, Mapping) or not set(states) <= set(range(len(parameters))):
        yield f"the optimizer '{name}' has states of other parameters"
        return
    for number, state in states.items():
        parameter = parameters[number]
        averages = state
        if isinstance(state, Mapping):
            averages = {key: value for key, value in state.items() if key != "step"}
        for problem in misfits(dict.fromkeys(_AVERAGES, parameter.detach()), averages):
            yield f"the optimizer '{name}', parameter {number}: {problem}"
        if isinstance(state, Mapping) and not _counts(state.get("step"), steps):
            yield f"the optimizer '{name}', parameter {number}: its step is {shortened(repr(state.get('step')))}"


def _counts(value: object, steps: int) -> bool:
    if isinstance(value, Tensor):
        plain = value.layout == torch.strided and value.device.type != "meta" and value.numel() == 1
        value = value.item() if plain else None
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= steps and value % 1 == 0


def adam_state(parameters: Sequence[nn.Parameter], given: Mapping[str, Any]) -> dict[int, dict[str, Tensor]]:
    """Adam's state, checked before, in memory of its own that is laid out as the parameters are."""
    return {
        number: {
            "step": torch.as_tensor(state["step"], dtype=torch.float32).reshape(()).clone(),
            **{key: torch.empty_like(parameters[number]).detach().copy_(state[key]) for key in _AVERAGES},
        }
        for number, state in given["state"].items()
    }


def scale_problems(expected: Mapping[str, Any], given: object) -> Iterator[str]:
    """Problems with what the arithmetic keeps: the scale of losses in half precision."""
    if not isinstance(given, Mapping) or given.keys() != expected.keys():
        yield "its arithmetic is another one"
        return
    for key, value in expected.items():
        problem = number_problem(given, key, whole=isinstance(value, int))
        if problem is not None or (isinstance(value, float) and given[key] <= 0):
            yield problem or f"its {key} is {given[key]}"

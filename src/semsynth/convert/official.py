"""What the converters of all official codes share: options, pickled state dicts, and the renaming of tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor, nn

from semsynth.classes import ClassInfo, ClassSet
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.files import explained

COUNTER = "num_batches_tracked"
"""A counter in the official batch norms that nothing reads: their momentum is fixed."""

O = TypeVar("O", bound=BaseModel)  # noqa: E741


@dataclass(frozen=True)
class ConversionReport:
    """What became of an official checkpoint."""

    loaded: int
    """Tensors that were taken over."""
    unused: tuple[str, ...]
    """Official names that have no place in the network, counters aside."""
    counters: int
    """Counters of batches that were left out: nothing reads them."""
    notes: tuple[str, ...] = ()
    """What else a person should know."""


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
        SemsynthError: names that are missing or shapes that differ, all in one line.
    """
    expected = network.state_dict()
    problems = [f"{name} is missing" for name in names.values() if name not in state]
    problems += [
        f"{name} is {list(state[name].shape)} instead of {list(expected[ours].shape)}"
        for ours, name in names.items()
        if name in state and state[name].shape != expected[ours].shape
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise SemsynthError(f"{source} does not fit its options: {', '.join(problems[:5])}{more}")
    network.load_state_dict({ours: state[name] for ours, name in names.items()})
    left = [name for name in state if name not in set(names.values())]
    counters = [name for name in left if name.endswith(f".{COUNTER}")]
    return ConversionReport(len(names), tuple(name for name in left if name not in counters), len(counters))


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


def load_official_checkpoint(path: Path) -> dict[str, Tensor]:
    """Read a ``*_net_G.pth``: a pickled state dict, of which only tensors are accepted.

    Raises:
        SemsynthError: missing, corrupt, or anything but a state dict; code inside is never run.
    """
    with explained(path, "cannot read"):
        file = path.open("rb")
    with file:
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds, from UnpicklingError to OSError
            raise SemsynthError(
                f"{path} is corrupt, or no plain state dict ({type(error).__name__}); nothing in it was run: "
                "give a file that the official code saved, such as latest_net_G.pth"
            ) from error
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise SemsynthError(f"{path} holds no state dict of tensors: give a file such as latest_net_G.pth")
    return state


def official_color(number: int) -> tuple[int, int, int]:
    """The official palette: the bits of the number, lowest first, are dealt to red, green and blue from the top."""
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            channels[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
    return channels[0], channels[1], channels[2]


def numbered_classes(name: str, count: int) -> ClassSet:
    """Classes without names, in the colours of the official codes' pictures."""
    infos = tuple(ClassInfo(id=i, name=f"class {i}", color=official_color(i + 1)) for i in range(count))
    return ClassSet(name=name, classes=infos)


def read_option_values(path: Path) -> Any:
    """Read official options from JSON, or from the ``opt.txt`` that official training writes.

    Raises:
        SemsynthError: unreadable or pickled.
    """
    if path.suffix == ".pkl":
        raise SemsynthError(f"{path} is a pickle and could run code: give the opt.txt beside it, or JSON")
    if path.suffix == ".json":
        return read_json(path)
    with explained(path, "cannot read"):
        text = path.read_text(errors="replace")
    return _parse_opt_txt(text)


def checked_options(kind: type[O], values: Any, source: str) -> O:
    """Check a dictionary of official options; one inside another under the key ``opt`` is taken, too.

    Raises:
        SemsynthError: values that cannot be.
    """
    if isinstance(values, Mapping) and isinstance(values.get("opt"), Mapping):
        values = values["opt"]
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'options'}: {e['msg']}" for e in error.errors())
        raise SemsynthError(f"{source} holds no usable options of the official code: {problems}") from None


def _parse_opt_txt(text: str) -> dict[str, Any]:
    """The options in lines such as ``crop_size: 256 [default: 512]``, with a tabulator before the bracket."""
    words: dict[str, Any] = {"True": True, "False": False, "None": None}
    values = {}
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        if colon:
            value = rest.split("\t")[0].strip()
            values[name.strip()] = words.get(value, value)
    return {name: value for name, value in values.items() if value is not None}

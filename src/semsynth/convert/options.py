"""One way to a network's options: read off its tensors, given, the official default, or asked for by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from semsynth.convert.option_names import OPTION_NAMES
from semsynth.errors import SemsynthError, shortened

O = TypeVar("O", bound=BaseModel)  # noqa: E741

_MAX_NAMES = 5


@dataclass(frozen=True)
class OptionValue:
    """An official option, and where its value comes from."""

    name: str
    value: Any
    origin: str
    """For example ``opt.txt``, ``read off fc.weight`` or ``official default of dataset_mode coco``."""

    def __str__(self) -> str:
        return f"{self.name} = {self.value} ({self.origin})"


Options = dict[str, OptionValue]
"""Official name -> option."""


def values_of(options: Mapping[str, OptionValue]) -> dict[str, Any]:
    """Official name -> value."""
    return {name: option.value for name, option in options.items()}


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
        problems = [f"{'.'.join(map(str, e['loc'])) or 'options'}: {e['msg']}" for e in error.errors()]
        more = f" and {len(problems) - _MAX_NAMES} more" if len(problems) > _MAX_NAMES else ""
        text = shortened("; ".join(problems[:_MAX_NAMES])) + more
        raise SemsynthError(f"{source} holds no usable options of the official code: {text}") from None


def official_name(kind: type[BaseModel], field: str) -> str:
    """The official name of an option that our model calls ``field``."""
    return kind.model_fields[field].alias or field


def normalized(kind: type[O], given: Options, required: Mapping[str, Any], source: str) -> Options:
    """Given options with values of their types; those that don't matter here are left out.

    Args:
        kind: the options that matter.
        given: what files and the command line say.
        required: values that stand in for those without which ``kind`` cannot be checked.
        source: what messages call them.

    Raises:
        SemsynthError: values that cannot be.
    """
    parsed = checked_options(kind, {**required, **values_of(given)}, source)
    names = {official_name(kind, field): field for field in kind.model_fields}
    return {
        name: OptionValue(name, getattr(parsed, names[name]), option.origin)
        for name, option in given.items()
        if name in names
    }


def fit_channels(
    total: int,
    evidence: str,
    settled: Options,
    choices: Mapping[str, Sequence[Any]],
    count: Callable[[Mapping[str, Any]], int],
    *,
    source: str,
    defaults_count: bool = True,
) -> tuple[Options, list[str]]:
    """Find the options whose channels add up to what a tensor reads.

    Args:
        total: channels that the tensor reads.
        evidence: the tensor's name.
        settled: options that are given, or defaults that are as good as given.
        choices: the other options -> possible values, the official default first.
        count: values of all of them -> channels, or -1 for values that exclude each other.
        source: the checkpoint, for messages.
        defaults_count: whether the defaults win where other values fit, too.

    Returns:
        The options of ``choices``: their defaults where these add up, else the only values that do; and, if several
        do or none does, the names of those that must be given.

    Raises:
        SemsynthError: everything is given, and adds up to another number.
    """
    fixed = values_of(settled)
    combinations = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    fits = [values for values in combinations if count({**fixed, **values}) == total]
    if not fits:
        if choices and "label_nc" in choices:
            return {}, list(choices)
        said = ", ".join(f"{name} {option.value}" for name, option in settled.items())
        raise SemsynthError(
            f"options contradict {source}: its {evidence} reads {total} channels, which {said} do not make"
        )
    if len(fits) > 1 and not (defaults_count and fits[0] == combinations[0]):
        return {}, [name for name in choices if len({repr(values[name]) for values in fits}) > 1]
    origin = f"official default, fits {evidence}" if fits[0] == combinations[0] else f"read off {evidence}"
    return {name: OptionValue(name, value, origin) for name, value in fits[0].items()}, []


def merged(kind: type[O], read: Options, given: Options, defaults: Options, source: str) -> tuple[O, Options]:
    """The options of a network.

    Args:
        kind: the options that matter.
        read: what names and shapes of the tensors say.
        given: normalised; must agree with ``read``.
        defaults: for what neither says.
        source: the checkpoint, for messages.

    Returns:
        The options, and every one of them that was read off, given or a default of the dataset.

    Raises:
        SemsynthError: given options that contradict the tensors.
    """
    wrong = [
        f"{name} {given[name].value} ({given[name].origin}) instead of {option.value} ({option.origin})"
        for name, option in read.items()
        if name in given and given[name].value != option.value
    ]
    if wrong:
        more = f" and {len(wrong) - _MAX_NAMES} more" if len(wrong) > _MAX_NAMES else ""
        raise SemsynthError(f"options contradict {source}: {'; '.join(wrong[:_MAX_NAMES])}{more}: correct them")
    used = {**defaults, **read, **given}
    return checked_options(kind, values_of(used), source), used


def unknown_names(given: Mapping[str, OptionValue], code: str) -> tuple[str, ...]:
    """Notes about names that the official code does not have: forks add some, and others are misspelt."""
    known = OPTION_NAMES[code]
    notes, strange = [], []
    for name in given:
        if name in known:
            continue
        near = difflib.get_close_matches(name, sorted(known - set(given)), 1, 0.85)
        if near:
            notes.append(f"'{shortened(name)}' is not an option of the official {code} code; did you mean '{near[0]}'?")
        else:
            strange.append(shortened(name))
    if strange:
        more = f" and {len(strange) - _MAX_NAMES} more" if len(strange) > _MAX_NAMES else ""
        notes.append(f"not options of the official {code} code, left out: {', '.join(strange[:_MAX_NAMES])}{more}")
    return tuple(notes)

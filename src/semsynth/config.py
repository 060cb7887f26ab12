"""Configurations: frozen, strict about misspelt keys, and overridable from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from semsynth.documents import checked, read_json
from semsynth.errors import SHOWN_PROBLEMS, SemsynthError, shortened
from semsynth.files import write_json

C = TypeVar("C", bound="Config")

Overrides = Mapping[str, Any] | Iterable[str]
"""Changes of a configuration: ``{"generator.width": 32}``, or texts such as ``generator.width=32``."""


class Config(BaseModel):
    """Base of every configuration: immutable, and unknown keys are errors."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @classmethod
    def kind_of(cls, values: object) -> type[Config]:
        """The class that plain ``values`` are validated as: this one, unless a subclass is named in them."""
        return cls


def validated(kind: type[C], values: Any, source: str) -> C:
    """Build a ``kind`` from plain ``values``.

    Raises:
        SemsynthError: one line with the first wrong keys or values, prefixed by ``source``.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        problems = "; ".join(_explain(kind, values, dict(problem)) for problem in found[:SHOWN_PROBLEMS])
        more = f"; and {len(found) - SHOWN_PROBLEMS} more" if len(found) > SHOWN_PROBLEMS else ""
        raise SemsynthError(f"{source}: {problems}{more}") from None


def load_config(kind: type[C], path: Path) -> C:
    """Read a configuration from a JSON file."""
    return validated(kind, read_json(path), str(path))


def dump_config(config: Config, path: Path) -> None:
    """Write a configuration as JSON, atomically."""
    write_json(path, config.model_dump(mode="json"))


def override(config: C, overrides: Overrides) -> C:
    """Apply changes such as ``{"generator.width": 32}`` and validate the result as a whole.

    Args:
        config: stays as it is.
        overrides: see :func:`assignments`.

    Raises:
        SemsynthError: an assignment without ``=``, an unknown key, or a value of the wrong type.
    """
    changes = assignments(overrides)
    source = f"overrides {', '.join(changes)}" if changes else "the configuration"
    return validated(type(config), assigned(config.model_dump(), changes), source)


def assignments(overrides: Overrides) -> list[str]:
    """Changes of a configuration as texts ``KEY=VALUE``.

    Args:
        overrides: a mapping from dotted keys to values, or such texts (one alone counts, too). In a text the value is
            read as JSON where it parses as such, and as a plain string otherwise. A mapping in place of a section
            replaces the whole section.

    Raises:
        SemsynthError: a value that JSON has no form for.
    """
    if isinstance(overrides, str):
        return [overrides]
    if not isinstance(overrides, Mapping):
        return list(overrides)
    return [f"{key}={_written(key, value)}" for key, value in overrides.items()]


def _written(key: str, value: Any) -> str:
    try:
        return to_json(value, inf_nan_mode="constants").decode()
    except PydanticSerializationError as error:
        raise SemsynthError(f"override {key}={value!r}: expected a number, text, list or mapping") from error


def assigned(values: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Plain ``values`` after assignments as :func:`override` takes them, not validated; changed in place.

    Raises:
        SemsynthError: an assignment without ``=``, or an unknown key.
    """
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise SemsynthError(f"override {assignment}: expected KEY=VALUE, for example generator.width=32")
        *parents, last = key.strip().split(".")
        section: Any = values
        for parent in parents:
            section = section.get(parent) if isinstance(section, dict) else None
            if not isinstance(section, dict):
                raise SemsynthError(f"override {assignment}: there is no section '{parent}'; {_choices(values)}")
        if last not in section:
            raise SemsynthError(f"override {assignment}: there is no key '{last}'; {_choices(section)}")
        section[last] = _parse(text)
    return values


def _parse(text: str) -> Any:
    try:
        return checked(json.loads(text))
    except (ValueError, RecursionError):
        return text


def _choices(section: dict[str, Any]) -> str:
    return "known here: " + ", ".join(sorted(section))


def _explain(kind: type[Config], values: Any, problem: dict[str, Any]) -> str:
    where = shortened(".".join(str(part) for part in problem["loc"]))
    if problem["type"] == "extra_forbidden":
        section: Any = kind
        for part in problem["loc"][:-1]:
            field = section.model_fields.get(part) if hasattr(section, "model_fields") else None
            values = values.get(part) if isinstance(values, dict) else None
            section = field.annotation if field else None
            section = section.kind_of(values) if hasattr(section, "kind_of") else section
        known = f" (known: {', '.join(section.model_fields)})" if hasattr(section, "model_fields") else ""
        return f"unknown key '{where}'{known}"
    message = shortened(problem["msg"].removeprefix("Value error, "))
    if isinstance(problem["input"], dict | BaseModel):  # parts that do not fit together: the message says which
        return f"{where}: {message}" if where else message
    return f"{where or 'value'}: {message}, got {shortened(repr(problem['input']))}"

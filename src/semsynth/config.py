"""Configurations: frozen, strict about misspelt keys, and overridable from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from semsynth.errors import SemsynthError
from semsynth.files import read_json, write_json

C = TypeVar("C", bound="Config")


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
        SemsynthError: one line with every wrong key or value, prefixed by ``source``.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(_explain(kind, values, dict(problem)) for problem in error.errors())
        raise SemsynthError(f"{source}: {problems}") from None


def load_config(kind: type[C], path: Path) -> C:
    """Read a configuration from a JSON file."""
    return validated(kind, read_json(path), str(path))


def dump_config(config: Config, path: Path) -> None:
    """Write a configuration as JSON, atomically."""
    write_json(path, config.model_dump(mode="json"))


def override(config: C, assignments: Iterable[str]) -> C:
    """Apply assignments such as ``generator.width=32`` and validate the result as a whole.

    Values are read as JSON where they parse as such and as plain strings otherwise.

    Raises:
        SemsynthError: an assignment without ``=``, an unknown key, or a value of the wrong type.
    """
    return validated(type(config), assigned(config.model_dump(), assignments), "--set " + " --set ".join(assignments))


def assigned(values: dict[str, Any], assignments: Iterable[str]) -> dict[str, Any]:
    """Plain ``values`` after assignments as :func:`override` takes them, not validated; changed in place.

    Raises:
        SemsynthError: an assignment without ``=``, or an unknown key.
    """
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise SemsynthError(f"--set {assignment}: expected KEY=VALUE, for example generator.width=32")
        *parents, last = key.strip().split(".")
        section: Any = values
        for parent in parents:
            section = section.get(parent) if isinstance(section, dict) else None
            if not isinstance(section, dict):
                raise SemsynthError(f"--set {assignment}: there is no section '{parent}'; {_choices(values)}")
        if last not in section:
            raise SemsynthError(f"--set {assignment}: there is no key '{last}'; {_choices(section)}")
        section[last] = _parse(text)
    return values


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _choices(section: dict[str, Any]) -> str:
    return "known here: " + ", ".join(sorted(section))


def _explain(kind: type[Config], values: Any, problem: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        section: Any = kind
        for part in problem["loc"][:-1]:
            field = section.model_fields.get(part) if hasattr(section, "model_fields") else None
            values = values.get(part) if isinstance(values, dict) else None
            section = field.annotation if field else None
            section = section.kind_of(values) if hasattr(section, "kind_of") else section
        known = f" (known: {', '.join(section.model_fields)})" if hasattr(section, "model_fields") else ""
        return f"unknown key '{where}'{known}"
    message = problem["msg"].removeprefix("Value error, ")
    if isinstance(problem["input"], dict | BaseModel):  # parts that do not fit together: the message says which
        return f"{where}: {message}" if where else message
    return f"{where or 'value'}: {message}, got {problem['input']!r}"

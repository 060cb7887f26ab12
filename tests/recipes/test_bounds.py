"""Whatever a setting is set to, the answer is one line or a configuration that ends: no field without bounds."""

from __future__ import annotations

import math
import pkgutil
import types
import typing
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from annotated_types import Ge, Gt, Le, Lt

import semsynth.models
from semsynth.config import Config, override
from semsynth.data.toy import TOY_CLASSES
from semsynth.errors import SemsynthError
from semsynth.evaluation.segmenters.training import SegmenterSettings
from semsynth.models.generator import FAMILIES
from semsynth.recipes import RECIPES
from semsynth.recipes.base import RecipeConfig

ODD = ("0", "-1", "0.5", "1", "2", "17", "65536", "1e6", "1e-320", "1e300", "Infinity", "-Infinity", "NaN", str(10**30))
OTHER = ("true", "null", '""', "x", "[]", "{}", "[1e300]", '{"a": 1}')


def kinds() -> set[type[Config]]:
    """Every class of settings that a recipe or a generator's family can hold."""
    for module in pkgutil.iter_modules(semsynth.models.__path__, "semsynth.models."):
        import_module(module.name)
    found: set[type[Config]] = set()
    waiting: list[Any] = [*(system.config for system in RECIPES.values()), *FAMILIES.values(), SegmenterSettings]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, Config) and kind not in found:
            found.add(kind)
            waiting += [field.annotation for field in kind.model_fields.values()]
        else:
            waiting += [] if isinstance(kind, type) and not typing.get_args(kind) else typing.get_args(kind)
    return found


def unbounded(annotation: Any, metadata: list[Any]) -> Iterator[Any]:
    """Numbers in an annotation without a bound on either side."""
    origin = typing.get_origin(annotation)
    if annotation in (int, float):
        lower = any(isinstance(one, Ge | Gt) for one in metadata)
        if not (lower and any(isinstance(one, Le | Lt) for one in metadata)):
            yield annotation
    elif origin is typing.Annotated:
        inner, *more = typing.get_args(annotation)
        flat = [one for given in more for one in getattr(given, "metadata", [given])]
        yield from unbounded(inner, [*metadata, *flat])
    elif origin in (typing.Union, types.UnionType):
        for part in typing.get_args(annotation):
            yield from unbounded(part, metadata)
    elif origin in (tuple, list, dict):
        for part in typing.get_args(annotation):
            yield from unbounded(part, [])


def test_every_number_has_bounds_on_both_sides() -> None:
    without = [
        f"{kind.__name__}.{name}"
        for kind in kinds()
        for name, field in kind.model_fields.items()
        if list(unbounded(field.annotation, list(field.metadata)))
    ]
    assert len(kinds()) > 20
    assert sorted(without) == []


def settings(values: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield prefix + key
        if isinstance(value, dict):
            yield from settings(value, f"{prefix}{key}.")


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers(inner)
    elif isinstance(value, int | float):
        yield value


def assert_answered(config: RecipeConfig, key: str, value: str) -> None:
    try:
        changed = override(config, [f"{key}={value}"])
    except SemsynthError:
        return
    assert all(math.isfinite(number) for number in numbers(changed.model_dump())), (key, value)
    assert 0 < changed.total_steps(1000) <= 10**13, (key, value)
    assert 0 <= changed.training.average_decay < 1, (key, value)
    for epoch in (0, 10**6):
        assert 0 <= changed.schedule.factor(epoch) <= 1, (key, value)


@pytest.mark.parametrize("system", ["spade", pytest.param("*", marks=pytest.mark.slow)])
def test_odd_values_are_one_line_or_a_bounded_configuration(system: str) -> None:
    for name in RECIPES if system == "*" else (system,):
        config = RECIPES[name].presets["default"](TOY_CLASSES, True)
        for key in settings(config.model_dump()):
            for value in ODD + OTHER:
                assert_answered(config, key, value)


@pytest.mark.parametrize(
    "setting",
    [
        "generator_optimizer.lr=0",
        "generator_optimizer.lr=-1e-4",
        "generator_optimizer.beta1=1",
        "generator_optimizer.beta2=-0.1",
        "generator_optimizer.beta2=NaN",
        "training.batch_size=10000000",
        "training.steps=1e300",
        "loss.kl=Infinity",
        "data.crop_size=100000000",
    ],
)
def test_what_ended_in_tracebacks(setting: str) -> None:
    with pytest.raises(SemsynthError, match=setting.partition("=")[0]):
        override(RECIPES["spade"].presets["default"](TOY_CLASSES, True), [setting])

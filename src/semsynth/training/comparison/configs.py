"""From a plan to configurations that differ in what is compared, and in nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from semsynth.classes import ClassSet
from semsynth.config import override, validated
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES
from semsynth.recipes.base import RecipeConfig
from semsynth.training.comparison.plan import Budget, Plan

R = TypeVar("R", bound=RecipeConfig)

ENDLESS = 10**9
"""Steps of trainings that time ends."""
CURVE_POINTS = 50
"""Log lines of a short training, at least."""
_SCALED = ("width", "widths", "hidden")


def resolve(plan: Plan, classes: ClassSet, instances: bool) -> dict[str, RecipeConfig]:
    """The entries' configurations, by name, in order.

    Each begins with its preset. All share the seed, the largest of the presets' batch sizes and one way from files to
    samples: the first preset's that makes pictures of one size, else the first one's. Then come the plan's settings,
    the entry's own, the factor on the widths, and the budget.

    Args:
        plan: of recipes and presets that exist.
        classes: the dataset's.
        instances: whether it has instance maps.

    Raises:
        SemsynthError: a key that no entry has or that the budget decides, or a value that does not fit.
    """
    presets = [RECIPES[entry.recipe].presets[entry.preset](classes, instances) for entry in plan.entries]
    shared = _shared(plan, presets)
    bases = _with_settings_of_all(plan, [_merged(one, shared) for one in presets])
    images = [(plan.budget.steps or 0) * base.training.batch_size for base in bases]
    configs = {}
    for entry, base, seen in zip(plan.entries, bases, images, strict=True):
        try:
            config = _at_one_size(override(base, _allowed(entry.settings)))
            config = scale_widths(config, plan.width_scale)
            configs[entry.name] = _with_steps(config, plan.budget, seen)
        except SemsynthError as error:
            raise SemsynthError(f"{entry.name}: {error}") from None
    return configs


def _shared(plan: Plan, presets: Sequence[RecipeConfig]) -> dict[str, Any]:
    pipelines: list[Pipeline] = [preset.data for preset in presets]
    pipeline = next((one for one in pipelines if one.output_size), pipelines[0])
    batch_size = max(preset.training.batch_size for preset in presets)
    training: dict[str, Any] = {"batch_size": batch_size, "seed": plan.seed}
    if plan.budget.steps is not None:
        shortest = min(preset.training.log_every for preset in presets)
        training["log_every"] = max(1, min(shortest, plan.budget.steps // CURVE_POINTS))
    return {"data": pipeline.model_dump(), "training": training}


def _merged(config: R, changes: dict[str, dict[str, Any]]) -> R:
    values = config.model_dump()
    for section, changed in changes.items():
        values[section] |= changed
    return validated(type(config), values, "comparison")


def _with_settings_of_all(plan: Plan, configs: Sequence[RecipeConfig]) -> list[RecipeConfig]:
    """Apply each setting where its key exists."""
    settings = _allowed(plan.settings)
    for setting in settings:
        if not any(_has(config, setting) for config in configs):
            override(configs[0], [setting])  # says what is wrong
    changed = []
    for entry, config in zip(plan.entries, configs, strict=True):
        try:
            changed.append(override(config, [setting for setting in settings if _has(config, setting)]))
        except SemsynthError as error:
            raise SemsynthError(f"{entry.name}: {error}") from None
    return changed


def _allowed(settings: Sequence[str]) -> Sequence[str]:
    for setting in settings:
        if setting.partition("=")[0].strip() == "training.steps":
            raise SemsynthError(f"--set {setting}: the budget is one for all entries: use --steps or --minutes")
    return settings


def _has(config: RecipeConfig, setting: str) -> bool:
    section: Any = config.model_dump()
    for part in setting.partition("=")[0].strip().split("."):
        if not isinstance(section, dict) or part not in section:
            return False
        section = section[part]
    return True


def _at_one_size(config: R) -> R:
    """Generators that are made for one size get the size of the pictures."""
    values, data = config.model_dump(), config.data
    generator = values.get("generator")
    if data.output_size is None or not isinstance(generator, dict):
        return config
    size = {"crop_size": data.crop_size, "aspect_ratio": data.aspect_ratio}
    generator |= {key: value for key, value in size.items() if key in generator}
    return validated(type(config), values, "generator")


def scale_widths(config: R, factor: float) -> R:
    """Multiply every network's channels.

    The rule: whole numbers, and lists of them, in fields called ``width``, ``widths`` or ``hidden`` or whose name ends
    in ``_width``, ``_widths`` or ``_hidden``, at any depth; rounded, and at least 1. Channels of pictures, of styles
    and of instance features stay.

    Raises:
        SemsynthError: the recipe cannot have such widths.
    """
    if factor == 1:
        return config
    return validated(type(config), _scaled(config.model_dump(), factor), f"--width-scale {factor:g}")


def _scaled(values: dict[str, Any], factor: float) -> dict[str, Any]:
    return {key: _scaled_value(key, value, factor) for key, value in values.items()}


def _scaled_value(key: str, value: Any, factor: float) -> Any:
    if isinstance(value, dict):
        return _scaled(value, factor)
    if key not in _SCALED and not key.endswith(tuple(f"_{name}" for name in _SCALED)):
        return value
    if isinstance(value, list | tuple):
        return [_scaled_value(key, one, factor) for one in value]
    return max(1, round(value * factor)) if isinstance(value, int) and not isinstance(value, bool) else value


def _with_steps(config: R, budget: Budget, images: int) -> R:
    steps = ENDLESS if budget.steps is None else math.ceil(images / config.training.batch_size)
    return _merged(config, {"training": {"steps": steps}})

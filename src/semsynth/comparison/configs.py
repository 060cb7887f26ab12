"""From a plan to configurations that differ in what is compared, and in nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from semsynth.classes import ClassSet
from semsynth.comparison.plan import Entry, Plan
from semsynth.config import assigned, override, validated
from semsynth.data.transforms import Pipeline
from semsynth.errors import SemsynthError, errors_of
from semsynth.recipes import RECIPES
from semsynth.recipes.base import RecipeConfig, Training

R = TypeVar("R", bound=RecipeConfig)

ENDLESS = 10**9
"""Steps of trainings that time ends."""
CURVE_POINTS = 50
"""Log lines of a short training, at least."""
_EQUAL = ("batch_size", "seed", "log_every")
"""Keys of ``training`` that are the same for all, unless an entry's own settings say otherwise."""
_SCALED = ("width", "widths", "hidden")


def resolve(plan: Plan, classes: ClassSet, instances: bool) -> dict[str, RecipeConfig]:
    """The entries' configurations, by name, in order.

    Each begins with its preset. All share the seed, the largest of the presets' batch sizes and one way from files to
    samples: the one to the largest pictures of one size, else the first preset's. Then come the plan's settings, the
    entry's own, the factor on the widths, and the budget.

    Args:
        plan: of recipes and presets that exist.
        classes: the dataset's.
        instances: whether it has instance maps.

    Raises:
        SemsynthError: a key that no entry has or that the budget decides, or a value that does not fit.
    """
    presets = [RECIPES[entry.recipe].presets[entry.preset](classes, instances) for entry in plan.entries]
    for setting in _allowed(plan.settings):
        if not any(_has(preset, setting) for preset in presets):
            override(presets[0], [setting])  # says what is wrong
    shared = _shared(plan, presets)
    configs = {}
    for entry, preset in zip(plan.entries, presets, strict=True):
        with errors_of(entry.name):
            configs[entry.name] = _resolved(plan, entry, preset, shared)
    return configs


def _shared(plan: Plan, presets: Sequence[RecipeConfig]) -> RecipeConfig:
    """What all take over from ``data`` and, of ``training``, :data:`_EQUAL`."""
    pipeline = max((preset.data for preset in presets), key=_pixels)  # the first of equals
    log_every = min(preset.training.log_every for preset in presets)
    if plan.budget.steps is not None:
        log_every = max(1, min(log_every, plan.budget.steps // CURVE_POINTS))
    batch_size = max(preset.training.batch_size for preset in presets)
    shared = RecipeConfig(data=pipeline, training=Training(batch_size=batch_size, seed=plan.seed, log_every=log_every))
    return override(shared, [setting for setting in plan.settings if _has(shared, setting)])


def _pixels(pipeline: Pipeline) -> int:
    """Of a picture; 0 where pictures have several sizes."""
    return math.prod(pipeline.output_size or (0, 0))


def _resolved(plan: Plan, entry: Entry, preset: R, shared: RecipeConfig) -> R:
    settings = [*(setting for setting in plan.settings if _has(preset, setting)), *_allowed(entry.settings)]
    own_data = [setting for setting in settings if setting.startswith("data.")]
    values = preset.model_dump()
    values["training"] |= shared.training.model_dump(include=set(_EQUAL))
    _set_pictures(values, override(shared, own_data).data)
    config = validated(type(preset), assigned(values, settings), "its configuration")
    config = scale_widths(config, plan.width_scale)
    images = (plan.budget.steps or 0) * shared.training.batch_size
    steps = math.ceil(images / config.training.batch_size) or ENDLESS
    return override(config, [f"training.steps={steps}"]).completed()


def _allowed(settings: Sequence[str]) -> Sequence[str]:
    for setting in settings:
        if setting.partition("=")[0].strip() == "training.steps":
            raise SemsynthError(f"override {setting}: all entries share the budget: change steps or minutes")
    return settings


def _has(config: RecipeConfig, setting: str) -> bool:
    section: Any = config.model_dump()
    for part in setting.partition("=")[0].strip().split("."):
        if not isinstance(section, dict) or part not in section:
            return False
        section = section[part]
    return True


def _set_pictures(values: dict[str, Any], pipeline: Pipeline) -> None:
    """Set the way from files to samples, and the size of generators that are made for one."""
    values["data"] = pipeline.model_dump()
    generator = values.get("generator")
    if pipeline.output_size is not None and isinstance(generator, dict):
        size = {"crop_size": pipeline.crop_size, "aspect_ratio": pipeline.aspect_ratio}
        generator |= {key: value for key, value in size.items() if key in generator}


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
    return validated(type(config), _scaled(config.model_dump(), factor), f"width_scale={factor:g}")


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

"""A system that can be trained: its table of presets, and how its recipe is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from semsynth.classes import ClassSet
from semsynth.config import Config
from semsynth.recipes.base import Recipe, RecipeConfig

C = TypeVar("C", bound=RecipeConfig)

Row = Mapping[str, object]
"""Settings by dotted key, as ``--set`` takes them; ``encoding.`` is that of every network that reads layouts."""

WITH_INSTANCES = "with instances"
"""As ``encoding.edges`` of a row: boundaries are read where the data has instance maps."""


@dataclass(frozen=True)
class Preset(Generic[C]):
    """One row of a recipe's table, for any class set."""

    config: type[C]
    """Its defaults hold for all that the row leaves out."""
    row: Row

    def __call__(self, classes: ClassSet, instances: bool) -> C:
        """The configuration for the dataset's classes; ``instances``: whether it has instance maps."""
        fields = self.config.model_fields.items()
        values: dict[str, Any] = {
            name: field.default.model_dump() for name, field in fields if isinstance(field.default, Config)
        }
        encoding = {"num_classes": classes.num_classes}
        values |= {"encoding": encoding} | {name: {"encoding": encoding} for name in self._readers()}
        for key, value in self.row.items():
            *sections, last = key.split(".")
            section = values
            for name in sections:
                section = section.setdefault(name, {})
            section[last] = instances if value == WITH_INSTANCES else value
        del values["encoding"]
        return self.config.model_validate(values)

    def _readers(self) -> list[str]:
        """Fields of the networks that read layouts."""
        discriminator = self.config.model_fields.get("discriminator")
        reads = discriminator is not None and "encoding" in getattr(discriminator.annotation, "model_fields", {})
        return ["generator", "discriminator"] if reads else ["generator"]


@dataclass(frozen=True)
class System(Generic[C]):
    """One paper's system, from a configuration to a recipe."""

    config: type[C]
    """For reading ``recipe.json``."""
    presets: Mapping[str, Callable[[ClassSet, bool], C]]
    """Named configurations, made from the dataset's classes and whether it has instance maps."""
    recipe: Callable[..., Recipe]
    """Makes the recipe from its configuration, the dataset's classes and what :meth:`RecipeConfig.load_networks`
    gave."""
    stages: Callable[[C], Mapping[str, C]] | None = None
    """Splits a training into stages, by name and in order; None where the system has none."""

    def build(
        self,
        config: C,
        classes: ClassSet,
        perceptual_weights: Path | None = None,
        feature_weights: Path | None = None,
    ) -> Recipe:
        """Make the recipe, its networks initialised.

        Args:
            config: the system's.
            classes: the dataset's.
            perceptual_weights: a file with (a prefix of) VGG-19; None downloads torchvision's where it is needed.
            feature_weights: a file with the network of the feature discriminator, where the configuration has one; None
                downloads it.

        Raises:
            SemsynthError: the class set does not fit, or weights of pretrained networks cannot be had.
        """
        config.check_dataset(classes)
        return self.recipe(config, classes, **config.load_networks(perceptual_weights, feature_weights))

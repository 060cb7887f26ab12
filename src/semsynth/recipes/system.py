"""A system that can be trained: its table of presets, and how its recipe is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from semsynth.classes import ClassSet
from semsynth.recipes.base import Recipe, RecipeConfig

C = TypeVar("C", bound=RecipeConfig)


@dataclass(frozen=True)
class System(Generic[C]):
    """One paper's system, from a configuration to a recipe."""

    config: type[C]
    """For reading ``recipe.json``."""
    presets: Mapping[str, Callable[[ClassSet, bool], C]]
    """Named configurations, made from the dataset's classes and whether it has instance maps."""
    recipe: Callable[[C, ClassSet, Any], Recipe]
    """Makes the recipe from its configuration, the dataset's classes and what :meth:`RecipeConfig.load_perceptual`
    gave."""
    stages: Callable[[C], Mapping[str, C]] | None = None
    """Splits a training into stages, by name and in order; None where the system has none."""

    def build(self, config: C, classes: ClassSet, perceptual_weights: Path | None = None) -> Recipe:
        """Make the recipe, its networks initialised.

        Args:
            config: the system's.
            classes: the dataset's.
            perceptual_weights: a file with (a prefix of) VGG-19; None downloads torchvision's where it is needed.

        Raises:
            SemsynthError: the class set does not fit, or the perceptual network's weights cannot be had.
        """
        config.check_dataset(classes)
        return self.recipe(config, classes, config.load_perceptual(perceptual_weights))

"""What is compared: entries, and what they share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from semsynth.config import Config, assignments, validated
from semsynth.documents import read_toml
from semsynth.errors import SemsynthError
from semsynth.recipes import RECIPES

_BEFORE_KEY = re.compile(r",(?=\s*[A-Za-z_][\w.]*=)")
"""A comma that separates settings; those inside a JSON value are followed by something else."""
_NOT_IN_FOLDERS = re.compile(r"[^A-Za-z0-9.-]+")


class Entry(Config):
    """One column of the page: a recipe, the preset it begins with, and what is changed in it."""

    name: str = Field(min_length=1)
    """What people call it."""
    recipe: str
    """Key of ``semsynth.recipes.RECIPES``."""
    preset: str
    """One of the recipe's."""
    settings: tuple[str, ...] = ()
    """``KEY=VALUE``; also given as a mapping, as the overrides of :func:`semsynth.train`."""

    @field_validator("settings", mode="before")
    @classmethod
    def _as_texts(cls, settings: Any) -> Any:
        return assignments(settings) if isinstance(settings, Mapping) else settings

    @property
    def folder(self) -> str:
        """The name without what file systems or addresses would mind."""
        return _NOT_IN_FOLDERS.sub("_", self.name).strip("._-") or "entry"


class Budget(Config):
    """What every entry may spend: images seen, or training time."""

    steps: int | None = Field(None, ge=1)
    """Steps of the common batch size; entries of another one take as many as see the same number of images."""
    minutes: float | None = Field(None, gt=0)
    """Training time of each, over all sessions."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("give either steps or minutes")
        return self

    @property
    def seconds(self) -> float | None:
        """The time limit, if that is the budget."""
        return None if self.minutes is None else 60 * self.minutes


class Plan(Config):
    """A whole comparison, as it was asked for."""

    title: str
    source: str = ""
    """Where the comparison comes from: a paper's table."""
    entries: tuple[Entry, ...] = Field(min_length=1)
    data: str
    """The dataset folder, as an absolute path."""
    budget: Budget
    seed: int = 0
    """Of every entry's initialisation, data order, augmentation, noise and shown styles."""
    settings: tuple[str, ...] = ()
    """Of all entries that have the key; an entry's own come after them."""
    width_scale: float = Field(1.0, gt=0)
    """Factor on the widths of all networks."""
    count: int = Field(6, ge=1)
    """Validation layouts that are shown."""
    perceptual_weights: str | None = None
    """The file of the perceptual network; None: downloaded, or not used."""
    feature_weights: dict[str, str] = Field(default_factory=dict)
    """Files of feature discriminators' networks by the network's name; others are downloaded, or not used."""


def check_plan(plan: Plan) -> None:
    """Make sure that names differ, and that recipes and presets exist.

    Raises:
        SemsynthError: not so.
    """
    seen: dict[str, Entry] = {}
    for entry in plan.entries:
        if entry.folder in seen:
            other = seen[entry.folder].name
            called = f"'{entry.name}'" if entry.name == other else f"'{other}' and '{entry.name}', one folder's name"
            raise SemsynthError(f"two entries are called {called}: rename one, NAME=RECIPE")
        seen[entry.folder] = entry
        check_known(entry)


def check_known(entry: Entry) -> None:
    """Make sure that recipe and preset exist.

    Raises:
        SemsynthError: one does not.
    """
    if entry.recipe not in RECIPES:
        raise SemsynthError(f"{entry.name}: there is no recipe '{entry.recipe}': choose {', '.join(RECIPES)}")
    presets = RECIPES[entry.recipe].presets
    if entry.preset not in presets:
        raise SemsynthError(
            f"{entry.name}: '{entry.recipe}' has no preset '{entry.preset}': choose {', '.join(presets)}"
        )


def parse_entry(text: str, preset: str) -> Entry:
    """An entry from a text: a variant if it has a name before ``=``, else a recipe.

    Raises:
        SemsynthError: neither.
    """
    return parse_variant(text, preset) if "=" in text.partition(":")[0] else parse_recipe(text, preset)


def parse_recipe(text: str, preset: str) -> Entry:
    """An entry called like its recipe, from ``RECIPE`` or ``RECIPE/PRESET``."""
    recipe, slash, own = text.strip().partition("/")
    return Entry(name=text.strip() or "?", recipe=recipe, preset=own if slash else preset)


def parse_variant(text: str, preset: str) -> Entry:
    """An entry from ``NAME=RECIPE``, ``NAME=RECIPE/PRESET``, and either with ``:KEY=VALUE,KEY=VALUE`` behind it.

    Raises:
        SemsynthError: something else.
    """
    name, equals, rest = text.partition("=")
    system, colon, settings = rest.partition(":")
    parts = [part.strip() for part in _BEFORE_KEY.split(settings)] if colon else []
    if not (name.strip() and equals and system.strip()) or any("=" not in part for part in parts):
        raise SemsynthError(
            f"variant {text}: expected NAME=RECIPE[/PRESET][:KEY=VALUE,KEY=VALUE], for example "
            "wide=spade:generator.width=32,training.ema=0.9"
        )
    entry = parse_recipe(system, preset)
    return entry.model_copy(update={"name": name.strip(), "settings": tuple(parts)})


class Table(Config):
    """A comparison in a file, without data and budget."""

    title: str
    source: str = ""
    entries: tuple[Entry, ...] = Field(min_length=1)


def read_table(path: Path, preset: str) -> Table:
    """Read a TOML file: ``title``, ``source``, and ``[[entries]]`` with ``name``, ``recipe``, ``preset``, ``settings``.

    Args:
        path: the file.
        preset: of entries that name none.

    Raises:
        SemsynthError: the file is missing, no TOML, or has unknown or missing keys.
    """
    values = read_toml(path, "see examples/paper_tables for the form")
    entries = values.get("entries", [])
    if isinstance(entries, list):
        values["entries"] = [{"preset": preset, **one} if isinstance(one, dict) else one for one in entries]
    return validated(Table, values, str(path))

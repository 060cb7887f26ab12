"""The grammars that draw example layouts, by the class set that they draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from semsynth.classes import ClassSet
from semsynth.data.facades import draw_facade
from semsynth.data.landscapes import draw_landscape
from semsynth.data.streets import draw_street
from semsynth.layout import Layout, Size


@dataclass(frozen=True)
class Grammar:
    """Draws layouts of one class set."""

    name: str
    """Of one of its layouts, for file names and addresses."""
    class_set: str
    """Name of the built-in class set."""
    draw: Callable[[int, Size], Layout]
    """Seed and (height, width) to layout; the same seed draws the same things at every size."""
    featured: tuple[int, ...]
    """Seeds of layouts that differ from one another, for people to look at."""


def _square_facade(seed: int, size: Size) -> Layout:
    """Fronts are drawn as squares, and stretched where no square is asked for."""
    front = draw_facade(seed, max(size))
    return front if front.size == size else front.resized(size)


GRAMMARS = (
    Grammar("landscape", "ade_landscapes", draw_landscape, (22, 3, 34, 18, 13, 25, 8, 16, 35, 1)),
    Grammar("facade", "cmp_facades", _square_facade, (0, 7, 14, 18, 27, 32, 37, 46, 53, 61)),
    Grammar("street", "labelmefacade", draw_street, (2, 15, 19, 22, 28, 36, 48, 51, 57, 68)),
)


def grammar_of(classes: ClassSet) -> Grammar | None:
    """The grammar of a class set; None where there is none."""
    return next((grammar for grammar in GRAMMARS if grammar.class_set == classes.name), None)

"""Systems and variants, trained one after another at an equal budget, and the page that shows them side by side."""

from __future__ import annotations

from semsynth.comparison.plan import Budget, Entry, Plan, parse_recipe, parse_variant, read_table
from semsynth.comparison.record import ComparisonFolder
from semsynth.comparison.run import Evaluate, compare, picture_size

__all__ = [
    "Budget",
    "ComparisonFolder",
    "Entry",
    "Evaluate",
    "Plan",
    "compare",
    "parse_recipe",
    "parse_variant",
    "picture_size",
    "read_table",
]

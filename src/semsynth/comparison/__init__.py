"""Systems and variants, trained one after another at an equal budget, and the page that shows them side by side."""

from __future__ import annotations

from semsynth.comparison.plan import Entry, parse_variant
from semsynth.comparison.start import ComparisonResult, compare, resume_comparison

__all__ = ["ComparisonResult", "Entry", "compare", "parse_variant", "resume_comparison"]

"""Preference against exposure time, as figure 4 of CRN and figure 7 of pix2pixHD draw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log2

from semsynth.study.results import Preference

WIDTH, HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 170, 22, 48
_COLORS = ("#a8431f", "#2f6f8f", "#6b7f2a", "#7a4f9a", "#b8860b", "#4a4a4a")
_SHARES = (0, 0.25, 0.5, 0.75, 1)


@dataclass(frozen=True)
class PairLine:
    """A pair of methods over the exposures."""

    name: str
    color: str
    points: tuple[tuple[float, float, float, float], ...]
    """(across, share, lower and upper end of its interval), in the figure's units."""
    label: float
    """Height of the name beside the line."""


@dataclass(frozen=True)
class ExposureFigure:
    """What the page draws, in units of its own."""

    shares: tuple[tuple[float, str, bool], ...]
    """Horizontal lines: (height, share, whether it is chance)."""
    seconds: tuple[tuple[float, str], ...]
    """Below the lines: (across, exposure)."""
    pairs: tuple[PairLine, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT


def exposure_figure(preferences: Sequence[Preference]) -> ExposureFigure:
    """One line per pair of methods over a logarithmic axis of seconds, with the clustered intervals as bars.

    Args:
        preferences: of a timed study, at every exposure.
    """
    exposures = sorted({one.exposure for one in preferences if one.exposure is not None})
    low, high = log2(exposures[0]), log2(exposures[-1])

    def x(seconds: float) -> float:
        place = (log2(seconds) - low) / (high - low) if high > low else 0.5
        return _LEFT + place * (WIDTH - _LEFT - _RIGHT)

    def y(share: float) -> float:
        return _TOP + (1 - share) * (HEIGHT - _TOP - _BOTTOM)

    pairs = list(dict.fromkeys((one.first, one.second) for one in preferences))
    ends = _apart([y(_last_share(preferences, pair)) for pair in pairs])
    lines = []
    for number, (pair, label) in enumerate(zip(pairs, ends, strict=True)):
        aside = (number - (len(pairs) - 1) / 2) * 3  # so that the bars of two pairs do not cover one another
        mine = [one for one in preferences if (one.first, one.second) == pair and one.share is not None]
        points = tuple(
            (x(one.exposure or 0) + aside, y(one.share or 0), y(one.clustered[0]), y(one.clustered[1])) for one in mine
        )
        lines.append(PairLine(f"{pair[0]} > {pair[1]}", _COLORS[number % len(_COLORS)], points, label))
    return ExposureFigure(
        shares=tuple((y(share), f"{share:.0%}", share == 0.5) for share in _SHARES),
        seconds=tuple((x(seconds), _fraction(seconds)) for seconds in exposures),
        pairs=tuple(lines),
    )


def _last_share(preferences: Sequence[Preference], pair: tuple[str, str]) -> float:
    shares = [one.share for one in preferences if (one.first, one.second) == pair and one.share is not None]
    return shares[-1] if shares else 0.5


def _apart(heights: list[float], gap: float = 17) -> list[float]:
    """The heights of labels, moved down where they would cover one another."""
    placed = list(heights)
    order = sorted(range(len(heights)), key=heights.__getitem__)
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + gap)
    return placed


def _fraction(seconds: float) -> str:
    """'1/8' for 0.125."""
    parts = 1 / seconds
    return f"1/{parts:.0f}" if seconds < 1 and abs(parts - round(parts)) < 1e-9 else f"{seconds:g}"

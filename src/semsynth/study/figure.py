"""Preference against exposure time, as figure 4 of CRN and figure 7 of pix2pixHD draw it; an SVG of its own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from math import log2

from semsynth.study.results import Preference

WIDTH, HEIGHT = 720, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 170, 22, 48
_COLORS = ("#a8431f", "#2f6f8f", "#6b7f2a", "#7a4f9a", "#b8860b", "#4a4a4a")
_SHARES = (0, 0.25, 0.5, 0.75, 1)


def exposure_figure(preferences: Sequence[Preference]) -> str:
    """One line per pair of methods over a logarithmic axis of seconds, with the clustered intervals as bars.

    Args:
        preferences: of a timed study, at every exposure.

    Returns:
        An ``<svg>`` element.
    """
    exposures = sorted({one.exposure for one in preferences if one.exposure is not None})
    low, high = log2(exposures[0]), log2(exposures[-1])

    def x(seconds: float) -> float:
        place = (log2(seconds) - low) / (high - low) if high > low else 0.5
        return _LEFT + place * (WIDTH - _LEFT - _RIGHT)

    def y(share: float) -> float:
        return _TOP + (1 - share) * (HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-size="13" '
        'fill="currentColor" aria-label="Preference against exposure time">'
    ]
    for share in _SHARES:
        line = ' stroke-dasharray="5 4" opacity=".7"' if share == 0.5 else ' opacity=".2"'
        parts.append(f'<path d="M{_LEFT} {y(share):.1f}H{WIDTH - _RIGHT}" stroke="currentColor"{line}/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>')
    for seconds in exposures:
        parts.append(f'<text x="{x(seconds):.1f}" y="{HEIGHT - 26}" text-anchor="middle">{_fraction(seconds)}</text>')
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">seconds shown</text>')
    pairs = list(dict.fromkeys((one.first, one.second) for one in preferences))
    ends = _apart([y(_last_share(preferences, pair)) for pair in pairs])
    for number, (pair, label) in enumerate(zip(pairs, ends, strict=True)):
        aside = (number - (len(pairs) - 1) / 2) * 3  # so that the bars of two pairs do not cover one another
        mine = [one for one in preferences if (one.first, one.second) == pair and one.share is not None]
        points = [
            (x(one.exposure or 0) + aside, y(one.share or 0), y(one.clustered[0]), y(one.clustered[1])) for one in mine
        ]
        parts.append(_line(points, _COLORS[number % len(_COLORS)], f"{pair[0]} > {pair[1]}", label))
    return "".join([*parts, "</svg>"])


def _line(points: Sequence[tuple[float, float, float, float]], color: str, name: str, height: float) -> str:
    """A pair's line through its points (across, share, lower and upper end of the interval), and its name beside."""
    line = " ".join(f"{across:.1f},{share:.1f}" for across, share, _, _ in points)
    marks = "".join(
        f'<path d="M{across:.1f} {low:.1f}V{high:.1f}" opacity=".45"/>'
        f'<circle cx="{across:.1f}" cy="{share:.1f}" r="3.5"/>'
        for across, share, low, high in points
    )
    return (
        f'<g stroke="{color}" fill="{color}" stroke-width="2"><polyline points="{line}" fill="none"/>{marks}'
        f'<text x="{WIDTH - _RIGHT + 14}" y="{height + 4:.1f}" stroke="none">{escape(name)}</text></g>'
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

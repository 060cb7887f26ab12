"""Loss curves, to be drawn as SVG in a page."""

from __future__ import annotations

from dataclasses import dataclass

from semsynth.comparison.record import Curve

WIDTH, HEIGHT = 220, 92
"""Of a drawing, in its own units."""
LEFT, RIGHT, TOP, BOTTOM = 38, 4, 6, 16
"""Margins: for the values left, and for the steps below."""


@dataclass(frozen=True)
class Drawing:
    """A curve as the page draws it, in units of its own."""

    label: str
    """What it shows, in words."""
    points: str
    """Of the line: ``x,y x,y ...``."""
    rules: tuple[tuple[float, str], ...]
    """Horizontal lines: (y, value)."""
    ticks: tuple[tuple[float, str, str], ...]
    """Below the line: (x, ``start`` or ``end``, step)."""
    last: str
    """The last value."""
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT


def draw(curve: Curve) -> Drawing:
    """A line from the first point to the last, with the smallest and largest value and step as scales."""
    steps, values = zip(*curve, strict=True)
    low, high, first, last = min(values), max(values), steps[0], steps[-1]
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def place(step: int, value: float) -> str:
        across = (step - first) / ((last - first) or 1)
        up = (value - low) / (high - low) if high > low else 0.5
        return f"{LEFT + across * (right - LEFT):.1f},{bottom - up * (bottom - TOP):.1f}"

    scale = [(TOP, high), (bottom, low)] if high > low else [((TOP + bottom) / 2, low)]
    return Drawing(
        label=f"{number(values[0])} at step {first:,}, {number(values[-1])} at step {last:,}",
        points=" ".join(place(*point) for point in curve),
        rules=tuple((y, number(value)) for y, value in scale),
        ticks=((LEFT, "start", f"{first:,}"), (right, "end", f"{last:,}")),
        last=number(values[-1]),
    )


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"

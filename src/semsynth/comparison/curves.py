"""Loss curves as SVG, to stand in a page."""

from __future__ import annotations

from html import escape

from semsynth.comparison.record import Curve

WIDTH, HEIGHT = 220, 92
"""Of a drawing, in its own units."""
LEFT, RIGHT, TOP, BOTTOM = 38, 4, 6, 16
"""Margins: for the values left, and for the steps below."""


def draw(curve: Curve) -> str:
    """A line from the first point to the last, with the smallest and largest value and step as scales."""
    steps, values = zip(*curve, strict=True)
    low, high, first, last = min(values), max(values), steps[0], steps[-1]
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def place(step: int, value: float) -> str:
        across = (step - first) / ((last - first) or 1)
        up = (value - low) / (high - low) if high > low else 0.5
        return f"{LEFT + across * (right - LEFT):.1f},{bottom - up * (bottom - TOP):.1f}"

    scale = [(TOP, high), (bottom, low)] if high > low else [((TOP + bottom) / 2, low)]
    rules = "".join(
        f'<line x1="{LEFT}" y1="{y}" x2="{right}" y2="{y}"/>'
        f'<text x="{LEFT - 5}" y="{y + 3}" text-anchor="end">{number(value)}</text>'
        for y, value in scale
    )
    axis = "".join(
        f'<text x="{x}" y="{HEIGHT - 2}" text-anchor="{anchor}">{step:,}</text>'
        for x, anchor, step in ((LEFT, "start", first), (right, "end", last))
    )
    line = f'<polyline points="{" ".join(place(*point) for point in curve)}"/>'
    label = f"{number(values[0])} at step {first:,}, {number(values[-1])} at step {last:,}"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{rules}{axis}{line}</svg>'


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"

"""Polygons and masks: the one rule by which outlines become pixels, and the outlines that masks have.

A pixel belongs to a polygon if its centre lies inside, by the even-odd rule; the centre of the pixel in row r and
column c is (c + 0.5, r + 0.5). An outline along the borders of pixels, as :func:`rings` makes it, becomes the same
pixels again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]
"""[P,2]: x and y of a closed outline's points, in pixels; the last one is connected to the first."""

MIN_POINTS = 3
"""Of a ring."""
_FARTHEST = 2.0**24
"""Pixels from the origin beyond which coordinates make no sense."""
_CROSSINGS = 2**26
"""Of edges and rows of pixels in one outline; more would take minutes."""
_AT_A_TIME = 2**20


@dataclass(frozen=True, eq=False)
class Patch:
    """Some of a picture's pixels, inside a box."""

    top: int
    left: int
    mask: NDArray[np.bool_]
    """[h,w]."""

    @property
    def box(self) -> tuple[slice, slice]:
        """The box in arrays [H,W]."""
        height, width = self.mask.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


NOTHING = Patch(0, 0, np.zeros((0, 0), np.bool_))
"""No pixels."""


def placed(mask: NDArray[np.bool_], top: int, left: int, size: tuple[int, int]) -> Patch:
    """A mask [h,w] whose upper left corner lies at (top, left); what lies outside of ``size`` is cut off."""
    height, width = size
    first_row, first_column = max(0, -top), max(0, -left)
    inside = mask[first_row : max(0, height - top), first_column : max(0, width - left)]
    return Patch(max(0, top), max(0, left), inside) if inside.size else NOTHING


def points_of(points: Any) -> NDArray[np.float64]:
    """Points (x, y) of a file as an array [P,2].

    Raises:
        ValueError: they are not pairs of numbers, or far outside of any picture.
    """
    try:
        array = np.asarray(points, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("its points are not pairs of numbers") from error
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError("its points are not pairs of numbers")
    if not (np.abs(array) <= _FARTHEST).all():  # NaN, too
        raise ValueError("its outline has coordinates that are far outside of the picture or not numbers")
    return array


def ring(points: Any) -> Ring:
    """Points (x, y) as a ring.

    Raises:
        ValueError: fewer than three points, or coordinates that are not numbers or far outside of any picture.
    """
    array = points_of(points)
    if len(array) < MIN_POINTS:
        raise ValueError(f"its outline has {len(array)} points, and an area needs {MIN_POINTS}")
    return array


def rectangle(
    left: float, top: float, right: float, bottom: float, degrees: float = 0.0, *, corner: bool = False
) -> Ring:
    """The ring of a rectangle, turned clockwise around its centre, or around its upper left corner if ``corner``.

    Raises:
        ValueError: as :func:`points_of`.
    """
    (x0, y0), (x1, y1), _ = points_of([(left, top), (right, bottom), (degrees, 0)])
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float64)
    return ring(_turned(corners, degrees, corners[0] if corner else corners.mean(0)))


def ellipse(x: float, y: float, radius_x: float, radius_y: float, degrees: float = 0.0) -> Ring:
    """The ring of an ellipse around (x, y), turned clockwise: a polygon of 360 points.

    Raises:
        ValueError: as :func:`points_of`.
    """
    centre, radii, _ = points_of([(x, y), (radius_x, radius_y), (degrees, 0)])
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    points = centre + radii * np.stack([np.cos(angles), np.sin(angles)], 1)  # [360,2]
    return ring(_turned(points, degrees, centre))


def filled(outline: Sequence[Ring], size: tuple[int, int]) -> Patch:
    """The pixels inside of one or several rings, by the even-odd rule: a ring inside of another is a hole.

    Args:
        outline: the rings; what lies outside of the picture is cut off.
        size: (height, width) of the picture.

    Raises:
        ValueError: the outline has so many edges that they would take minutes.
    """
    height, width = size
    starts = np.concatenate(list(outline))  # [E,2]
    ends = np.concatenate([np.roll(one, -1, 0) for one in outline])  # [E,2]
    upward = (starts[:, 1] > ends[:, 1])[:, None]  # equal edges give equal crossings, whatever their direction
    upper, lower = np.where(upward, ends, starts), np.where(upward, starts, ends)
    first = np.ceil(upper[:, 1] - 0.5).clip(0, height).astype(np.int64)
    rows = np.ceil(lower[:, 1] - 0.5).clip(0, height).astype(np.int64) - first  # [E] whose centres an edge crosses
    if int(rows.sum()) > _CROSSINGS:
        raise ValueError("its outline has too many edges: simplify it")
    used = rows > 0
    if not used.any():
        return NOTHING
    upper, lower, first, rows = upper[used], lower[used], first[used], rows[used]
    top, bottom = int(first.min()), int((first + rows).max())
    left = min(width, max(0, math.floor(min(upper[:, 0].min(), lower[:, 0].min()))))
    right = min(width, max(0, math.ceil(max(upper[:, 0].max(), lower[:, 0].max()))))
    if left >= right:
        return NOTHING
    across = right - left + 1
    toggles = np.zeros((bottom - top) * across, np.bool_)  # where the inside begins or ends
    groups = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(np.cumsum(rows) // _AT_A_TIME)) + 1)
    for group in groups:
        edge = np.repeat(group, rows[group])
        row = np.arange(len(edge)) - np.repeat(np.cumsum(rows[group]) - rows[group], rows[group]) + first[edge]
        (x0, y0), (x1, y1) = upper[edge].T, lower[edge].T
        x = x0 + (row + 0.5 - y0) * (x1 - x0) / (y1 - y0)
        column = np.ceil(x - 0.5).clip(left, right).astype(np.int64)
        places, counts = np.unique((row - top) * across + column - left, return_counts=True)
        toggles[places] ^= counts % 2 == 1
    inside = np.logical_xor.accumulate(toggles.reshape(-1, across), axis=1)[:, :-1]
    return Patch(top, left, inside)


def filled_to_outline(outline: Ring, size: tuple[int, int]) -> Patch:
    """The pixels inside of a ring and on it, where points are indices of pixels, not places between them.

    Args:
        outline: x and y are columns and rows, which are rounded; what lies outside of the picture is cut off.
        size: (height, width) of the picture.

    Raises:
        ValueError: as :func:`filled`.
    """
    corners = np.floor(outline + 0.5)
    inside = filled([corners + 0.5], size)
    covered = np.zeros(size, np.bool_)
    covered[inside.box] = inside.mask
    for start, end in zip(corners, np.roll(corners, -1, 0), strict=True):
        columns, rows = _line(start, end, size).T
        covered[rows, columns] = True
    return Patch(0, 0, covered)


def _line(start: NDArray[np.float64], end: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.int64]:
    """[P,2]: column and row of the pixels between two others, both included, as far as they lie in the picture."""
    across, limits = end - start, np.array([size[1], size[0]])
    steps = int(np.abs(across).max())
    first, last = 0, steps
    for place, change, limit in zip(start, across, limits, strict=True):
        if change:  # the steps at which the line may be inside
            ends = sorted((edge - place) / change * steps for edge in (-1, limit))
            first, last = max(first, math.floor(ends[0])), min(last, math.ceil(ends[1]))
    taken = np.arange(first, last + 1)[:, None] / max(1, steps)
    pixels = np.floor(start + taken * across + 0.5).astype(np.int64)
    return pixels[((pixels >= 0) & (pixels < limits)).all(1)]


def rings(mask: NDArray[np.bool_]) -> list[Ring]:
    """The outlines of a mask along the borders of its pixels, which :func:`filled` turns into the same pixels.

    Pixels that touch at a corner only belong to different rings; holes are rings of their own.

    Args:
        mask: [H,W].

    Returns:
        Rings of whole numbers, by their first corner from the top.
    """
    inside = np.pad(mask, 1).astype(np.int8)
    nw, ne, sw, se = inside[:-1, :-1], inside[:-1, 1:], inside[1:, :-1], inside[1:, 1:]  # [H+1,W+1] around a corner
    turns = (nw + ne + sw + se) % 2 == 1
    crosses = (nw == se) & (ne == sw) & (nw != ne)  # two corners in one place
    y, x = np.nonzero(turns | crosses)
    double = crosses[y, x]
    falling = nw[y, x] == 1  # the pixels at a cross lie upper left and lower right
    index = np.repeat(np.arange(len(y)), 1 + double)
    second = np.concatenate([[False], index[1:] == index[:-1]]) if len(index) else np.zeros(0, np.bool_)
    y, x, swapped = y[index], x[index], double[index] & ~falling[index]
    # In every row and every column of corners, the first is connected to the second, the third to the fourth, ...
    beside = _partners(np.lexsort((second, x, y)))
    above = _partners(np.lexsort((second ^ swapped, y, x)))
    order, starts = _cycles(above[beside], beside)
    corners = np.stack([order, beside[order]], 1).ravel()
    points = np.stack([x[corners], y[corners]], 1).astype(np.float64)
    return np.split(points, 2 * starts[1:]) if len(starts) else []


def joined(outline: Sequence[Ring]) -> Ring:
    """Several rings as one that covers the same pixels, for formats that have one ring per object.

    From the first ring's first point, a line leads to each of the others and back, so that it has no area.
    """
    first = outline[0]
    parts = [first]
    for other in outline[1:]:
        parts += [first[:1], other, other[:1]]
    return np.concatenate(parts)


def _turned(points: NDArray[np.float64], degrees: float, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    if not degrees:
        return points
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.asarray((points - centre) @ turn + centre, np.float64)


def _partners(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """[N]: the first of ``order`` is the partner of the second, and so on."""
    partners = np.empty(len(order), np.int64)
    partners[order[::2]], partners[order[1::2]] = order[1::2], order[::2]
    return partners


def _cycles(following: NDArray[np.int64], beside: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cycles of a permutation, one of the two directions in which each is walked.

    Lengths are doubled in every step, so that the number of steps is the logarithm of the longest cycle's.

    Args:
        following: [N] the permutation.
        beside: [N] the partner of each element, which the other direction visits.

    Returns:
        The elements in the order of their cycles, and where each cycle starts.
    """
    count = len(following)
    leader, jump = np.arange(count), following
    steps = max(1, count.bit_length())
    for _ in range(steps):
        leader, jump = np.minimum(leader, leader[jump]), jump[jump]
    at_leader = leader == np.arange(count)
    distance = np.where(at_leader, 0, 1)
    jump = np.where(at_leader, np.arange(count), following)
    for _ in range(steps):
        distance, jump = distance + distance[jump], jump[jump]
    kept = np.flatnonzero(leader < leader[beside])
    order = kept[np.lexsort((-distance[kept], ~at_leader[kept], leader[kept]))]
    return order, np.flatnonzero(at_leader[order])

"""The canvas: pieces of photos in the places of a layout's segments, with holes where no piece reaches.

Every step is a function of arrays. Sizes of squares are shares of the picture's height, as the official code has them
for pictures of 512 x 1024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from semsynth.bank.borders import Mask, band, random_half, side_of
from semsynth.bank.roles import Roles
from semsynth.classes import VOID

INNER = 0.035
"""Side of the square that widens the border of a piece, inside of which half of the pixels are taken out: a share of
the height."""
SHADOW, VEGETATION, OUTER = 0.06, 0.04, 0.08
"""Sides of other squares, likewise: around vehicles of the photo that a road or a sidewalk comes from, around
vegetation, and around objects of the layout."""
WIDER = 0.125
"""How much of its width or height a box around an object is wider at the left, and at the right and at the bottom."""
NEIGHBOURS = np.ones((3, 3), bool)
"""Components are connected by edges and corners."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A segment of the layout and the piece that takes its place, both in the frame of the picture."""

    class_id: int
    query: Mask
    """[H,W]: the segment of the layout."""
    colour: NDArray[np.float32]
    """[H,W,3], 0..1: the piece's photo; what lies beyond :attr:`shape` is not looked at."""
    shape: Mask
    """[H,W]: the piece."""
    thin: Mask
    """[H,W]: thin objects of the piece's photo in front of it, such as poles."""
    around: NDArray[np.uint16]
    """[H,W]: the class ids of the piece's photo; ``VOID`` where they are not known."""
    photo: int
    """Number of the photo in the bank."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """What the network reads beside a layout."""

    colour: NDArray[np.float32]
    """[H,W,3], 0..1; 0 in holes, 1 where a border was taken out."""
    filled: Mask
    """[H,W]: False in holes."""
    labels: NDArray[np.uint16]
    """[H,W]: the layout that belongs to it."""
    photos: tuple[int, ...] = ()
    """Numbers of the photos of which pixels are visible, in ascending order."""


def build_canvas(
    labels: NDArray[np.uint16],
    placed: Sequence[Placed],
    roles: Roles,
    rng: np.random.Generator,
    *,
    faithful: bool = True,
    elision: float = INNER,
) -> Canvas:
    """Paste pieces into a layout.

    Args:
        labels: [H,W], class ids.
        placed: the pieces, back to front.
        roles: what the classes are.
        rng: draws the pixels that borders lose.
        faithful: whether a piece stays inside the segment whose place it takes, so that the layout does not change
            (ours); otherwise the layout takes the shapes of the pieces, as published.
        elision: see :data:`INNER`.
    """
    height = labels.shape[0]
    colour, filled = np.zeros((*labels.shape, 3), np.float32), np.zeros(labels.shape, bool)
    owner = np.full(labels.shape, -1, np.int32)  # the photo at each pixel
    shown = labels.copy()
    for one in placed:
        shape = one.shape & one.query if faithful else one.shape
        if not faithful:
            relabel(shown, one)
        solid = shape & ~shadows(one, roles, height)
        white = random_half(band(shape, side_of(elision, height)) & solid, rng)
        colour[shape] = 0
        colour[solid] = one.colour[solid]
        colour[white] = 1
        filled[shape], filled[solid] = False, True
        owner[shape], owner[solid & ~white] = -1, one.photo
    if not faithful:
        restore_background(shown, labels, roles)
    holes = around_objects(shown, roles)
    colour[holes], filled[holes], owner[holes] = 0, False, -1
    return Canvas(colour, filled, shown, tuple(np.unique(owner[owner >= 0]).tolist()))


def relabel(labels: NDArray[np.uint16], one: Placed) -> None:
    """Let a layout take the shape of a piece, in place: void where the segment or thin objects were, then its class."""
    labels[one.query | one.thin] = VOID
    labels[one.shape] = one.class_id


def restore_background(labels: NDArray[np.uint16], given: NDArray[np.uint16], roles: Roles) -> None:
    """Give pixels that became void the class back that they had in ``given``, in place, where it is a background."""
    back = (labels == VOID) & np.isin(given, tuple(roles.background))
    labels[back] = given[back]


def shadows(one: Placed, roles: Roles, height: int) -> Mask:
    """Where a piece shows what does not belong to it: shadows of vehicles on the ground, sky in vegetation.

    Args:
        one: the piece.
        roles: what the classes are.
        height: of the picture.

    Returns:
        [H,W]; nowhere for other classes.
    """
    if one.class_id in roles.ground:
        return band(np.isin(one.around, tuple(roles.vehicles)), side_of(SHADOW, height))
    if one.class_id in roles.vegetation:
        return band(one.shape, side_of(VEGETATION, height))
    return np.zeros(one.shape.shape, bool)


def around_objects(labels: NDArray[np.uint16], roles: Roles) -> Mask:
    """[H,W]: where shadows of the layout's objects fall on ground or on nothing, near their lower and right borders."""
    height, width = labels.shape
    bare = np.isin(labels, (*roles.ground, VOID))
    found = np.zeros(labels.shape, bool)
    for class_id in np.intersect1d(labels, np.array(sorted(roles.objects), np.uint16)):
        numbered, _ = ndimage.label(labels == class_id, NEIGHBOURS)
        for number, (rows, columns) in enumerate(ndimage.find_objects(numbered), 1):
            tall, wide = rows.stop - rows.start, columns.stop - columns.start
            box = (
                slice(rows.start, min(height, rows.stop + round(WIDER * tall))),
                slice(max(0, columns.start - round(WIDER * wide)), min(width, columns.stop + round(WIDER * tall))),
            )
            near = band(numbered[box] == number, side_of(OUTER, height))
            found[box] |= near & bare[box]
    return found

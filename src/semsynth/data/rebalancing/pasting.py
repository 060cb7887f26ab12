"""Putting an object into a layout: where it stands on its support, behind nearer objects, hiding little of others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsynth.data.rebalancing.standing import NEAR, Standing, depths, feet, ground
from semsynth.layout import Layout
from semsynth.layout.edits.verbs import add
from semsynth.layout.instances import objects
from semsynth.layout.maps import nearest_centres

ON_SUPPORT = 0.8
"""Share of the feet that must stand on the support."""
_PLACES = 8
"""Columns that are tried."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A layout and the N objects in it that others must not hide."""

    layout: Layout
    ground: NDArray[np.uint16]
    """[H,W], as :func:`semsynth.data.rebalancing.standing.ground` says."""
    depths: NDArray[np.int32]
    """[H,W], of the ground, as :func:`semsynth.data.rebalancing.standing.depths` says."""
    numbers: NDArray[np.int32]
    """[H,W]: 1..N on the objects, else 0."""
    feet: NDArray[np.int64]
    """[N+1]: the row below each object, 0 at place 0. The lower it is in the picture, the nearer the object."""
    whole: NDArray[np.int64]
    """[N+1]: pixels that each object had at first."""


def scene_of(layout: Layout, class_ids: Collection[int]) -> Scene:
    """The scene of a layout with instances, in which the objects of some classes must not be hidden."""
    table, numbers = objects(layout), np.zeros(layout.size, np.int32)
    mine = np.flatnonzero(np.isin(table.class_ids, list(class_ids)))
    instances = layout.labels if layout.instances is None else layout.instances
    for number, row in enumerate(mine, 1):
        top, left, bottom, right = table.boxes[row].tolist()
        box = np.s_[top:bottom, left:right]
        numbers[box][(instances[box] == table.instance_ids[row]) & (layout.labels[box] == table.class_ids[row])] = (
            number
        )
    below = ground(layout)
    return Scene(
        layout,
        below,
        depths(below),
        numbers,
        np.concatenate(([0], table.boxes[mine, 2])),
        np.concatenate(([0], table.pixels[mine])),
    )


def scaled(mask: NDArray[np.bool_], rows: int) -> NDArray[np.bool_]:
    """[rows,w]: a mask [h,w0] at another height, with its proportions; its first and last row stay covered."""
    columns = max(1, round(mask.shape[1] * rows / len(mask)))
    picked = mask[np.ix_(*(nearest_centres(n, m) for n, m in zip(mask.shape, (rows, columns), strict=True)))]
    covered = np.flatnonzero(picked.any(1))
    return picked[covered[0] : covered[-1] + 1] if len(covered) else np.ones((rows, columns), np.bool_)


def columns_on(support: NDArray[np.bool_], mask: NDArray[np.bool_], top: int) -> NDArray[np.int64]:
    """Columns of a mask's left edge at which it stands on its support.

    Args:
        support: [H,W] bool, where the support is.
        mask: [h,w] bool, with w <= W; its last row is not empty.
        top: the row of its upper edge; ``top + h < H``.
    """
    rows, columns = feet(mask)
    last = support.shape[1] - mask.shape[1] + 1
    standing = np.zeros(last, np.int64)
    for row, column in zip(top + rows, columns, strict=True):
        standing += support[row, column : column + last]
    return np.flatnonzero(standing >= ON_SUPPORT * len(rows))


def visible_part(
    scene: Scene, mask: NDArray[np.bool_], top: int, left: int, max_overlap: float
) -> NDArray[np.bool_] | None:
    """[h,w] bool: what is seen of an object at a place, behind objects whose feet are lower in the picture.

    Returns:
        None where too much would be hidden: more than ``max_overlap`` of it, or of an object behind it.
    """
    height, width = mask.shape
    there = scene.numbers[top : top + height, left : left + width]
    seen: NDArray[np.bool_] = mask & ~(scene.feet[there] > top + height)
    if seen.sum() < (1 - max_overlap) * mask.sum():
        return None
    touched = np.unique(there[seen])
    for number in touched[touched > 0].tolist():
        left_over = (scene.numbers == number).sum() - (there[seen] == number).sum()
        if left_over < (1 - max_overlap) * scene.whole[number]:
            return None
    return seen


def pasted(scene: Scene, seen: NDArray[np.bool_], top: int, left: int, one: Standing) -> Scene:
    """The scene with one more object, which has a new instance id."""
    whole = np.zeros(scene.layout.size, np.bool_)
    whole[top : top + len(seen), left : left + seen.shape[1]] = seen
    layout = add(scene.layout, whole, one.class_id)
    below = np.where(whole, np.uint16(one.class_id), scene.ground)
    return Scene(
        layout,
        below,
        depths(below),
        np.where(whole, np.int32(len(scene.feet)), scene.numbers),
        np.append(scene.feet, top + len(seen)),
        np.append(scene.whole, seen.sum()),
    )


def with_object(
    scene: Scene, shape: NDArray[np.bool_], like: Standing, rng: np.random.Generator, max_overlap: float
) -> tuple[Scene, int] | None:
    """Put an object somewhere into the scene where ``like`` stands in its own.

    Args:
        scene: is not changed.
        shape: [h,w] bool.
        like: whose class, support, foot and height it gets, as shares of the scene's height.
        rng: chooses among the places.
        max_overlap: how much of an object another one may hide, 0 to 1.

    Returns:
        The new scene and how many pixels the object has; None where no place was found.
    """
    height, width = scene.layout.size
    mask = scaled(shape, max(1, round(like.height * height)))
    top = round(like.foot * height) - len(mask)
    if top < 0 or top + len(mask) >= height or mask.shape[1] > width:
        return None
    deep_enough = abs(scene.depths - like.depth * height) <= (NEAR + like.depth / 2) * height
    places = columns_on((scene.ground == like.support) & deep_enough, mask, top)
    for left in rng.permutation(places)[:_PLACES].tolist():
        seen = visible_part(scene, mask, top, left, max_overlap)
        if seen is not None:
            return pasted(scene, seen, top, left, like), int(seen.sum())
    return None

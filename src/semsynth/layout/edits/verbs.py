"""Edits of a layout, object by object."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from semsynth.classes import VOID
from semsynth.errors import SemsynthError
from semsynth.layout import Layout, Size, pixels
from semsynth.layout.edits.filling import Fill, filled_from_around
from semsynth.layout.instances import (
    check_class,
    class_name,
    find_class,
    find_object,
    is_conventional,
    new_instance_ids,
)


@dataclass(frozen=True, eq=False)
class Stamp:
    """The shape and class of an object, to be put into layouts.

    Attributes:
        mask: [h,w] bool, True where the object is.
        class_id: an id of the class set of the layouts it is put into.
        origin: (row, column) of the upper left corner where it was cut.
    """

    mask: NDArray[np.bool_]
    class_id: int
    origin: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        _check_bool(self.mask)


def add(layout: Layout, mask: NDArray[np.bool_], class_id: int, instance_id: int | None = None) -> Layout:
    """Paint an object over what is there.

    Args:
        layout: is not changed.
        mask: [H,W] bool, the object.
        class_id: its class; ``VOID`` erases.
        instance_id: None is a new id, or the class's own id for stuff. The id of an object of the same class
            extends that object, as the strokes of a brush do.

    Raises:
        SemsynthError: mask of another size or empty, class outside the class set, an instance id that other classes
            have, or one for a layout without instances.
    """
    _check_mask(layout, mask)
    check_class(layout, class_id)
    if instance_id is not None:
        _check_instance_id(layout, instance_id, class_id)
    return _painted(layout, mask, class_id, instance_id)


def cut(layout: Layout, instance_id: int) -> Stamp:
    """Take the visible shape of an object as a stamp; the object stays.

    Raises:
        SemsynthError: no instances, an unknown instance id, or an instance of two classes.
    """
    mask, class_id = find_object(layout, instance_id)
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    return Stamp(mask[box].copy(), class_id, (box[0].start, box[1].start))


def stamp(layout: Layout, stamp: Stamp, position: tuple[int, int]) -> Layout:
    """Put a stamp into ``layout`` as a new object.

    Args:
        layout: is not changed.
        stamp: what to put there.
        position: (row, column) of its upper left corner, also negative; what lies outside the layout is clipped.

    Raises:
        SemsynthError: all of it lies outside, or its class is outside the class set.
    """
    return add(layout, _placed(stamp, position, layout.size), stamp.class_id)


def remove(layout: Layout, instance_id: int, fill: Fill = "stuff") -> Layout:
    """Remove an object.

    Args:
        layout: is not changed.
        instance_id: which; a class id (or ``VOID``) in a layout without instances.
        fill: what takes its place.

    Raises:
        SemsynthError: an unknown instance id, an instance of two classes, or nothing there to fill with.
    """
    mask = find_class(layout, instance_id) if layout.instances is None else find_object(layout, instance_id)[0]
    return _filled(layout, mask, fill)


def relabel(layout: Layout, instance_id: int, class_id: int) -> Layout:
    """Give an object another class; also a new instance id where ids tell the class (Cityscapes convention).

    Raises:
        SemsynthError: no instances, an unknown instance id, an instance of two classes, or a class outside the
            class set.
    """
    mask, old = find_object(layout, instance_id)
    return _relabelled(layout, mask, old, class_id)


def relabel_class(layout: Layout, from_id: int, to_id: int) -> Layout:
    """Give all objects of a class another one; ``VOID`` may be either.

    Objects stay apart, with new instance ids as in :func:`relabel`, unless the other class is stuff.

    Raises:
        SemsynthError: a class outside the class set, or one that the layout does not hold.
    """
    return _relabelled(layout, find_class(layout, from_id), from_id, to_id)


def move(layout: Layout, instance_id: int, offset: tuple[int, int], fill: Fill = "stuff") -> Layout:
    """Move an object, which keeps its instance id; what leaves the layout is lost.

    Args:
        layout: is not changed.
        instance_id: which.
        offset: (rows down, columns to the right), in pixels.
        fill: what takes its old place.

    Raises:
        SemsynthError: as :func:`cut` and :func:`remove`, or all of it would lie outside.
    """
    piece = cut(layout, instance_id)
    target = _placed(piece, _shifted(piece, offset), layout.size)
    return _painted(remove(layout, instance_id, fill), target, piece.class_id, instance_id)


def duplicate(layout: Layout, instance_id: int, offset: tuple[int, int]) -> Layout:
    """Put a copy of an object beside it, as a new object; ``offset`` as in :func:`move`.

    Raises:
        SemsynthError: as :func:`cut`, or all of the copy would lie outside.
    """
    piece = cut(layout, instance_id)
    return stamp(layout, piece, _shifted(piece, offset))


def bring_forward(layout: Layout, instance_id: int, mask: NDArray[np.bool_]) -> Layout:
    """Paint an object over what covers it.

    A layout is flat: it does not know what lies behind what, nor the hidden part of an object. The full shape
    ``mask`` tells it, and all of it is painted over what is there. Pixels of the object outside the shape stay.

    Args:
        layout: is not changed.
        instance_id: which.
        mask: [H,W] bool, the whole object with its hidden part.

    Raises:
        SemsynthError: as :func:`cut`, mask of another size or empty, or one that does not touch the object.
    """
    visible, class_id = find_object(layout, instance_id)
    _check_mask(layout, mask)
    if not (visible & mask).any():
        raise SemsynthError(f"the mask does not touch instance {instance_id}: it has to be the whole object's shape")
    return _painted(layout, mask, class_id, instance_id)


def _painted(layout: Layout, mask: NDArray[np.bool_], class_id: int, instance_id: int | None) -> Layout:
    """``mask`` as one object; a new one if ``instance_id`` is None."""
    labels = np.where(mask, np.uint16(class_id), layout.labels)
    if layout.instances is None:
        return replace(layout, labels=labels)
    if instance_id is None:
        instance_id = int(new_instance_ids(layout, layout.instances, class_id)[0])
    return replace(layout, labels=labels, instances=np.where(mask, np.int32(instance_id), layout.instances))


def _filled(layout: Layout, hole: NDArray[np.bool_], fill: Fill) -> Layout:
    if fill == "stuff" or fill == "neighbours":
        return filled_from_around(layout, hole, fill)
    if isinstance(fill, str):
        raise SemsynthError(f"a hole is filled with a class id, 'stuff' or 'neighbours', not with '{fill}'")
    check_class(layout, fill)
    return _painted(layout, hole, fill, None)


def _relabelled(layout: Layout, mask: NDArray[np.bool_], from_id: int, to_id: int) -> Layout:
    check_class(layout, to_id)
    if from_id == to_id:
        return layout
    labels = np.where(mask, np.uint16(to_id), layout.labels)
    if layout.instances is None or not (VOID in (from_id, to_id) or is_conventional(layout, layout.instances)):
        return replace(layout, labels=labels)
    distinct, places = np.unique(layout.instances[mask], return_inverse=True)
    instances = layout.instances.copy()
    instances[mask] = new_instance_ids(layout, layout.instances, to_id, len(distinct))[places]
    return replace(layout, labels=labels, instances=instances)


def _shifted(piece: Stamp, offset: tuple[int, int]) -> tuple[int, int]:
    return piece.origin[0] + offset[0], piece.origin[1] + offset[1]


def _placed(piece: Stamp, position: tuple[int, int], size: Size) -> NDArray[np.bool_]:
    """[H,W] bool: the stamp with its upper left corner at ``position``, clipped."""
    (top, left), (height, width) = position, piece.mask.shape
    rows, columns = np.nonzero(piece.mask)
    rows, columns = rows + top, columns + left
    inside = (rows >= 0) & (rows < size[0]) & (columns >= 0) & (columns < size[1])
    if not inside.any():
        raise SemsynthError(
            f"the object of {width}x{height} pixels at row {top}, column {left} lies outside the layout of "
            f"{pixels(size)}: choose another place"
        )
    mask = np.zeros(size, np.bool_)
    mask[rows[inside], columns[inside]] = True
    return mask


def _check_bool(mask: NDArray[np.bool_]) -> None:
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise SemsynthError(f"a mask is a two-dimensional array of booleans, not {mask.dtype} of shape {mask.shape}")
    if not mask.any():
        raise SemsynthError("the mask is empty: mark at least one pixel")


def _check_mask(layout: Layout, mask: NDArray[np.bool_]) -> None:
    _check_bool(mask)
    if mask.shape != layout.size:
        raise SemsynthError(f"the mask is {pixels(mask.shape)}, the layout {pixels(layout.size)}: they must be equal")


def _check_instance_id(layout: Layout, instance_id: int, class_id: int) -> None:
    if layout.instances is None:
        raise SemsynthError(f"instance {instance_id} in a layout without instances: leave the instance id out")
    if not 0 <= instance_id < 2**31:
        raise SemsynthError(f"instance {instance_id} is outside 0..2147483647: choose another instance id")
    others = (layout.instances == instance_id) & (layout.labels != class_id) & (layout.labels != VOID)
    if others.any():
        name = class_name(layout, int(layout.labels[others][0]))
        raise SemsynthError(f"instance {instance_id} is of class {name} already: choose another instance id")

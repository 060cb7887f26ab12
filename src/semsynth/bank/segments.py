"""Segments of a label map: connected regions of a class that thin objects in front do not cut apart.

Source: SIMS, section 3; the released code's rules for poles, traffic lights and traffic signs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_serializer
from scipy import ndimage

from semsynth.classes import VOID, ClassSet
from semsynth.config import Config, validated
from semsynth.errors import SemsynthError
from semsynth.layout import Size, pixels

MINIMAL_SHARE = 1000 / (256 * 512)
"""Segments of the released code have more than 1,000 pixels at 256x512."""
THIN_NAMES = frozenset(("pole", "traffic light", "traffic sign"))
"""Classes of Cityscapes that the released code does not let cut others apart."""
CONTEXT_MARGIN = 0.25
"""By how much the box of a segment's context is higher and wider than its own, half of it on each side."""
_EIGHT = np.ones((3, 3), np.bool_)
"""Diagonal neighbours are connected, as MATLAB's default has it."""


class SegmentRules(Config):
    """What counts as a segment."""

    working_height: int = Field(256, ge=1, le=4096)
    """Of the frame in which segments are found, compared and stored, in pixels."""
    working_width: int = Field(256, ge=1, le=4096)
    """Likewise."""
    thin: frozenset[int] = frozenset()
    """Ids of classes that do not cut others apart."""
    minimal_share: float = Field(MINIMAL_SHARE, ge=0, lt=1)
    """Segments have a larger share of the frame's pixels than this."""

    @property
    def size(self) -> Size:
        """(height, width) of the frame."""
        return self.working_height, self.working_width

    @field_serializer("thin")
    def _sorted(self, thin: frozenset[int]) -> list[int]:
        return sorted(thin)


@dataclass(frozen=True, eq=False)
class Segment:
    """A region of one class, in the working frame."""

    class_id: int
    top: int
    """First row of its bounding box."""
    left: int
    """First column of its bounding box."""
    mask: NDArray[np.bool_]
    """[h,w]: its pixels in its bounding box."""
    thin_mask: NDArray[np.bool_]
    """[h,w]: the same with those pixels of thin classes that connect its parts or touch them."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(top, left, height, width)."""
        height, width = self.mask.shape
        return self.top, self.left, height, width

    @property
    def has_thin(self) -> bool:
        """Whether pixels of thin classes belong to it."""
        return bool((self.thin_mask != self.mask).any())

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of its bounding box in the working frame."""
        top, left, height, width = self.box
        return slice(top, top + height), slice(left, left + width)

    def full_mask(self, size: Size) -> NDArray[np.bool_]:
        """The mask in the working frame of ``size``, [H,W]."""
        full = np.zeros(size, np.bool_)
        full[self.window] = self.mask
        return full


def find_segments(
    labels: NDArray[np.integer], rules: SegmentRules, instances: NDArray[np.integer] | None = None
) -> list[Segment]:
    """Find the segments of a label map.

    Pixels of a class and of the thin classes together make components of 8 neighbours; a component's own pixels, those
    of its class, are a segment, unless they are no more than its thin ones, or too few. Thin classes themselves are
    taken alone. With instances, an object is one segment, however many parts it has; regions that instance maps do not
    count (whose instance id is their class id, as in Cityscapes) are components as without.

    Args:
        labels: [H,W] class ids, ``VOID`` where there is none, of the rules' size.
        rules: what counts as a segment.
        instances: [H,W] ids of objects.

    Returns:
        By class id, then in the order of the rows.

    Raises:
        SemsynthError: a label map of another size.
    """
    check_frame(labels.shape, rules)
    thin = np.isin(labels, sorted(rules.thin))
    minimum = rules.minimal_share * labels.size
    found: list[Segment] = []
    for class_id in np.unique(labels).tolist():
        own = labels == class_id
        if class_id == VOID or np.count_nonzero(own) <= minimum:
            continue
        for region, is_object in _regions(own, class_id, instances):
            components, _ = ndimage.label(region if class_id in rules.thin else region | thin, _EIGHT)
            if is_object:
                components = np.isin(components, np.unique(components[region])).astype(components.dtype)
            found += _segments(class_id, region, components, minimum)
    return found


def context_windows(boxes: NDArray[np.integer], size: Size) -> NDArray[np.int64]:
    """Where the contexts of segments lie: their boxes with ``CONTEXT_MARGIN``, as far as the frame reaches.

    Args:
        boxes: [n,4]: top, left, height, width.
        size: (height, width) of the working frame.

    Returns:
        [n,4]: top, left, bottom, right; the last two lie one past the window.
    """
    starts, sizes = boxes[:, :2].astype(np.int64), boxes[:, 2:].astype(np.int64)
    margins = np.rint(sizes * CONTEXT_MARGIN / 2).astype(np.int64)
    ends = np.minimum(starts + sizes + margins, size)
    return np.concatenate((np.maximum(starts - margins, 0), ends), axis=1)


def check_frame(shape: tuple[int, ...], rules: SegmentRules) -> None:
    """Refuse a map whose shape is not the working size.

    Raises:
        SemsynthError: with both sizes.
    """
    if shape != rules.size:
        raise SemsynthError(
            f"the layout is {pixels(shape)}, and segments are found at {pixels(rules.size)}: resize it to that size, "
            "or take a bank of the layout's working size"
        )


def thin_classes(classes: ClassSet) -> frozenset[int]:
    """Ids of the classes that the released code takes for thin, by their names in Cityscapes."""
    return frozenset(item.id for item in classes.classes if item.name in THIN_NAMES)


def rules_for(
    classes: ClassSet,
    *,
    size: Size | None = None,
    thin: Collection[str] | None = None,
    minimal_share: float = MINIMAL_SHARE,
) -> SegmentRules:
    """The rules for a dataset.

    Args:
        classes: of its label maps.
        size: (height, width) of the working frame; None: 256x512 for Cityscapes' classes, as published, else 256x256.
        thin: names of the classes that do not cut others apart; None: :func:`thin_classes`.
        minimal_share: of the frame's pixels; segments have more.

    Raises:
        SemsynthError: an unknown class, or a size or share out of range.
    """
    names_thin = thin_classes(classes)
    height, width = size or ((256, 512) if len(names_thin) == len(THIN_NAMES) else (256, 256))
    values = {
        "working_height": height,
        "working_width": width,
        "thin": names_thin if thin is None else frozenset(classes[name].id for name in thin),
        "minimal_share": minimal_share,
    }
    return validated(SegmentRules, values, "the rules of segments")


def _regions(
    own: NDArray[np.bool_], class_id: int, instances: NDArray[np.integer] | None
) -> Iterator[tuple[NDArray[np.bool_], bool]]:
    """The parts of a class that instances tell apart, each with whether it is one object; at least one part."""
    uncounted = own if instances is None else own & (instances == class_id)
    if uncounted.any():
        yield uncounted, False
    if instances is not None:
        for number in np.unique(instances[own & ~uncounted]).tolist():
            yield own & (instances == number), True


def _segments(
    class_id: int, own: NDArray[np.bool_], components: NDArray[np.integer], minimum: float
) -> Iterator[Segment]:
    """Components, [H,W] from 1, whose own pixels are more than ``minimum`` and more than their thin ones."""
    total = np.bincount(components.ravel())
    mine = np.bincount(components[own], minlength=len(total))
    boxes = ndimage.find_objects(np.where(own, components, 0))
    for number, box in enumerate(boxes, 1):
        if box is None or mine[number] <= minimum or 2 * mine[number] <= total[number]:
            continue
        with_thin = components[box] == number
        yield Segment(class_id, box[0].start, box[1].start, with_thin & own[box], with_thin)

"""A layout read, edited object by object, and told."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semsynth.errors import SemsynthError, errors_of
from semsynth.images import encode_png
from semsynth.layout import Layout, edits
from semsynth.layout.instances import instances_from_components, objects
from semsynth.layout.label_files import stored_instances
from semsynth.studio.options import Add, BringForward, Duplicate, Edit, EditOptions, Move, Relabel, RelabelClass, Remove
from semsynth.studio.schemas import EditedLayout, LayoutObject
from semsynth.studio.uploads import Limits, read_layout, read_mask
from semsynth.synthesizer import Synthesizer


@dataclass(frozen=True)
class EditParts:
    """The pictures of a request for edits, as sent."""

    label: bytes
    instances: bytes | None = None
    mask: bytes | None = None


def edit_layout(synthesizer: Synthesizer, parts: EditParts, options: EditOptions, limits: Limits) -> EditedLayout:
    """Read a layout of the model's classes and make the edits in their order.

    Raises:
        Refusal: too large.
        SemsynthError: unreadable, or an edit that cannot be made; the message says which.
    """
    layout = read_layout(synthesizer, parts.label, None if options.components else parts.instances, limits)
    if options.components:
        layout = instances_from_components(layout)
    mask = None if parts.mask is None else read_mask(parts.mask, limits)
    before = layout
    for number, edit in enumerate(options.edits):
        with errors_of(f"edits.{number} ({edit.verb})"):
            layout = _edited(layout, edit, mask)
    return _told(layout, before)


def _edited(layout: Layout, edit: Edit, mask: NDArray[np.bool_] | None) -> Layout:
    match edit:
        case Remove():
            return edits.remove(layout, edit.id, edit.fill)
        case Relabel():
            return edits.relabel(layout, edit.id, edit.class_id)
        case RelabelClass():
            return edits.relabel_class(layout, edit.from_id, edit.to_id)
        case Move():
            return edits.move(layout, edit.id, (edit.down, edit.right), edit.fill)
        case Duplicate():
            return edits.duplicate(layout, edit.id, (edit.down, edit.right))
    if mask is None:
        raise SemsynthError("send the object's shape as the part 'mask'")
    match edit:
        case Add():
            return edits.add(layout, mask, edit.class_id, edit.id)
        case BringForward():
            return edits.bring_forward(layout, edit.id, mask)


def _told(layout: Layout, before: Layout) -> EditedLayout:
    table = objects(layout)
    columns = (table.instance_ids, table.class_ids, table.pixels, table.boxes)
    found = [
        LayoutObject(instance_id=instance_id, class_id=class_id, pixels=count, box=tuple(box))
        for instance_id, class_id, count, box in zip(*(column.tolist() for column in columns), strict=True)
    ]
    known = set(objects(before).instance_ids.tolist())
    height, width = layout.size
    return EditedLayout(
        width=width,
        height=height,
        label=_base64(encode_png(layout.labels)),
        instances=None if layout.instances is None else _base64(encode_png(stored_instances(layout.instances))),
        objects=found,
        created=[one.instance_id for one in found if one.instance_id not in known],
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")

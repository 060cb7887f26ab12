"""Edits written as short texts: ``move 26003:10,-20``, ``relabel 26003:car``."""

from __future__ import annotations

import re

from semsynth.classes import VOID, VOID_NAME, ClassSet
from semsynth.errors import SemsynthError
from semsynth.layout.edits.filling import Fill
from semsynth.layout.edits.verbs import duplicate, move, relabel, relabel_class, remove
from semsynth.layout.maps import Layout

_OFFSET = re.compile(r"(\d+):([+-]?\d+),([+-]?\d+)")


def edit_by_text(layout: Layout, verb: str, text: str, fill: Fill = "stuff") -> Layout:
    """Make one edit.

    Args:
        layout: what is edited.
        verb: ``remove`` (text: ``ID``, or ``CLASS`` in a layout without instances), ``relabel`` (``ID:CLASS``),
            ``relabel_class`` (``CLASS:CLASS``), ``move`` or ``duplicate`` (``ID:DOWN,RIGHT`` in pixels). ID is an
            instance id; CLASS is a class id, a name, or ``void``.
        text: see ``verb``.
        fill: what takes the place of a removed or moved object.

    Returns:
        The edited layout.

    Raises:
        SemsynthError: a text of another form, or an edit that cannot be made.
    """
    if layout.instances is None and verb in ("relabel", "move", "duplicate"):
        other = "; `relabel_class` relabels all of a class" if verb == "relabel" else ""
        raise SemsynthError(f"objects are not told apart: give `instances`, or make some with `components`{other}")
    match verb:
        case "remove" if layout.instances is None:
            return remove(layout, class_by_text(layout.classes, text), fill)
        case "remove":
            return remove(layout, _instance_id(text), fill)
        case "relabel":
            first, second = _two_parts(text)
            return relabel(layout, _instance_id(first), class_by_text(layout.classes, second))
        case "relabel_class":
            first, second = _two_parts(text)
            return relabel_class(layout, class_by_text(layout.classes, first), class_by_text(layout.classes, second))
        case "move":
            return move(layout, *_id_and_offset(text), fill)
        case "duplicate":
            return duplicate(layout, *_id_and_offset(text))
    raise SemsynthError(f"there is no edit '{verb}': use remove, relabel, relabel_class, move or duplicate")


def fill_by_text(classes: ClassSet, text: str) -> Fill:
    """What fills the place of objects: ``stuff``, ``neighbours``, or a class by id or name.

    Raises:
        SemsynthError: the set has no class of that name.
    """
    words: dict[str, Fill] = {"stuff": "stuff", "neighbours": "neighbours"}
    return words[text] if text in words else class_by_text(classes, text)


def class_by_text(classes: ClassSet, text: str) -> int:
    """The id of a class: the text itself where it is a number (which may be outside the set), or that of its name.

    Raises:
        SemsynthError: the set has no class of that name.
    """
    if _is_number(text):
        return int(text)
    return VOID if text == VOID_NAME else classes[text].id


def _two_parts(text: str) -> tuple[str, str]:
    first, colon, second = text.partition(":")
    if not colon:
        raise SemsynthError("expected two parts with a colon between them, for example 26003:27")
    return first, second


def _id_and_offset(text: str) -> tuple[int, tuple[int, int]]:
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise SemsynthError("expected ID:DOWN,RIGHT in pixels, for example 26003:10,-20")
    instance_id, down, right = map(int, match.groups())
    return instance_id, (down, right)


def _instance_id(text: str) -> int:
    if not _is_number(text):
        raise SemsynthError(
            f"'{text}' is not an instance id: `semsynth edit MAP.png --list` shows them; `relabel_class` takes classes"
        )
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()

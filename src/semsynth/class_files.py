"""Lists of classes as tools write them, as the one form that class sets have.

Known are: this package's ``classes.json``; lists of names; ``{id: name}`` and ``{name: id}``, alone or as ``id2label``
and ``label2id`` of Hugging Face; COCO's ``categories``; Mapillary's ``labels``; Supervisely's ``meta.json``; CVAT's
``labelmap.txt``; CamVid's ``label_colors.txt``; and labelme's ``class_names.txt``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semsynth.documents import read_json
from semsynth.errors import SemsynthError, shortened
from semsynth.files import read_bytes

MAX_CLASSES = 65535
"""Ids have 16 bits, and 65535 is void."""
MAX_TEXT_BYTES = 2**20
"""Of a text file."""

FORM = '{"id": 0, "name": "sky", "color": [0, 0, 255]}'
"""An item of a ``classes.json``, for messages."""

_NAMES = ("name", "title", "label", "readable")
"""Keys of a class's name, the first that is there."""
_COLORS = ("color", "colour", "rgb")
_GROUPS = ("group", "supercategory")
# fmt: off
_IGNORED = frozenset((
    "isthing", "instances", "evaluate", "readable", "shape", "geometry_config", "geometryType", "hotkey",
    "attributes", "type", "sublabels", "parent", "trainId", "catId", "category", "hasInstances",
    "ignoreInEval", "classId", "uuid", "description", "name_readable", "keypoints", "skeleton", "parts",
    "actions",
))
# fmt: on
"""Keys of other tools that say nothing about label maps."""
_KNOWN = frozenset(("id", *_NAMES, *_COLORS, *_GROUPS))
_LISTS = ("classes", "categories", "labels", "names")
_HEX = re.compile(r"#?([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


def read_classes(path: Path) -> dict[str, Any]:
    """Read a list of classes.

    Returns:
        ``{"name", "classes"}`` with items of ``{"id", "name", "color", "group"}``, whose values are not checked. Where
        nothing is said, ids are positions and colours those of the PASCAL VOC colour map.

    Raises:
        SemsynthError: the file cannot be read, or has none of the known forms; one line that shows the form.
    """
    name = path.absolute().parent.name
    if path.suffix.lower() == ".txt":
        return {"name": name, "classes": complete_classes(_lines(path), path)}
    value = read_json(path)
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        name = value["name"]
    return {"name": name, "classes": complete_classes(_items(value, path), path)}


def voc_color(number: int) -> tuple[int, int, int]:
    """The colour of an id in PASCAL VOC's colour map (``VOCdevkit/VOCcode/VOClabelcolormap.m``): all 2^24 differ."""
    channels = [0, 0, 0]
    for bit in range(8):
        for channel in range(3):
            channels[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
    return channels[0], channels[1], channels[2]


def _items(value: Any, path: Path) -> list[dict[str, Any]]:
    """The classes of a JSON value as mappings, which may lack ids and colours."""
    if isinstance(value, dict):
        for key in ("id2label", "label2id"):
            if isinstance(value.get(key), dict):
                value = value[key]
        listed = next((value[key] for key in _LISTS if isinstance(value.get(key), list | dict)), None)
        if listed is not None:
            value = listed
        if isinstance(value, dict):
            value = _pairs(value, path)
    if not isinstance(value, list) or not value:
        raise SemsynthError(f"{path} lists no classes: it holds a list of {FORM}")
    if len(value) > MAX_CLASSES:
        raise SemsynthError(f"{path} lists {len(value):,} classes: label maps tell at most {MAX_CLASSES:,} apart")
    if all(isinstance(item, str) for item in value):
        return [{"name": name} for name in value]
    wrong = [item for item in value if not isinstance(item, dict)]
    if wrong:
        raise SemsynthError(f"{path}: {_count(wrong, value)} not of the form {FORM}: {shortened(repr(wrong[0]))}")
    items = [_item(item, path) for item in value]
    if all("title" in item for item in value):  # Supervisely's ids are its database's; its masks number from 1
        return [{**item, "id": number} for number, item in enumerate(items, 1)]
    return items


def _pairs(value: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    """The classes of ``{id: name}`` or ``{name: id}``."""
    if all(re.fullmatch("[0-9]{1,5}", key) and isinstance(name, str) for key, name in value.items()):
        return [{"id": int(key), "name": name} for key, name in value.items()]
    if all(isinstance(number, int) and not isinstance(number, bool) for number in value.values()):
        return [{"id": number, "name": name} for name, number in value.items()]
    raise SemsynthError(f"{path} lists no classes ({shortened(', '.join(value))}): it holds a list of {FORM}")


def _item(item: dict[str, Any], path: Path) -> dict[str, Any]:
    """One class with the keys of :class:`semsynth.classes.ClassInfo`."""
    given = {key: value for key, value in item.items() if value is not None}
    found = {
        key: next(given[name] for name in names if name in given)
        for key, names in (("id", ("id",)), ("name", _NAMES), ("color", _COLORS), ("group", _GROUPS))
        if any(name in given for name in names)
    }
    unknown = [key for key in item if key not in _KNOWN and key not in _IGNORED]
    if unknown:
        raise SemsynthError(
            f"{path}: a class has the unknown key '{shortened(unknown[0])}' (known: id, name, color, group): {FORM}"
        )
    if "name" not in found:
        raise SemsynthError(f"{path}: a class has no name: {shortened(repr(item))}; the form is {FORM}")
    return found


def _lines(path: Path) -> list[dict[str, Any]]:
    """The classes of a text file: ``NAME:R,G,B:...`` (CVAT), ``R G B NAME`` (CamVid) or ``NAME`` (labelme)."""
    try:
        text = read_bytes(path, MAX_TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SemsynthError(f"{path} is not a text file ({error}): give the list of classes itself") from error
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith("#") and line != "__ignore__"]
    if not kept:
        raise SemsynthError(f"{path} lists no classes: it holds a name on every line")
    items = []
    for line in kept:
        if cvat := re.fullmatch(r"([^:]+):(\d{1,3}),(\d{1,3}),(\d{1,3}):[^:]*:[^:]*", line):
            items.append({"name": cvat[1], "color": [int(cvat[channel]) for channel in (2, 3, 4)]})
        elif camvid := re.fullmatch(r"(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+(\S.*)", line):
            items.append({"name": camvid[4], "color": [int(camvid[channel]) for channel in (1, 2, 3)]})
        else:
            items.append({"name": line})
    if len({"color" in item for item in items}) > 1:
        odd = next(line for line, item in zip(kept, items, strict=True) if "color" not in item)
        raise SemsynthError(f"{path}: other lines have colours, and this one has none: {shortened(odd)}")
    return items


def complete_classes(items: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """The classes ``{"name"[, "id", "color", "group"]}`` with ids and colours.

    Raises:
        SemsynthError: some have an id and others not, or a colour of another form.
    """
    for key in ("id", "color"):
        without = [item for item in items if key not in item]
        if without and len(without) < len(items):
            raise SemsynthError(
                f"{path}: {_count(without, items)} without {'an id' if key == 'id' else 'a color'}, such as "
                f"'{shortened(without[0]['name'])}': {FORM}"
            )
    complete = []
    wrong = []
    for place, item in enumerate(items):
        number = item.get("id", place)
        color = item.get("color", list(voc_color(number if isinstance(number, int) else place)))
        if isinstance(color, str) and (parts := _HEX.fullmatch(color)):
            color = [int(part, 16) for part in parts.groups()]
        if not (isinstance(color, list) and len(color) == 3 and all(_is_level(level) for level in color)):
            wrong.append(item)
        complete.append({**item, "id": number, "color": color})
    if wrong:
        raise SemsynthError(
            f'{path}: "color" is [R, G, B], 0 to 255, or "#rrggbb", not {shortened(repr(wrong[0]["color"]))} '
            f"({_count(wrong, items)} so): {FORM}"
        )
    return complete


def _is_level(level: object) -> bool:
    return isinstance(level, int) and not isinstance(level, bool) and 0 <= level <= 255


def _count(some: list[Any], items: list[Any]) -> str:
    return f"{len(some)} of {len(items)} classes {'is' if len(some) == 1 else 'are'}"

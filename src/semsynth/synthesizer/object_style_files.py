"""Files that hold the styles of single objects."""

from __future__ import annotations

from pathlib import Path

from semsynth.classes import ClassSet
from semsynth.documents import read_json
from semsynth.errors import SemsynthError
from semsynth.styles.choice import ObjectStyle


def read_object_styles(path: Path, classes: ClassSet | None = None) -> dict[int, ObjectStyle]:
    """Read instance id -> mode, vector, or photo (relative to the file's folder).

    Args:
        path: a JSON file: ``{"26003": 4, "26001": [0.1, -0.4], "8": "brick.jpg"}``.
        classes: those of a model that reads noise: then classes may be named, and texts are names of modes.

    Raises:
        SemsynthError: not such a file.
    """
    values = read_json(path)
    ids = {} if classes is None else {item.name: item.id for item in classes.classes}
    styles: dict[int, ObjectStyle] = {}
    for key, value in values.items() if isinstance(values, dict) else ():
        numbers = isinstance(value, list) and all(isinstance(one, int | float) for one in value)
        known = numbers or (isinstance(value, int | str) and not isinstance(value, bool))
        if not known or not (key in ids or key.removeprefix("-").isdecimal()):
            raise SemsynthError(
                f'{path}: "{key}": {value!r} is not a style of an object: '
                'give "INSTANCE ID": MODE, [NUMBERS] or "PHOTO"'
            )
        photo = isinstance(value, str) and classes is None
        styles[ids[key] if key in ids else int(key)] = path.parent / value if photo else value
    if not styles:
        raise SemsynthError(f'{path} holds no styles: write {{"INSTANCE ID": MODE, [NUMBERS] or "PHOTO", ...}}')
    return styles

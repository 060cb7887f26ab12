"""What people say about styles on the command line and in its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from semsynth.errors import SemsynthError

if TYPE_CHECKING:
    from semsynth.classes import ClassSet
    from semsynth.styles.choice import ObjectStyle


def parse_region_seeds(texts: Sequence[str]) -> dict[int | str, int]:
    """Class name, class id or instance id -> seed, of texts such as ``door=7``."""
    seeds: dict[int | str, int] = {}
    for text in texts:
        region, equals, seed = text.rpartition("=")
        if not (equals and region and seed.isascii() and seed.isdigit()):
            raise SemsynthError(f"--region-seed {text}: expected REGION=SEED, for example door=7 or 26001=4")
        seeds[int(region) if region.removeprefix("-").isdecimal() else region] = int(seed)
    return seeds


def read_styles(path: Path, classes: ClassSet | None = None) -> dict[int, ObjectStyle]:
    """Instance id -> mode, vector, or photo (its path counts from the file's folder).

    Args:
        path: the file.
        classes: of a model that reads noise: then classes may be named, and texts are names of modes.
    """
    from semsynth.files import read_json

    values = read_json(path)
    ids = {} if classes is None else {item.name: item.id for item in classes.classes}
    styles: dict[int, ObjectStyle] = {}
    for key, value in values.items() if isinstance(values, dict) else ():
        numbers = isinstance(value, list) and all(isinstance(one, int | float) for one in value)
        known = numbers or (isinstance(value, int | str) and not isinstance(value, bool))
        if not known or not (key in ids or key.removeprefix("-").isdecimal()):
            raise SemsynthError(
                f'{path}: "{key}": {value!r} is no style of an object: give "INSTANCE ID": MODE, [NUMBERS] or "PHOTO"'
            )
        photo = isinstance(value, str) and classes is None
        styles[ids[key] if key in ids else int(key)] = path.parent / value if photo else value
    if not styles:
        raise SemsynthError(f'{path} holds no styles: write {{"INSTANCE ID": MODE, [NUMBERS] or "PHOTO", ...}}')
    return styles

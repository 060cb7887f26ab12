"""One file of black and white per class: the names of folders or files say which class and which photograph."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from semsynth.data.annotations.masks import mask_of_file
from semsynth.data.annotations.outlines import Patch, placed
from semsynth.data.importers.painting import Shape
from semsynth.data.importers.pairs import Listing
from semsynth.data.importers.records import Picture, Record, list_records
from semsynth.data.listing import examples, natural, picture_files
from semsynth.errors import SemsynthError
from semsynth.layout import Size


def list_binary_masks(source: Path, masks: str = "masks", **common: Any) -> Listing:
    """List photographs and their masks of one class each, in which 0 is outside.

    A mask is ``MASKS/CLASS/NAME.png``, ``MASKS/NAME/CLASS.png`` or ``MASKS/NAME_CLASS.png``, where NAME is the
    photograph's; which of them, the names of the photographs say.

    Args:
        source: the folder that holds the photographs and the folder of masks.
        masks: the name of the folder of masks.
        **common: as in :func:`semsynth.data.importers.records.list_records`.

    Raises:
        SemsynthError: as :func:`semsynth.data.importers.records.list_records`, and masks whose names have none of these
            forms.
    """
    folder = source / masks
    if not folder.is_dir():
        raise SemsynthError(f"{source} has no folder {masks}/: name the one of the masks with `masks`")
    root = common.get("photos") or source
    photos = {path.stem: path for path in picture_files(root) if not path.is_relative_to(folder)}
    if not photos:
        raise SemsynthError(f"{root} holds no photos besides the masks: name their folder with `photos`")
    found: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    strange = []
    for path in picture_files(folder):
        if named := _named(path, folder, photos):
            found[named[0]].append((named[1], path))
        else:
            strange.append(str(path.relative_to(source)))
    if strange:
        raise SemsynthError(
            f"{source}: {len(strange):,} masks are not CLASS/NAME, NAME/CLASS or NAME_CLASS of a photo NAME: "
            f"{examples(strange)}; the photos are {examples(list(photos))}"
        )
    names = sorted({name for parts in found.values() for name, _ in parts}, key=natural)
    records = [
        Record(parts[0][1], f"photo {photo}", partial(_picture, photos[photo].name, parts))
        for photo, parts in found.items()
    ]
    return list_records(source, records, lambda: [{"name": name} for name in names], **common)


def _named(path: Path, folder: Path, photos: dict[str, Path]) -> tuple[str, str] | None:
    """The photograph and the class that a mask's name says."""
    above = path.relative_to(folder).parts[:-1]
    if above and path.stem in photos:
        return path.stem, above[-1]
    if above and above[-1] in photos:
        return above[-1], path.stem
    ends = [match.start() for match in re.finditer(r"[_.\-]", path.stem)]
    cut = next((end for end in reversed(ends) if path.stem[:end] in photos and path.stem[end + 1 :]), None)
    return None if cut is None else (path.stem[:cut], path.stem[cut + 1 :])


def _picture(photo: str, parts: Sequence[tuple[str, Path]]) -> Picture:
    shapes = tuple(Shape(f"mask {path.name}", name, partial(_drawn, path), single=False) for name, path in parts)
    return Picture(photo, None, shapes)


def _drawn(path: Path, size: Size) -> Patch:
    return placed(mask_of_file(path, size), 0, 0, size)

"""Label maps that are files, and the photos that they become: which there are, and whether that can go well."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from semsynth.data.folder import CLASSES_FILE, CONDITIONS, LABELS, holds_conditions, load_classes
from semsynth.data.listing import counted, examples, list_pictures, name_of_file
from semsynth.errors import SemsynthError, shortened
from semsynth.files import explained
from semsynth.synthesizer.conditions import ConditionReader


@dataclass(frozen=True)
class MapFiles:
    """The files of one label map."""

    path: Path
    """The label map, or the picture for models that read these."""
    instances: Path | None
    """Its instance map."""
    photos: tuple[Path, ...]
    """What becomes of it, one for each style."""


def list_maps(
    maps: str | Path | Sequence[str | Path],
    out: Path,
    numbers: Sequence[int | str] | None = None,
    instances: Path | None = None,
    mark: str = "_seed",
    suffix: str = ".png",
) -> list[MapFiles]:
    """List label maps and name their photos; nothing is decoded.

    Args:
        maps: a label map, a folder of them, or several of both.
        out: the folder for the photos.
        numbers: what photos of one map are named after, with ``mark`` before it; None: one photo, named like the map.
        instances: a folder of instance maps named like the label maps, or the file for a single map.
        mark: see ``numbers``.
        suffix: of the photos.

    Raises:
        SemsynthError: a file that is not there, a folder without maps, or maps without instance maps.
    """
    if instances is not None and not instances.exists():
        raise SemsynthError(f"there is no such folder or file: {instances} (instance maps)")
    paths = list(_label_maps([Path(one) for one in ([maps] if isinstance(maps, str | Path) else maps)]))
    single = instances is not None and instances.is_file()
    if single and len(paths) > 1:
        raise SemsynthError(f"{instances} is one file for {len(paths)} label maps: give a folder of instance maps")
    known = {} if instances is None or single else list_pictures(instances)
    lacking = [path.name for path in paths if known and name_of_file(path) not in known]
    if lacking:
        raise SemsynthError(
            f"{counted(len(lacking), 'label map')} of {len(paths)} without an instance map of that name in "
            f"{instances}: {examples(lacking)}"
        )
    listed = []
    for path in paths:
        beside = known[name_of_file(path)] if known else instances
        names = [path.stem] if numbers is None else [f"{path.stem}{mark}{one}" for one in numbers]
        listed.append(MapFiles(path, beside, tuple(out / f"{name}{suffix}" for name in names)))
    return listed


def _label_maps(given: Sequence[Path]) -> Iterator[Path]:
    for path in given:
        with explained(path, "cannot read"):
            is_folder, is_file = path.is_dir(), path.is_file()
        if is_folder:
            yield from list_pictures(path).values()
        elif is_file:
            yield path
        else:
            raise SemsynthError(f"there is no label map {path}: check the path")


def check_outputs(
    files: Sequence[MapFiles],
    out: Path,
    style: Path | None = None,
    sheet: Path | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Make sure, before anything is computed, that the photos can be written and replace nothing that people want.

    Args:
        files: the label maps.
        out: the folder for their photos.
        style: a photo that is read, too.
        sheet: a contact sheet that is written, too.
        overwrite: whether files of an earlier call may be replaced.

    Raises:
        SemsynthError: two files would become one, an input or a file that is there would be replaced, or the folder
            cannot be written to.
    """
    sources: dict[Path, Path] = {}
    for one in files:
        for photo in one.photos:
            other = sources.setdefault(photo, one.path)
            if other != one.path:
                raise SemsynthError(f"{other} and {one.path} would both become {photo}: run them into two folders")
    if sheet in sources:
        raise SemsynthError(f"{sources[sheet]} and the contact sheet would both become {sheet.name}: rename it")
    read = [one.path for one in files] + [one.instances for one in files if one.instances] + ([style] if style else [])
    inputs = {path.resolve() for path in read}
    outputs = [*sources, *([sheet] if sheet else [])]
    for output in outputs:
        if output.resolve() in inputs:
            raise SemsynthError(f"{output} is an input and would be replaced by a photo: choose another `out`")
    present = [] if overwrite else [output for output in outputs if output.exists()]
    if present:
        others = f" and {len(present) - 1} more" if len(present) > 1 else ""
        raise SemsynthError(f"{present[0]}{others} would be replaced: choose another `out`, or give `overwrite`")
    folder = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
    if not folder.is_dir():
        raise SemsynthError(f"`out={out}`: {folder} is a file: choose another folder")
    if not os.access(folder, os.W_OK):
        raise SemsynthError(f"`out={out}`: {folder} cannot be written to: choose another folder")
    longest = os.pathconf(folder, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    for photo, source in sources.items():
        if len(os.fsencode(photo.name)) > longest:
            raise SemsynthError(
                f"the photo of {shortened(source.name)} would have a name of {len(os.fsencode(photo.name))} bytes, and "
                f"{longest} fit into {folder}: rename the label map"
            )


def check_datasets(conditions: ConditionReader, files: Sequence[MapFiles]) -> None:
    """Make sure that maps of a dataset folder are of the model's classes: pixels alone might mean anything.

    Raises:
        SemsynthError: a folder of other classes.
    """
    for folder in dict.fromkeys(one.path.absolute().parent for one in files):
        root = folder.parent.parent
        described = folder.name == LABELS and (root / CLASSES_FILE).is_file()
        if described or (folder.name == CONDITIONS and holds_conditions(root)):
            conditions.check_classes(load_classes(root), str(folder))

"""ADE20K-outdoor: those pictures of ADE20K that show outdoor scenes (SPADE's paper, section 4).

The paper does not list them (it has them from SIMS). What is outdoor is said, in this order, by a list of names or of
scenes, by a table of scenes, or by the data set: the full form says it of every picture (``"scene": ["outdoor", ...]``
in its JSON file); the challenge's ``sceneCategories.txt`` names scenes only, unless somebody added a third column.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from semsynth.data.importers.ade20k import list_ade20k
from semsynth.data.importers.pairs import Listing, Pair
from semsynth.data.source_files import few, read_lines, required
from semsynth.errors import SemsynthError
from semsynth.files import explained

SCENE_FILE = "sceneCategories.txt"

_OUTDOOR = {"outdoor": True, "indoor": False, "2": True, "1": False}
"""The words, and the numbers of IO_places365.txt (CSAILVision/places365)."""


@dataclass(frozen=True)
class Scene:
    """Where a picture was taken."""

    category: str
    """For example ``street``; parts of it are joined by ``_``."""
    outdoor: bool | None
    """None: the data set does not say."""


def list_ade20k_outdoor(
    source: Path, mapping: Path | None = None, wanted: Path | None = None, table: Path | None = None
) -> Listing:
    """List the outdoor pictures of ADE20K with the class set ``ade20k``.

    Args:
        source: as for :func:`list_ade20k`.
        mapping: as for :func:`list_ade20k`.
        wanted: a list of names of pictures or of scenes, one a line: these are taken.
        table: two columns, scene and ``indoor`` or ``outdoor`` (or 1 and 2, as in IO_places365.txt).

    Raises:
        SemsynthError: as :func:`list_ade20k`; nothing says what is outdoor, or not of all scenes; a list that names
            what ADE20K does not have.
    """
    if wanted is not None and table is not None:
        raise SemsynthError("`wanted` and `table` both say what is outdoor: give one of them")
    listing = list_ade20k(source, mapping)
    scenes = _scenes(listing.pairs, source)
    pairs = listing.pairs
    chosen = _outdoor(pairs, scenes, table) if wanted is None else _listed(pairs, scenes, wanted)
    if not chosen:
        raise SemsynthError(f"{source}: none of the {len(pairs)} pictures is outdoors: check the list or table")
    return Listing(tuple(pair for pair in pairs if pair.name in chosen), listing.classes, listing.notes)


def _listed(pairs: Sequence[Pair], scenes: dict[str, Scene], wanted: Path) -> set[str]:
    names = {pair.name for pair in pairs}
    categories = {scene.category for scene in scenes.values()}
    lines = read_lines(wanted)
    entries = {line: (Path(line).stem, _category(line)) for line in lines if not line.startswith("#")}
    unknown = [line for line, (name, scene) in entries.items() if name not in names and scene not in categories]
    if unknown:
        raise SemsynthError(
            f"{wanted} names {len(unknown)} pictures or scenes that are not there: {few(unknown)}; give names as "
            f"ADE_train_00000001 or scenes of {SCENE_FILE}"
        )
    stems, listed = ({entry[i] for entry in entries.values()} for i in (0, 1))
    return {
        pair.name
        for pair in pairs
        if pair.name in stems or (pair.name in scenes and scenes[pair.name].category in listed)
    }


def _outdoor(pairs: Sequence[Pair], scenes: dict[str, Scene], table: Path | None) -> set[str]:
    missing = [pair.name for pair in pairs if pair.name not in scenes]
    if missing:
        raise SemsynthError(
            f"{SCENE_FILE} of ADEChallengeData2016.zip does not tell the scene of {len(missing)} pictures: "
            f"{few(missing)}; restore it, or name the pictures in a list (`wanted`)"
        )
    said = _read_table(table) if table is not None else {}
    outdoor = {name: said.get(scene.category, scene.outdoor) for name, scene in scenes.items()}
    unsaid = sorted({scenes[pair.name].category for pair in pairs if outdoor[pair.name] is None})
    if unsaid:
        raise SemsynthError(
            f"{table or SCENE_FILE} does not say whether {len(unsaid)} scenes are indoors or outdoors: {few(unsaid)}; "
            "add them to a table of scenes (`table`), or name the outdoor ones in a list (`wanted`)"
        )
    return {name for name, is_outdoor in outdoor.items() if is_outdoor}


def _read_table(path: Path) -> dict[str, bool]:
    said = {}
    for line in read_lines(path):
        scene, _, place = line.replace("\t", " ").rpartition(" ")
        if place.lower() not in _OUTDOOR or not scene:
            raise SemsynthError(f"{path}: '{line}' is not a scene followed by indoor or outdoor (or 1 or 2)")
        said[_category(scene)] = _OUTDOOR[place.lower()]
    return said


def _scenes(pairs: Sequence[Pair], source: Path) -> dict[str, Scene]:
    """Name -> scene, of the full form's JSON files or of ``sceneCategories.txt``."""
    beside = {pair.name: pair.image.with_suffix(".json") for pair in pairs if isinstance(pair.image, Path)}
    if any(path.is_file() for path in beside.values()):
        return {name: _read_scene(path) for name, path in beside.items()}
    files = [source / SCENE_FILE, source / "ADEChallengeData2016" / SCENE_FILE]
    found = next((path for path in files if path.is_file()), None)
    return {} if found is None else dict(_scene_lines(found))


def _scene_lines(path: Path) -> Iterable[tuple[str, Scene]]:
    for line in read_lines(path):
        name, *rest = line.split()
        outdoor = _OUTDOOR.get(rest[-1].lower()) if len(rest) > 1 else None
        if not rest:
            raise SemsynthError(f"{path}: '{line}' is not a name and a scene: restore the file from the download")
        yield name, Scene(_category("_".join(rest if outdoor is None else rest[:-1])), outdoor)


def _read_scene(path: Path) -> Scene:
    required(path, "every picture of the full data set has one; restore it from the download")
    with explained(path, "cannot read"):
        data = path.read_bytes()
    try:
        parts = json.loads(data.decode("latin-1"))["annotation"]["scene"]  # some attributes are not UTF-8
        place, *category = (parts[0], *parts[2:]) if len(parts) > 2 else parts
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise SemsynthError(f"{path} does not tell the scene ({error!r}): restore it from the download") from error
    return Scene(_category("_".join(category)), _OUTDOOR.get(str(place)))


def _category(name: str) -> str:
    """``/a/airport_terminal`` of Places and ``airport_terminal`` alike; parts joined by ``_``."""
    parts = [part for part in name.strip().split("/") if part]
    if name.startswith("/") and len(parts) > 1 and len(parts[0]) == 1:
        parts = parts[1:]
    return "_".join(parts).replace(" ", "_")

"""A folder of photographs, with edge maps made of them as conditions."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from semsynth.config import dump_config, load_config
from semsynth.data.edges import EdgeSettings, edge_map
from semsynth.data.folder import CLASSES_FILE, CONDITIONS, IMAGES, list_pictures
from semsynth.data.importers.pairs import Place, first_of_splits, in_parallel, link, once
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError
from semsynth.images import PICTURE_SUFFIXES, decode_image, save_png

SETTINGS_FILE = "edges.json"
"""Beside the splits: how the edges were found."""
SPLITS = ("train", "val", "test")
VAL_SHARE = 0.1


@dataclass(frozen=True)
class FoundPhoto:
    """A photograph and where it goes."""

    split: str
    name: str
    path: Path


def import_edges(
    source: Path,
    out: Path,
    settings: EdgeSettings,
    *,
    val_share: float | None = None,
    place: Place = link,
    limit: int | None = None,
    progress: Progress = silent,
) -> dict[str, int]:
    """Import the photographs in ``SOURCE``, or in ``SOURCE/train``, ``val`` and ``test``, and draw their edges.

    Args:
        source: the photographs; in a divided one they may also lie in ``SPLIT/images``.
        out: the dataset folder to make or to go on with.
        settings: how edges are found.
        val_share: how many of an undivided source go to ``val``, about, 0 to 1; None: a tenth. The names decide which.
        place: `link` or `copy`.
        limit: at most so many photographs of every split, the first ones; None: all.
        progress: called once per photograph.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: no photographs, a damaged one, or a folder ``out`` of other data or with other edges.
    """
    photos = first_of_splits(divided(source, val_share), limit)
    _check_out(out, settings, photos)
    if not (out / SETTINGS_FILE).exists():
        dump_config(settings, out / SETTINGS_FILE)

    def bring(photo: FoundPhoto) -> None:
        folder = out / photo.split
        once(photo.path, folder / CONDITIONS / f"{photo.name}.png", draw)  # first: it fails where a photo is damaged
        once(photo.path, folder / IMAGES / (photo.name + photo.path.suffix.lower()), place)

    def draw(path: Path, target: Path) -> None:
        save_png(target, edge_map(decode_image(path), settings))

    in_parallel(bring, photos, progress)
    return dict(Counter(photo.split for photo in photos))


def divided(source: Path, val_share: float | None) -> list[FoundPhoto]:
    """The photographs of an undivided folder, or of one with sub-folders per split; :func:`import_edges` says how."""
    if not source.is_dir():
        raise SemsynthError(f"there is no folder {source}: check the path")
    folders = {split: source / split for split in SPLITS if (source / split).is_dir()}
    if folders:
        if val_share is not None:
            raise SemsynthError(f"{source} is divided into {', '.join(folders)} already: leave out --val-share")
        listed = {s: list_pictures(f / IMAGES if (f / IMAGES).is_dir() else f) for s, f in folders.items()}
        return [FoundPhoto(split, name, path) for split, files in listed.items() for name, path in files.items()]
    if not any(path.suffix.lower() in PICTURE_SUFFIXES for path in source.iterdir()):
        raise SemsynthError(
            f"{source} holds neither photographs nor {', '.join(SPLITS[:-1])} or {SPLITS[-1]}: give a folder of "
            f"pictures ({', '.join(PICTURE_SUFFIXES)})"
        )
    photos = list_pictures(source)
    chosen = _chosen(photos, VAL_SHARE if val_share is None else val_share)
    return [FoundPhoto("val" if name in chosen else "train", name, path) for name, path in photos.items()]


def _chosen(names: Iterable[str], share: float) -> set[str]:
    """About a share of ``names``, but not none of several, nor all; each by itself: others may come and go."""
    places = {name: int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) / 2**32 for name in names}
    ordered = sorted(places, key=lambda name: places[name])
    count = sum(place < share for place in places.values())
    return set(ordered[: min(max(1, count), len(ordered) - 1)]) if share else set()


def _check_out(out: Path, settings: EdgeSettings, photos: Iterable[FoundPhoto]) -> None:
    """Make sure that ``out`` is new, or an import of the same kind that goes on."""
    if (out / CLASSES_FILE).exists():
        raise SemsynthError(f"{out} holds a dataset with label maps: choose a new folder")
    path = out / SETTINGS_FILE
    if path.exists() and load_config(EdgeSettings, path) != settings:
        raise SemsynthError(f"{path} tells of edges found in another way: give the same options or a new folder")
    here: Mapping[str, set[str]] = {
        split: {file.stem for file in (out / split / CONDITIONS).glob("*.png")} for split in SPLITS
    }
    for photo in photos:
        for split in SPLITS:
            if split != photo.split and photo.name in here[split]:
                raise SemsynthError(
                    f"{out / split} has '{photo.name}' already, which goes to {photo.split} now, because the "
                    "photographs or their division have changed: choose a new folder"
                )

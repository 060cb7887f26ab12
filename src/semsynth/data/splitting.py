"""Which split a photograph goes to."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from semsynth.data.folder import IMAGES
from semsynth.data.listing import list_pictures
from semsynth.errors import SemsynthError

SPLITS = ("train", "val", "test")
VAL_SHARE = 0.1
_OTHER_NAMES = {"training": "train", "validation": "val", "valid": "val", "dev": "val", "testing": "test"}


def split_named(name: str) -> str:
    """What a split is called here that data sets call ``validation``, say; other names stay."""
    return _OTHER_NAMES.get(name.lower(), name)


def missing_split_notes(location: object, names: Collection[str]) -> list[str]:
    """What should be known of a dataset without one of the splits that training reads.

    Args:
        location: the folder or address.
        names: of its splits.
    """
    notes = []
    if "train" not in names:
        notes.append(f"{location} has no split 'train': training needs one, evaluation and synthesis do not")
    if "val" not in names:
        notes.append(
            f"{location} has no split 'val': training does without and shows previews of training layouts, but scores "
            f"and evaluation need one ('semsynth data import folder SRC DATA --val-share {VAL_SHARE}' makes it)"
        )
    return notes


@dataclass(frozen=True)
class FoundPhoto:
    """A photograph and where it goes."""

    split: str
    name: str
    path: Path


class OfSplit(Protocol):
    """Something that belongs to a split."""

    @property
    def split(self) -> str:
        """For example ``train``."""


Divided = TypeVar("Divided", bound=OfSplit)


def first_of_splits(items: Sequence[Divided], limit: int | None) -> list[Divided]:
    """The first ``limit`` items of every split; all if it is None."""
    seen: Counter[str] = Counter()
    chosen = []
    for item in items:
        seen[item.split] += 1
        if limit is None or seen[item.split] <= limit:
            chosen.append(item)
    return chosen


def divided(source: Path, val_share: float | None) -> tuple[list[FoundPhoto], bool]:
    """The photographs of an undivided folder, or of one with sub-folders per split.

    Args:
        source: the photographs, or sub-folders ``train``, ``val`` and ``test``, each with photographs or with a folder
            ``images`` of them.
        val_share: about how many of an undivided source go to ``val``, 0 to 1; None: a tenth. A photograph's name
            decides, so that the others may come and go.

    Returns:
        The photographs, and whether their names chose the splits.

    Raises:
        SemsynthError: no such folder, no photographs in it, or a share for a source that is divided already.
    """
    if not source.is_dir():
        raise SemsynthError(f"there is no folder {source}: check the path")
    folders = {split: source / split for split in SPLITS if (source / split).is_dir()}
    if folders:
        if val_share is not None:
            raise SemsynthError(f"{source} is divided into {', '.join(folders)} already: leave out `val_share`")
        listed = {s: list_pictures(f / IMAGES if (f / IMAGES).is_dir() else f) for s, f in folders.items()}
        found = [FoundPhoto(split, name, path) for split, files in listed.items() for name, path in files.items()]
        return found, False
    photos = list_pictures(source)
    chosen = names_for_val(photos, VAL_SHARE if val_share is None else val_share)
    return [FoundPhoto("val" if name in chosen else "train", name, path) for name, path in photos.items()], True


def names_for_val(names: Iterable[str], share: float) -> set[str]:
    """About a share of ``names``, but not none of several, nor all; each by itself: others may come and go."""
    places = {name: int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) / 2**32 for name in names}
    ordered = sorted(places, key=lambda name: places[name])
    count = sum(place < share for place in places.values())
    return set(ordered[: min(max(1, count), len(ordered) - 1)]) if share else set()

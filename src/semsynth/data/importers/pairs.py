"""From listed pairs to a dataset folder: links or copies, never re-encodes, and goes on where it was interrupted."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from semsynth.classes import ClassSet
from semsynth.data.folder import IMAGES, INSTANCES, LABELS, pairing_problems, save_classes
from semsynth.data.progress import Progress, silent
from semsynth.errors import SemsynthError
from semsynth.files import explained, make_folder, write_atomically

Place = Callable[[Path, Path], None]
"""Makes the second path from the first."""


@dataclass(frozen=True)
class Pair:
    """The files of one sample."""

    split: str
    name: str
    image: Path
    label: Path
    instance: Path | None


def link(source: Path, target: Path) -> None:
    """A hard link, else a symbolic link, else a copy."""
    source = source.resolve()
    make_folder(target.parent)
    for attempt in (target.hardlink_to, target.symlink_to):
        try:
            attempt(source)
        except OSError:  # another file system, or one without links
            continue
        return
    copy(source, target)


def copy(source: Path, target: Path) -> None:
    """An independent copy, written atomically."""
    write_atomically(target, lambda partial: _copy_bytes(source, partial))


def matched(
    split: str,
    images: Mapping[str, Path],
    labels: Mapping[str, Path],
    instances: Mapping[str, Path] | None,
    source: Path,
) -> list[Pair]:
    """Pair files by name.

    Args:
        split: the split they go to.
        images: name -> photo.
        labels: name -> label map.
        instances: name -> instance map; None where the source has none.
        source: what error messages name.

    Raises:
        SemsynthError: names without partner.
    """
    problems = pairing_problems(labels, images, "photos")
    if instances is not None:
        problems += pairing_problems(labels, instances, "instance maps")
    if problems:
        raise SemsynthError(f"{source}, {split}: {'; '.join(problems)}")
    return [
        Pair(split, name, images[name], label, instances[name] if instances is not None else None)
        for name, label in labels.items()
    ]


def import_pairs(
    pairs: Sequence[Pair],
    classes: ClassSet,
    out: Path,
    *,
    place: Place = link,
    place_label: Place | None = None,
    progress: Progress = silent,
) -> dict[str, int]:
    """Bring ``pairs`` into the dataset folder ``out``; files that are there already stay.

    Args:
        pairs: what to import.
        classes: of the label maps.
        out: made if missing.
        place: `link` or `copy`.
        place_label: for label maps, where they need more than that.
        progress: called once per pair.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: a file cannot be read or written, or ``out`` holds a dataset of other classes.
    """
    save_classes(out, classes)
    for done, pair in enumerate(pairs, 1):
        folder = out / pair.split
        once(pair.image, folder / IMAGES / (pair.name + pair.image.suffix.lower()), place)
        if pair.instance is not None:
            once(pair.instance, folder / INSTANCES / (pair.name + pair.instance.suffix.lower()), place)
        once(pair.label, folder / LABELS / (pair.name + pair.label.suffix.lower()), place_label or place)
        progress(done, len(pairs))
    return dict(Counter(pair.split for pair in pairs))


def once(source: Path, target: Path, place: Place) -> None:
    """Make ``target`` from ``source``, unless it is there."""
    if not target.exists():
        target.unlink(missing_ok=True)  # a link whose source is gone
        place(source, target)


def _copy_bytes(source: Path, target: Path) -> None:
    with explained(source, "cannot copy"):
        shutil.copyfile(source, target)

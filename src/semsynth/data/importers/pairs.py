"""The frame of all importers: each lists a source's pairs, and `import_listing` makes the dataset folder of them.

Files are linked or copied as they are; what a source holds in another form is made while it is brought. A sample's
label map is written last, so an import that was interrupted goes on with the samples that have none.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from semsynth.classes import ClassSet
from semsynth.data.budget import PixelBudget
from semsynth.data.coverage import class_pixels, coverage
from semsynth.data.folder import IMAGES, INSTANCES, LABELS, save_classes
from semsynth.data.importers.record import ImportRecord, check_sources
from semsynth.data.listing import counted, is_picture, pairing_problems
from semsynth.data.placing import Place, in_parallel, link, once
from semsynth.data.progress import Progress, Tell, silent, tell_nobody
from semsynth.data.splitting import first_of_splits
from semsynth.errors import SemsynthError
from semsynth.files import explained, write_bytes
from semsynth.images import encode_png, open_image, to_rgb
from semsynth.layout import Layout
from semsynth.layout.label_files import holds_colors, is_png

_log = logging.getLogger(__name__)

LEFT_OUT_FILE = "left_out.txt"
"""In the dataset folder: a line for every record that could not be read."""

Photo = Path | Callable[[], bytes]
"""A photo's file, or the bytes of one."""
Label = Path | Callable[[], Layout]
"""A label map's file, or what reads one that is in another form."""
Instances = Path | Callable[[Layout], NDArray[np.int32]]
"""An instance map's file, or what makes one ([H,W], 0..65535) for a layout that was read."""

_MADE_SUFFIXES = {b"\xff\xd8\xff": ".jpg", b"\x89PN": ".png"}
"""First bytes of a file -> its suffix, for photos that are no files in the source."""


class UnreadableRecordError(SemsynthError):
    """A label map cannot be read; what cannot be written is another error."""


@dataclass(frozen=True)
class Pair:
    """One sample of a source."""

    split: str
    name: str
    image: Photo
    label: Label
    instances: Instances | None = None
    sources: tuple[Path, ...] = ()
    """Files that the others are made of, where these are no files themselves."""
    stored: tuple[Callable[[], bytes], ...] = ()
    """Pictures that the others are made of, as they are stored in the source, where they are no files."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that the sample is made of."""
        return (*(one for one in (self.image, self.label, self.instances) if isinstance(one, Path)), *self.sources)


@dataclass(frozen=True)
class Listing:
    """What a source holds; nothing of it has been read yet."""

    pairs: tuple[Pair, ...]
    classes: ClassSet
    """Of the label maps as they are brought."""
    notes: tuple[str, ...] = ()
    """What was left out."""
    divided_by_name: bool = False
    """Whether names chose the splits: then samples that were imported before stay where they are."""
    left_out: tuple[str, ...] = ()
    """Records that could not be read, a line each."""
    skip_broken: bool = False
    """Whether pairs that turn out to be unreadable are left out and told of; if not, the import ends."""
    shown: Callable[[str], str] = str
    """Makes of a message with the source's paths one with the paths that people know."""


def matched(
    split: str,
    images: Mapping[str, Path],
    labels: Mapping[str, Path],
    instances: Mapping[str, Path] | None,
    source: Path,
    read: Callable[[Path], Layout] | None = None,
) -> list[Pair]:
    """Pair files by name.

    Args:
        split: the split they go to.
        images: name -> photo.
        labels: name -> label map.
        instances: name -> instance map; None where the source has none.
        source: what error messages name.
        read: makes a layout of a label map that does not hold the class set's ids or colours.

    Raises:
        SemsynthError: names without partner.
    """
    problems = pairing_problems(labels, images, "photos")
    if instances is not None:
        problems += pairing_problems(labels, instances, "instance maps")
    if problems:
        raise SemsynthError(f"{source}, {split}: {'; '.join(problems)}")
    return [
        Pair(
            split,
            name,
            images[name],
            label if read is None else partial(read, label),
            None if instances is None else instances[name],
            () if read is None else (label,),
        )
        for name, label in labels.items()
    ]


def matched_splits(
    split_of: Mapping[str, str],
    splits: Sequence[str],
    images: Mapping[str, Path],
    labels: Mapping[str, Path],
    source: Path,
    read: Callable[[Path], Layout] | None = None,
) -> list[Pair]:
    """Pair files by name, as :func:`matched`, where the name says which of ``splits`` a sample goes to."""
    pairs: list[Pair] = []
    for split in splits:
        mine = ({name: path for name, path in files.items() if split_of[name] == split} for files in (images, labels))
        pairs += matched(split, next(mine), next(mine), None, source, read)
    return pairs


class MissingSplits:
    """Splits whose photos are not there, as after half a download: left out, unless no other is complete."""

    def __init__(self, source: Path) -> None:
        self._source, self._missing = source, list[str]()

    def lacks(self, split: str, photos: Path | None, looked_for: str) -> bool:
        """Whether a split with label maps has no photos at all.

        Args:
            split: its name.
            photos: their folder, which may be missing.
            looked_for: where they should be, and what they come with.
        """
        if photos is not None and photos.is_dir() and any(is_picture(path.name) for path in photos.rglob("*")):
            return False
        self._missing.append(f"{split} has label maps but no photos; looked for {looked_for}")
        return True

    def notes(self, pairs: Sequence[Pair]) -> tuple[str, ...]:
        """What was left out.

        Raises:
            SemsynthError: splits were, and there are no ``pairs``.
        """
        if self._missing and not pairs:
            raise SemsynthError(f"{self._source}: {'; '.join(self._missing)}")
        return tuple(f"{self._source}: {one}: left out" for one in self._missing)


def own_instances(layout: Layout) -> NDArray[np.int32]:
    """As :attr:`Pair.instances`: those that the layout was read with."""
    if layout.instances is None:
        raise ValueError("the layout was read without instances")
    return layout.instances


def import_listing(
    listing: Listing,
    out: Path,
    *,
    place: Place = link,
    limit: int | None = None,
    settings: str = "",
    progress: Progress = silent,
    tell: Tell = tell_nobody,
) -> dict[str, int]:
    """Bring what ``listing`` names into the dataset folder ``out``.

    Every label map that is brought is read and validated; PNG files of ids are placed as they are, others are written
    as ids. Several samples are brought at a time. Samples that an earlier import brought stay, unless their files or
    the settings have changed.

    Args:
        listing: what to import.
        out: made if missing.
        place: `link` or `copy`.
        limit: at most so many samples of every split, the first ones; None: all.
        settings: what label maps are made with besides their files; a change makes them anew.
        progress: called once per sample.
        tell: is told what was left out, and which samples are no longer in the source.

    Returns:
        Split -> number of samples.

    Raises:
        SemsynthError: a file cannot be read or written, a label map has ids outside the class set, or ``out`` holds a
            dataset of other classes, the sources themselves, or samples that belong to another split now.
    """
    record = ImportRecord(out, settings, (LABELS, IMAGES, INSTANCES))
    check_sources(out, (path for pair in listing.pairs for path in pair.files))
    every = record.kept_in_place(listing.pairs, tell) if listing.divided_by_name else list(listing.pairs)
    record.check_splits(every)
    for note in listing.notes:
        tell(note)
    pairs = first_of_splits(every, limit)
    save_classes(out, listing.classes)
    seen, budget, one_at_a_time = dict[str, NDArray[np.int64]](), PixelBudget(), Lock()

    broken: dict[Pair, str] = {}

    def bring(pair: Pair) -> None:
        try:
            with budget.reserved(*pair.files, *(read() for read in pair.stored)):
                found = _bring(pair, listing.classes, out / pair.split, place, record)
        except UnreadableRecordError as error:
            if not listing.skip_broken:
                raise
            record.remove(pair)
            with one_at_a_time:
                broken[pair] = str(error)
            return
        if found is not None:
            with one_at_a_time:
                seen[pair.split] = seen.get(pair.split, 0) + found

    in_parallel(bring, pairs, progress)
    if broken and len(broken) == len(pairs):
        raise SemsynthError(f"every record is broken; the first: {next(iter(broken.values()))}")
    _tell_left_out(out, [listing.shown(line) for line in (*listing.left_out, *sorted(broken.values()))], tell)
    for split, pixels in seen.items():
        line = coverage(str(out / split), pixels, listing.classes).line
        if line:
            _log.warning("%s", line)
    if gone := record.gone(every):
        tell(gone)
    return dict(Counter(pair.split for pair in pairs if pair not in broken))


def _tell_left_out(out: Path, lines: Sequence[str], tell: Tell) -> None:
    """List what was left out, in a file, too: a terminal shows the first few notes."""
    path = out / LEFT_OUT_FILE
    if lines:
        write_bytes(path, "".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"))
        tell(f"{counted(len(lines), 'record')} left out: {path} lists them")
        for line in lines:
            tell(f"left out: {line}")
    else:
        with explained(path, "cannot remove"):
            path.unlink(missing_ok=True)


def _bring(pair: Pair, classes: ClassSet, folder: Path, place: Place, record: ImportRecord) -> NDArray[np.int64] | None:
    """Make what is missing of a sample, or all of it if its files have changed; nothing if it cannot be read.

    Returns:
        [K+1] pixels of every class and void, if the label map was read.
    """
    current = record.is_current(pair, pair.files)
    label = folder / LABELS / f"{pair.name}.png"
    suffix = pair.instances.suffix.lower() if isinstance(pair.instances, Path) else ".png"
    instances = folder / INSTANCES / (pair.name + suffix)
    makes_instances = callable(pair.instances) and not (current and instances.exists())
    layout = None
    if makes_instances or not (current and label.exists()):
        try:
            layout = Layout.open(pair.label, classes) if isinstance(pair.label, Path) else pair.label()
        except SemsynthError as error:
            raise UnreadableRecordError(error) from error
    if not current:
        record.remove(pair)
    _bring_photo(pair, folder / IMAGES, place)
    if isinstance(pair.instances, Path):
        once(pair.instances, instances, place)
    elif layout is not None and makes_instances and pair.instances is not None:
        Layout(layout.labels, classes, pair.instances(layout)).save_instances(instances)
    if layout is not None and not label.exists():
        if isinstance(pair.label, Path) and is_png(pair.label) and not holds_colors(pair.label):
            once(pair.label, label, place)
        else:
            layout.save(label)
    record.add(pair, pair.files)
    return None if layout is None else class_pixels(layout)


def _bring_photo(pair: Pair, folder: Path, place: Place) -> None:
    if isinstance(pair.image, Path):
        once(pair.image, folder / (pair.name + pair.image.suffix.lower()), place)
    elif not any((folder / (pair.name + suffix)).exists() for suffix in _MADE_SUFFIXES.values()):
        data = pair.image()
        if data[:3] not in _MADE_SUFFIXES:
            data = encode_png(to_rgb(open_image(data, pair.name), pair.name))
        write_bytes(folder / (pair.name + _MADE_SUFFIXES[data[:3]]), data)

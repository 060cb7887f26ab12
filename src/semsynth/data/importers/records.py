"""The frame of all formats of annotated objects: their records become the pairs of a listing.

A format says what records its files have (:class:`Record`) and which classes; matching photographs, splits, names of
classes, painting, and leaving out what is broken are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from semsynth.class_files import complete_classes
from semsynth.classes import VOID, VOID_NAME, ClassSet
from semsynth.config import validated
from semsynth.data.annotations.photos import Photos, split_in
from semsynth.data.importers.painting import Overlap, Shape, painted
from semsynth.data.importers.pairs import Listing, Pair, own_instances
from semsynth.data.listing import counted, examples, natural
from semsynth.data.splitting import names_for_val
from semsynth.errors import SemsynthError, shortened
from semsynth.images import MAX_PIXELS, picture_header
from semsynth.layout import Layout, Size, pixels

ANNOTATIONS_BYTES = 2**31
"""Budget of an annotation file of a whole data set: that of COCO's training pictures has 0.5 GB."""
PICTURE_BYTES = 2**28
"""Budget of an annotation file of one picture, which may hold the picture itself."""
MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, SemsynthError)
"""What reading a record raises that has another form than it should."""
SKIP = "`skip_broken` leaves it out"


@dataclass(frozen=True)
class Picture:
    """What a record says."""

    photo: str
    """The photograph as the file names it: a name, a path or an address."""
    size: Size | None
    """(height, width) as the file says; None: it does not."""
    shapes: tuple[Shape, ...]
    """In the order in which they are painted."""
    left_out: int = 0
    """Annotations that have no area: points, lines, tags."""
    split: str | None = None
    """The split, where the file names one."""


@dataclass(frozen=True)
class Record:
    """A picture in an annotation file; nothing of it has been read yet."""

    file: Path
    called: str
    """What messages call it; empty where the file has one record."""
    read: Callable[[], Picture]
    """Reads it; whatever is in ``MALFORMED`` means that it has another form than it should."""

    @property
    def place(self) -> str:
        """The file and the record, for messages."""
        return f"{self.file}, {self.called}" if self.called else str(self.file)


class Broken:
    """What becomes of records that cannot be read: an error, or a line in a list."""

    def __init__(self, skip: bool) -> None:
        self._skip, self._lines = skip, list[str]()

    @contextmanager
    def guarded(self, place: str) -> Iterator[None]:
        """Leave out what fails inside, or say what is wrong with it.

        Raises:
            SemsynthError: it failed, and is not to be skipped.
        """
        try:
            yield
        except MALFORMED as error:
            line = f"{place}: {reason(error)}"
            if not self._skip:
                raise SemsynthError(f"{line}; correct it, or {SKIP}") from error
            self._lines.append(line)

    def left_out(self, source: Path, kept: int) -> tuple[str, ...]:
        """A line for every record that was left out.

        Raises:
            SemsynthError: all of them were.
        """
        if self._lines and not kept:
            raise SemsynthError(f"{source}: every record is broken; the first: {self._lines[0]}")
        return tuple(self._lines)


def reason(error: BaseException) -> str:
    """What is wrong with a record, in a few words."""
    if isinstance(error, SemsynthError):
        return str(error)
    if isinstance(error, KeyError):
        return f"it lacks '{shortened(error.args[0] if error.args else '')}'"
    text = shortened(error)
    return text if isinstance(error, ValueError) and text.startswith("its ") else f"it is malformed ({text})"


def classes_of(names: Iterable[str]) -> list[dict[str, Any]]:
    """What a class set is made of where the annotations give nothing but names: in the order of their numbers."""
    return [{"name": name} for name in sorted(names, key=natural)]


def list_records(
    source: Path,
    records: Sequence[Record],
    found: Callable[[], Sequence[Mapping[str, Any]]],
    *,
    classes: str | ClassSet | None = None,
    meaning: Sequence[str] = (),
    overlap: Overlap = "order",
    val_share: float | None = None,
    photos: Path | None = None,
    skip_broken: bool = False,
) -> Listing:
    """List the pictures of annotation files.

    Args:
        source: the folder of the annotation files.
        records: what they hold.
        found: the classes that the files name: ``{"name"}``, and ``"id"`` and ``"color"`` where they say so. It is
            called after the records were read.
        classes: what their names become, if not a class set of their own.
        meaning: ``NAME:CLASS`` for names that stand for another class, or for ``void``.
        overlap: which object shows where several are.
        val_share: about how many of an undivided source go to ``val``, 0 to 1, by their names; None: none.
        photos: where the photographs lie, if not in ``source``.
        skip_broken: whether records that cannot be read are left out and listed instead of refused.

    Raises:
        SemsynthError: a record is broken, a photograph is missing, a class is unknown, or the source is divided
            already.
    """
    broken, files = Broken(skip_broken), Photos(photos or source)
    read: list[tuple[Record, Picture, Path]] = []
    for record in records:
        with broken.guarded(record.place):
            picture = record.read()
            read.append((record, picture, files.find(picture.photo, record.file)))
    left_out = broken.left_out(source, len(read))
    class_set, ids = class_ids(
        source, found(), [shape.name for _, one, _ in read for shape in one.shapes], classes, meaning
    )
    pairs = [
        Pair(
            picture.split
            or files.split(photo)
            or split_in((*record.file.relative_to(source).parts[:-1], record.file.stem))
            or "",
            files.name(photo),
            photo,
            partial(_layout, record.place, picture, photo, ids, class_set, overlap),
            own_instances,
            (record.file,),
        )
        for record, picture, photo in read
    ]
    without = sum(one.left_out for _, one, _ in read)
    notes = (f"{source}: {counted(without, 'annotation')} without an area (points, lines, tags) left out",) * bool(
        without
    )
    listing = listing_of(source, pairs, class_set, val_share)
    return replace(listing, notes=notes, left_out=left_out, skip_broken=skip_broken)


def listing_of(source: Path, pairs: Sequence[Pair], classes: ClassSet, val_share: float | None) -> Listing:
    """A listing of pairs whose split is empty where the source does not name one.

    Raises:
        SemsynthError: there are none, a name is there twice, or a share is given and the source is divided.
    """
    if not pairs:
        raise SemsynthError(f"{source} holds no annotated pictures")
    named = sorted({pair.split for pair in pairs} - {""})
    if named and val_share is not None:
        raise SemsynthError(f"{source} is divided into {', '.join(named)} already: leave out `val_share`")
    chosen = names_for_val((pair.name for pair in pairs), val_share or 0)
    divided = [replace(pair, split=pair.split or ("val" if pair.name in chosen else "train")) for pair in pairs]
    seen: dict[tuple[str, str], Pair] = {}
    for pair in divided:
        other = seen.setdefault((pair.split, pair.name), pair)
        if other is not pair:
            raise SemsynthError(
                f"{source}: two records, of {other.image} and {pair.image}, make one sample '{pair.name}' of "
                f"{pair.split}: keep one of them, or rename the photo"
            )
    return Listing(tuple(divided), classes, divided_by_name=val_share is not None)


def class_ids(
    source: Path,
    found: Sequence[Mapping[str, Any]],
    used: Sequence[str],
    classes: str | ClassSet | None,
    meaning: Sequence[str],
) -> tuple[ClassSet, dict[str, int]]:
    """The class set, and the id (or ``VOID``) of every name that annotations use.

    Args:
        source: what messages call the data.
        found: as in :func:`list_records`.
        used: names that annotations use.
        classes: as in :func:`list_records`.
        meaning: as in :func:`list_records`.

    Raises:
        SemsynthError: a name without a class, or classes that make no class set.
    """
    renamed = dict(_halves(text) for text in meaning)
    if classes is None:
        items = {str(item["name"]): dict(item) for item in found if str(item["name"]) not in renamed}
        for name in (*used, *renamed.values()):
            if name != VOID_NAME and name not in renamed:
                items.setdefault(name, {"name": name})
        if any("id" not in item for item in items.values()):
            items = {name: {k: v for k, v in item.items() if k != "id"} for name, item in items.items()}
        if not items:
            raise SemsynthError(f"{source} names no classes: name them with `classes=FILE`")
        plain = complete_classes(list(items.values()), source)
        class_set = validated(ClassSet, {"name": source.absolute().name, "classes": plain}, str(source))
    else:
        class_set = classes if isinstance(classes, ClassSet) else ClassSet.open(classes)
    ids = {one.name.casefold(): one.id for one in reversed(class_set.classes)} | {
        one.name: one.id for one in class_set.classes
    }
    ids.setdefault(VOID_NAME, VOID)
    known = {
        name: ids.get(renamed.get(name, name), ids.get(renamed.get(name, name).casefold()))
        for name in dict.fromkeys(used)
    }
    if unknown := [name for name, number in known.items() if number is None]:
        raise SemsynthError(
            f"{source}: the class set '{class_set.name}' has no class {examples(unknown)}: say what it is with "
            f"`meaning={shortened(unknown[0])}:CLASS` or `meaning={shortened(unknown[0])}:{VOID_NAME}`"
        )
    return class_set, {name: number for name, number in known.items() if number is not None}


def _halves(text: str) -> tuple[str, str]:
    name, colon, target = text.rpartition(":")
    if not colon or not name or not target:
        raise SemsynthError(
            f"`meaning={shortened(text)}` is not of the form NAME:CLASS, such as 'car:vehicle' or 'sky:{VOID_NAME}'"
        )
    return name, target


def _layout(
    place: str, picture: Picture, photo: Path, ids: Mapping[str, int], classes: ClassSet, overlap: Overlap
) -> Layout:
    size = picture_header(photo).size
    if picture.size not in (None, size):
        raise SemsynthError(
            f"{place}: it tells of a picture of {pixels(picture.size or ())}, and {photo} is {pixels(size)}: give the "
            f"photo that was annotated; {SKIP}"
        )
    if size[0] * size[1] > MAX_PIXELS:
        raise SemsynthError(f"{photo} has more than {MAX_PIXELS:,} pixels: scale it down")
    try:
        return painted(picture.shapes, ids, size, classes, overlap)
    except SemsynthError as error:
        raise SemsynthError(f"{place}, {error}; correct it, or {SKIP}") from error

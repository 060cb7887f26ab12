"""Which files of a folder are pictures, and how the files of two folders pair: one rule for every command.

Hidden files and what operating systems leave behind are no data. A file's name is its name without suffix, with accents
composed (NFC): macOS decomposes them, so that equal names have two spellings.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from semsynth.errors import SHOWN_PROBLEMS, SemsynthError, shortened
from semsynth.files import explained
from semsynth.images import PICTURE_SUFFIXES

_CLUTTER = frozenset(("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"))
"""Folders that archivers, file systems and network drives add; all others of their kind are hidden."""
_DEEPEST = 16
"""Levels of sub-folders that are looked into."""


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name is no data: hidden, or left behind by a system."""
    return name.startswith(".") or name in _CLUTTER


def is_picture(name: str) -> bool:
    """Whether a file of this name is a picture of the data."""
    return name.lower().endswith(PICTURE_SUFFIXES) and not is_clutter(name)


def name_of_file(path: Path) -> str:
    """The name by which a file pairs with others: without folder and suffix, in composed form."""
    return unicodedata.normalize("NFC", path.stem)


def list_pictures(folder: Path, *, nested: bool = False, others: tuple[str, ...] = ()) -> dict[str, Path]:
    """Picture files of ``folder`` by :func:`name_of_file`, in natural order (2 before 10).

    Args:
        folder: where they lie.
        nested: whether sub-folders count, too. What lies in ``street/a.png`` has the name ``street_a``.
        others: suffixes of further files that are pictures there, in lower case.

    Raises:
        SemsynthError: no such folder, no picture in it (the message says what else there is), two files of one name, or
            a link whose file is gone.
    """
    found: dict[str, Path] = {}
    for path in picture_files(folder, nested=nested, others=others):
        name = unicodedata.normalize("NFC", "_".join(path.relative_to(folder).with_suffix("").parts))
        other = found.setdefault(name, path)
        if other != path:
            raise SemsynthError(f"{other} and {path.relative_to(folder)} have one name: keep one of them")
    if not found:
        raise SemsynthError(_nothing_in(folder))
    return found


def picture_files(folder: Path, *, nested: bool = True, others: tuple[str, ...] = ()) -> list[Path]:
    """Picture files of ``folder``, and of its sub-folders if ``nested``, in natural order; there may be none.

    Files that end with one of ``others`` count as pictures, too.

    Raises:
        SemsynthError: no such folder, one that cannot be read, or a link whose file is gone.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises for names that are too long
        raise SemsynthError(f"there is no folder {shortened(folder)}: check the path")
    return sorted(_pictures(folder, _DEEPEST if nested else 0, others), key=lambda path: natural(str(path)))


def natural(text: str) -> list[tuple[bool, int, str]]:
    """Sort key that compares runs of digits as numbers."""
    parts = re.split(r"(\d+)", unicodedata.normalize("NFC", text))
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def pairing_problems(
    labels: Iterable[str],
    others: Iterable[str],
    folder: str,
    kind: str = "label map",
    way_out: str = "'semsynth data import folder SRC DATA {options}' pairs them",
) -> list[str]:
    """What keeps the names of label maps (or of another kind) and of ``folder`` from pairing; empty if nothing does.

    Every line counts the names and lists some; the last one says how they differ, if that can be seen.

    Args:
        labels: names of the label maps.
        others: names of the files in ``folder``.
        folder: what messages call the folder of the others.
        kind: what messages call a label map.
        way_out: where names differ in one way, what to do about that.
    """
    mine, theirs = dict.fromkeys(labels), dict.fromkeys(others)
    without = [name for name in mine if name not in theirs]
    extra = [name for name in theirs if name not in mine]
    problems = []
    if without:
        have = "has" if len(without) == 1 else "have"
        problems.append(f"{counted(len(without), kind)} {have} no partner in {folder}/: {examples(without)}")
    if extra:
        have = "has" if len(extra) == 1 else "have"
        problems.append(f"{counted(len(extra), 'file')} in {folder}/ {have} no {kind}: {examples(extra)}")
    if parts := _added_parts(without, extra):
        said = " and ".join(f"{kind}s" if "label" in option else f"{folder}/" for option, _ in parts)
        added = " and ".join(f"'{text}'" for _, text in parts)
        options = " ".join(f"{option} {text}" for option, text in parts)
        problems.append(f"the names differ: {said} add {added}: {way_out.format(options=options)}")
    elif {name.casefold() for name in without} & {name.casefold() for name in extra}:
        problems.append("some names differ in upper and lower case only: rename them")
    return problems


def counted(number: int, thing: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def examples(names: Collection[str]) -> str:
    """The first of many names, for messages."""
    shown = [shortened(name) for name, _ in zip(names, range(SHOWN_PROBLEMS), strict=False)]
    return ", ".join(shown) + (f" and {len(names) - len(shown):,} more" if len(names) > len(shown) else "")


def _pictures(folder: Path, depth: int, others: tuple[str, ...] = ()) -> Iterator[Path]:
    """Picture files of ``folder``, and of its sub-folders down to ``depth``, in no order.

    Raises:
        SemsynthError: it cannot be read, or a link leads nowhere.
    """
    with explained(folder, "cannot list"), os.scandir(folder) as entries:
        for entry in entries:
            if is_clutter(entry.name):
                continue
            if depth and entry.is_dir():
                if not (entry.is_symlink() and folder.resolve().is_relative_to(Path(entry.path).resolve())):  # a circle
                    yield from _pictures(Path(entry.path), depth - 1, others)
            elif is_picture(entry.name) or (others and entry.name.lower().endswith(others)):
                if entry.is_file():
                    yield Path(entry.path)
                elif entry.is_symlink() and not os.path.exists(entry.path):  # noqa: PTH110 - as above
                    raise SemsynthError(f"{entry.path} is a link whose file is gone: restore the file, or import again")


def _nothing_in(folder: Path) -> str:
    """Why ``folder`` seems to hold no pictures."""
    deeper: Counter[str] = Counter()
    others = []
    for path in _walk(folder):
        if path.parent == folder and not is_picture(path.name):
            others.append(path.name)
        elif is_picture(path.name):
            deeper[str(path.parent.relative_to(folder))] += 1
    message = f"{folder} holds no pictures ({', '.join(PICTURE_SUFFIXES)})"
    if deeper:
        folders = [f"{name}/ ({number:,})" for name, number in sorted(deeper.items())]
        return f"{message} itself, but sub-folders do: {examples(folders)}; give one of them"
    return f"{message}, but {counted(len(others), 'other file')}: {examples(sorted(others))}" if others else message


def _walk(folder: Path) -> Iterator[Path]:
    """Some files below ``folder``, as many as an explanation needs."""
    seen = 0
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_clutter(name))[:100]
        for name in files:
            if not is_clutter(name):
                yield Path(root) / name
        seen += len(files)
        if seen > 10_000:
            return


def _added_parts(labels: Collection[str], photos: Collection[str]) -> list[tuple[str, str]]:
    """Options of ``data import folder`` that pair most of the names; none where nothing does."""
    found: Counter[tuple[str, str]] = Counter()
    for long, short, kind in ((labels, set(photos), "label"), (photos, set(labels), "photo")):
        for name in long:
            found.update((f"--{kind}-suffix", name[end:]) for end in range(1, len(name)) if name[:end] in short)
            found.update((f"--{kind}-prefix", name[:end]) for end in range(1, len(name)) if name[end:] in short)
    if found:
        (option, text), number = found.most_common(1)[0]
        return [(option, text)] if 2 * number >= min(len(labels), len(photos)) else []
    ends = [_common_start([name[::-1] for name in names])[::-1] for names in (labels, photos) if len(names) > 1]
    shared = len(_common_start(ends))
    label_end, photo_end = (end[shared:] for end in ends) if len(ends) == 2 else ("", "")
    if not label_end or not photo_end:
        return []
    pairs = {name.removesuffix(label_end) for name in labels} & {name.removesuffix(photo_end) for name in photos}
    return [("--label-suffix", label_end), ("--photo-suffix", photo_end)] if pairs else []


def _common_start(names: Collection[str]) -> str:
    first, last = min(names, default=""), max(names, default="")
    different = (place for place, (one, other) in enumerate(zip(first, last, strict=False)) if one != other)
    return first[: next(different, min(len(first), len(last)))]

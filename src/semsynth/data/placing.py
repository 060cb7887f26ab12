"""Files of a source become files of a dataset folder: linked, copied or made, each once, several at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from semsynth.data.progress import Progress
from semsynth.files import explained, make_folder, write_atomically

Item = TypeVar("Item")

Place = Callable[[Path, Path], None]
"""Makes the second path from the first."""


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


def keep(source: Path, target: Path) -> None:
    """A hard link, else a copy: for files that will be removed."""
    make_folder(target.parent)
    try:
        target.hardlink_to(source)
    except OSError:
        copy(source, target)


def copy(source: Path, target: Path) -> None:
    """An independent copy, written atomically."""
    write_atomically(target, lambda partial: _copy_bytes(source, partial))


def once(source: Path, target: Path, place: Place) -> None:
    """Make ``target`` from ``source``, unless it is there."""
    if not target.exists():
        target.unlink(missing_ok=True)  # a link whose source is gone
        place(source, target)


def in_parallel(work: Callable[[Item], None], items: Sequence[Item], progress: Progress) -> None:
    """Do ``work`` for every item, a few at a time; after an error or an interrupt nothing new is begun."""
    pool = ThreadPoolExecutor()
    try:
        for done, _ in enumerate(pool.map(work, items), 1):
            progress(done, len(items))
    finally:
        pool.shutdown(cancel_futures=True)


def _copy_bytes(source: Path, target: Path) -> None:
    with explained(source, "cannot copy"):
        shutil.copyfile(source, target)

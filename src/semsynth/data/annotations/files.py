"""Which files of a folder hold annotations, and the values in them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from semsynth.data.listing import is_clutter, natural
from semsynth.errors import SemsynthError, shortened
from semsynth.files import explained, opened

_DEEPEST = 16
_MOST = 2_000_000
"""Files that a folder may hold."""
_BLOCK = 2**20


def files_below(folder: Path, suffix: str) -> list[Path]:
    """Files of a suffix in ``folder`` and its sub-folders, in natural order; there may be none.

    Raises:
        SemsynthError: no such folder, or one that cannot be read or has millions of files.
    """
    if not folder.is_dir():
        raise SemsynthError(f"there is no folder {shortened(folder)}: check the path")
    return sorted(_walk(folder, suffix), key=lambda path: natural(str(path)))


def mentions(path: Path, words: Sequence[bytes]) -> bool:
    """Whether the file at ``path`` has all of some words, which costs less than parsing it."""
    missing, before = set(words), b""
    with opened(path) as file:
        while missing and (block := file.read(_BLOCK)):
            text = before + block
            missing -= {word for word in missing if word in text}
            before = block[-64:]
    return not missing


def whole(value: Any, what: str) -> int:
    """``value`` as a whole number.

    Raises:
        ValueError: it is none; the message says ``what`` should have been one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
        raise ValueError(f"its {what} is not a whole number: {shortened(repr(value))}")
    return int(value)


def text(value: Any, what: str) -> str:
    """``value`` as text.

    Raises:
        ValueError: it is none, or empty.
    """
    if not isinstance(value, str) or not value:
        raise ValueError(f"its {what} is not a name: {shortened(repr(value))}")
    return value


def size_of(width: Any, height: Any) -> tuple[int, int]:
    """(height, width).

    Raises:
        ValueError: they are no sizes.
    """
    size = whole(height, "height"), whole(width, "width")
    if min(size) < 1:
        raise ValueError(f"its size {size[1]}x{size[0]} is not one of a picture")
    return size


def _walk(folder: Path, suffix: str) -> Iterator[Path]:
    files, known, waiting = 0, {folder.resolve()}, [(folder, 0)]
    with explained(folder, "cannot list"):
        while waiting:
            here, depth = waiting.pop()
            with os.scandir(here) as entries:
                for entry in entries:
                    if is_clutter(entry.name):
                        continue
                    path = Path(entry.path)
                    if entry.is_dir():  # links, too, but every folder once
                        if depth < _DEEPEST and path.resolve() not in known:
                            known.add(path.resolve())
                            waiting.append((path, depth + 1))
                    elif entry.name.lower().endswith(suffix) and entry.is_file():
                        yield path
                    files += 1
                    if files > _MOST:
                        raise SemsynthError(
                            f"{folder} holds more than {_MOST:,} files: give a folder of the data alone"
                        )

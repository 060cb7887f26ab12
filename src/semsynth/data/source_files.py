"""Files of a download: what has to be there, and lists in text files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from semsynth.errors import SemsynthError
from semsynth.files import explained

_SHOWN = 5
"""How many names a message lists."""


def required(path: Path, origin: str) -> Path:
    """``path``, which has to be there.

    Args:
        path: an official file or folder.
        origin: where it comes from, the end of the message.

    Raises:
        SemsynthError: it is missing.
    """
    if not path.exists():
        raise SemsynthError(f"{path} is missing: {origin}")
    return path


def read_lines(path: Path) -> list[str]:
    """The lines of a text file without empty ones and without space around them.

    Raises:
        SemsynthError: it cannot be read, or is no text.
    """
    with explained(path, "cannot read"):
        data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SemsynthError(f"{path} is no text file ({error}): give the list itself") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def few(names: Sequence[str]) -> str:
    """The first of many names, for messages."""
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")

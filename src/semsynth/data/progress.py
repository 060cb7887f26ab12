"""How long jobs tell how far they are, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with (done, total) after every item."""


def silent(done: int, total: int) -> None:
    """Tell nobody."""


Stages = Callable[[str], Progress]
"""Called with the name of each part of a job; returns what is called during that part."""


def silent_stages(name: str) -> Progress:
    """Tell nobody."""
    return silent


Tell = Callable[[str], None]
"""Called with what there is to say while a job runs: a note, or what went wrong and was mended."""


def tell_nobody(text: str) -> None:
    """Tell nobody."""

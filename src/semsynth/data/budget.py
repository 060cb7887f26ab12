"""How many pixels are in work at a time: threads that each read a picture must not fill the memory together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition

from semsynth.images import MAX_PIXELS, pixels_by_header


class PixelBudget:
    """A number of pixels that threads share; one picture that exceeds it waits until it is alone."""

    def __init__(self, pixels: int = MAX_PIXELS) -> None:
        self._total, self._used = pixels, 0
        self._changed = Condition()

    @contextmanager
    def reserved(self, path: Path) -> Iterator[None]:
        """Wait until the picture at ``path`` fits beside what others read, and keep its place inside."""
        pixels = min(pixels_by_header(path), self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._used + pixels <= self._total)
            self._used += pixels
        try:
            yield
        finally:
            with self._changed:
                self._used -= pixels
                self._changed.notify_all()

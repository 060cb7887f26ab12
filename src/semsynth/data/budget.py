"""How many pixels are in work at a time: threads that each read a picture must not fill the memory together."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition

from semsynth.errors import SemsynthError
from semsynth.images import MAX_PIXELS, picture_header


class PixelBudget:
    """A number of pixels that threads share; one picture that exceeds it waits until it is alone."""

    def __init__(self, pixels: int = MAX_PIXELS) -> None:
        self._total, self._used = pixels, 0
        self._changed = Condition()

    @contextmanager
    def reserved(self, path: Path) -> Iterator[None]:
        """Wait until the picture at ``path`` fits beside what others read, and keep its place inside."""
        pixels = 0  # where the header cannot be read: whoever decodes it says what is wrong
        with suppress(SemsynthError):
            pixels = min(math.prod(picture_header(path).size), self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._used + pixels <= self._total)
            self._used += pixels
        try:
            yield
        finally:
            with self._changed:
                self._used -= pixels
                self._changed.notify_all()

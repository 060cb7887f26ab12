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
    def reserved(self, *pictures: Path | bytes | None) -> Iterator[None]:
        """Wait until pictures that are read one after another fit beside what others read; keep their place inside.

        Args:
            pictures: files, or what files hold; the largest counts. None is no picture.
        """
        pixels = min(max((_pixels(one) for one in pictures if one is not None), default=0), self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._used + pixels <= self._total)
            self._used += pixels
        try:
            yield
        finally:
            with self._changed:
                self._used -= pixels
                self._changed.notify_all()


def _pixels(picture: Path | bytes) -> int:
    """As the header says; 0 where it cannot be read: whoever decodes the picture says what is wrong."""
    with suppress(SemsynthError):
        return math.prod(picture_header(picture).size)
    return 0
